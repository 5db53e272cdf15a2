/**
 * The figures section of docs/performance.md: the machine, a chart and a table for each group, and
 * the targets.
 */

import { titleOf } from '../workloads.mjs';
import { formatActual, formatBytes, formatMetric, formatPeer, formatRatio } from './format.mjs';

const MARKS = {
  pass: 'pass',
  miss: '**miss**',
  disturbed: 'disturbed',
  'not measured': 'not measured',
};

/** @param {string} group */
export function chartName(group) {
  return group.toLowerCase().replaceAll(' ', '-');
}

/** @param {import('../types.d.ts').Report} report */
function machineSection({ machine, startedAt, options, load, workloads }) {
  const { cpu, cores, memoryBytes, kernel, node, versions, pinned } = machine;
  const peers = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const cored = pinned
    ? `The process under test was pinned to core ${machine.subjectCore}, the load to core ${machine.loadCore}.`
    : 'Processes were **not pinned** to cores.';
  const disturbed = workloads.filter(({ disturbance }) => disturbance.reasons.length > 0);
  const steal = load.steal === undefined ? '' : `, steal ${(load.steal * 100).toFixed(1)} %`;
  return [
    `Measured on ${startedAt.slice(0, 10)} with Node ${node} on ${cpu} (${cores} cores, ` +
      `${formatBytes(memoryBytes)} of memory), ${kernel}. ${cored} ` +
      `Medians of ${options.rounds} rounds of ${options.windowMs} ms over all peers in turn. ` +
      `Load average at the start ${load.averageAtStart.toFixed(2)}${steal}; ` +
      `${disturbed.length} of ${workloads.length} rows were disturbed.`,
    `Versions: ${peers.join(', ')}.`,
  ].join('\n\n');
}

/**
 * @param {string} group
 * @param {import('../types.d.ts').WorkloadResult[]} results
 */
function groupSection(group, results) {
  const names = [...new Set(results.flatMap(({ peers }) => peers.map(({ peer }) => peer)))];
  const file = `charts/${chartName(group)}`;
  const rows = results.map(({ title, per, metric, peers, disturbance }) => {
    const cells = names.map((name) => {
      const peer = peers.find((each) => each.peer === name);
      if (peer === undefined) return '';
      if (peer.samples.length === 0) return 'failed';
      const value = formatMetric(metric, peer.median[metric]);
      return name === 'ws' || peer.ratios.ws === undefined
        ? value
        : `${value} (${formatRatio(peer.ratios.ws)})`;
    });
    const mark = disturbance.reasons.length > 0 ? ' (disturbed)' : '';
    return `| ${title}, per ${per}${mark} | ${cells.join(' | ')} |`;
  });
  return [
    `### ${group}`,
    '<picture>\n' +
      `  <source media="(prefers-color-scheme: dark)" srcset="${file}-dark.svg">\n` +
      `  <img alt="${group}: Sanswire beside its peers" src="${file}-light.svg">\n` +
      '</picture>',
    [
      `| | ${names.map(formatPeer).join(' | ')} |`,
      `|---|${names.map(() => '---:|').join('')}`,
      ...rows,
    ].join('\n'),
  ].join('\n\n');
}

/** @param {import('../types.d.ts').Verdict[]} verdicts */
export function targetsTable(verdicts) {
  if (verdicts.length === 0) return '';
  const rows = verdicts.map(
    (verdict) =>
      `| ${verdict.title} | ${verdict.label} | ${formatActual(verdict)} | ${MARKS[verdict.outcome]} |`,
  );
  return ['| Workload | At most | Actual | |', '|---|---|---:|---|', ...rows].join('\n');
}

/** @param {import('../types.d.ts').WorkloadResult[]} workloads */
function beforeSection(workloads) {
  const rows = workloads.flatMap(({ id, peers }) => {
    const cells = ['sanswire', 'sanswire-ws'].map((name) => {
      const ratio = peers.find(({ peer }) => peer === name)?.ratios.before;
      return ratio === undefined ? '' : formatRatio(ratio);
    });
    return cells.every((cell) => cell === '') ? [] : [`| ${titleOf(id)} | ${cells.join(' | ')} |`];
  });
  if (rows.length === 0) return '';
  return [
    '### Before and after',
    'This build as a ratio to the one before it, in the same rounds.',
    ['| | sanswire | sanswire-ws |', '|---|---:|---:|', ...rows].join('\n'),
  ].join('\n\n');
}

/**
 * @param {import('../types.d.ts').Report} report
 * @returns {Map<string, import('../types.d.ts').WorkloadResult[]>}
 */
export function groupResults({ workloads }) {
  /** @type {Map<string, import('../types.d.ts').WorkloadResult[]>} */
  const groups = new Map();
  for (const workload of workloads) {
    groups.set(workload.group, [...(groups.get(workload.group) ?? []), workload]);
  }
  return groups;
}

/** @param {import('../types.d.ts').Report} report */
export function renderFigures(report) {
  const note =
    'Each cell is CPU time or memory, and in brackets the ratio to ws in the same rounds; less is better.';
  const groups = [...groupResults(report)].map(([group, results]) => groupSection(group, results));
  const targets = targetsTable(report.verdicts);
  const sections = [
    machineSection(report),
    note,
    ...groups,
    beforeSection(report.workloads),
    targets && `### Targets\n\n${targets}`,
  ];
  return sections.filter((section) => section !== '').join('\n\n');
}
