/**
 * One SVG for a group of workloads: a panel a workload, a bar a peer, each panel on its own linear
 * scale from zero.
 *
 * Small multiples and not one axis: values differ a thousandfold between workloads, and a
 * logarithmic bar has no honest length. Each bar says its value and its ratio to ws in words, so
 * the colours carry no meaning that the text does not. Two files, light and dark, because an SVG in
 * an <img> follows the system and not the page.
 */

import { isFloor } from '../peers/index.mjs';
import { formatMetric, formatPeer, formatRatio } from './format.mjs';

export const THEMES = /** @type {const} */ (['light', 'dark']);

const COLOURS = {
  light: {
    background: '#ffffff',
    text: '#1c2330',
    faint: '#5d6675',
    track: '#eef0f4',
    bar: '#a9b4c6',
    floor: '#d3d9e3',
    own: '#0b7a75',
  },
  dark: {
    background: '#12161d',
    text: '#e8ebf0',
    faint: '#9aa4b5',
    track: '#1d232d',
    bar: '#5b6a82',
    floor: '#37424f',
    own: '#2fbfb2',
  },
};

const PANEL_WIDTH = 468;
const COLUMNS = 2;
const GUTTER = 24;
const MARGIN = 24;
const TITLE_HEIGHT = 68;
const PANEL_TITLE_HEIGHT = 30;
const ROW_HEIGHT = 24;
const BAR_HEIGHT = 14;
const LABEL_WIDTH = 128;
const VALUE_WIDTH = 144;
const BAR_SPACE = PANEL_WIDTH - LABEL_WIDTH - VALUE_WIDTH;
const PANEL_GAP = 22;
const FONT = "font-family='system-ui, -apple-system, Segoe UI, Roboto, sans-serif'";

/** @param {string} text */
function escapeXml(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll("'", '&#39;');
}

/**
 * @param {string} text
 * @param {{ x: number; y: number; size: number; fill: string; weight?: number; anchor?: string }} style
 */
function textElement(text, { x, y, size, fill, weight = 400, anchor = 'start' }) {
  return (
    `<text x='${x}' y='${y}' font-size='${size}' font-weight='${weight}' fill='${fill}' ` +
    `text-anchor='${anchor}'>${escapeXml(text)}</text>`
  );
}

/** @param {import('../types.d.ts').WorkloadResult} result */
function measuredPeers({ peers, metric }) {
  return peers.filter(({ median }) => Number.isFinite(median[metric]));
}

/** @param {import('../types.d.ts').WorkloadResult} result */
function panelHeight(result) {
  return PANEL_TITLE_HEIGHT + measuredPeers(result).length * ROW_HEIGHT;
}

/**
 * @param {import('../types.d.ts').WorkloadResult} result
 * @param {{ x: number; y: number }} origin
 * @param {(typeof COLOURS)['light']} colours
 */
function renderPanel(result, { x, y }, colours) {
  const { metric, title } = result;
  const peers = measuredPeers(result);
  const longest = Math.max(...peers.map(({ median }) => median[metric] ?? 0), Number.MIN_VALUE);
  const head = textElement(title, { x, y: y + 14, size: 13.5, weight: 600, fill: colours.text });
  const rows = peers.map(({ peer, median, ratios }, index) => {
    const top = y + PANEL_TITLE_HEIGHT + index * ROW_HEIGHT;
    const baseline = top + 11.5;
    const value = Math.max(0, median[metric] ?? 0);
    const isOwn = peer.startsWith('sanswire');
    const fill = isOwn ? colours.own : isFloor(peer) ? colours.floor : colours.bar;
    // A bar too short to see would read as "nothing measured".
    const length = Math.max(2, (value / longest) * BAR_SPACE);
    const ratio = ratios.ws === undefined || peer === 'ws' ? '' : `${formatRatio(ratios.ws)} × ws`;
    const style = { size: 12, fill: isOwn ? colours.own : colours.text, weight: isOwn ? 700 : 400 };
    return [
      textElement(formatPeer(peer), {
        x: x + LABEL_WIDTH - 10,
        y: baseline,
        anchor: 'end',
        ...style,
      }),
      `<rect x='${x + LABEL_WIDTH}' y='${top}' width='${BAR_SPACE}' height='${BAR_HEIGHT}' rx='2' fill='${colours.track}'/>`,
      `<rect x='${x + LABEL_WIDTH}' y='${top}' width='${length.toFixed(1)}' height='${BAR_HEIGHT}' rx='2' fill='${fill}'/>`,
      textElement(formatMetric(metric, value), {
        x: x + LABEL_WIDTH + BAR_SPACE + 8,
        y: baseline,
        ...style,
      }),
      textElement(ratio, {
        x: x + PANEL_WIDTH,
        y: baseline,
        anchor: 'end',
        ...style,
        fill: isOwn ? colours.own : colours.faint,
      }),
    ].join('\n');
  });
  return [head, ...rows].join('\n');
}

/** @param {import('../types.d.ts').WorkloadResult[]} results */
function subtitleOf(results) {
  if (results.some(({ metric }) => metric !== 'cpu')) {
    return 'CPU time, or memory (RSS) where the value is in bytes: less is better';
  }
  const units = [...new Set(results.map(({ per }) => per))].join(' or ');
  return `CPU time per ${units} of the process under test (user + sys): less is better`;
}

/**
 * @param {string} group
 * @param {import('../types.d.ts').WorkloadResult[]} allResults
 * @param {keyof typeof COLOURS} theme
 * @returns {string} an SVG document
 */
export function renderChart(group, allResults, theme) {
  const colours = COLOURS[theme];
  const results = allResults.filter((result) => measuredPeers(result).length > 0);
  const width = MARGIN * 2 + PANEL_WIDTH * COLUMNS + GUTTER;
  let y = TITLE_HEIGHT + MARGIN;
  const panels = [];
  for (let index = 0; index < results.length; index += COLUMNS) {
    const row = results.slice(index, index + COLUMNS);
    for (const [column, result] of row.entries()) {
      const x = MARGIN + column * (PANEL_WIDTH + GUTTER);
      panels.push(renderPanel(result, { x, y }, colours));
    }
    y += Math.max(...row.map(panelHeight)) + PANEL_GAP;
  }
  const height = y + MARGIN - PANEL_GAP;
  return `<svg xmlns='http://www.w3.org/2000/svg' width='${width}' height='${height}' viewBox='0 0 ${width} ${height}' role='img' ${FONT}>
<title>${escapeXml(group)}: Sanswire beside its peers</title>
<rect width='${width}' height='${height}' fill='${colours.background}'/>
${textElement(group, { x: MARGIN, y: 42, size: 20, weight: 700, fill: colours.text })}
${textElement(subtitleOf(results), { x: MARGIN, y: 64, size: 12.5, fill: colours.faint })}
${panels.join('\n')}
</svg>
`;
}
