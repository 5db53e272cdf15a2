/**
 * The figures section of docs/performance.md: the machine, a chart and a table for each group, and
 * the targets.
 */

import { formatActual, formatBytes, formatMetric, formatRatio } from './format.mjs';

const MARKS = { pass: 'pass', miss: '**miss**', 'not measured': 'not measured' };

/** @param {string} group */
export function chartName(group) {
  return group.toLowerCase().replaceAll(' ', '-');
}

/** @param {import('../types.d.ts').Report} report */
function machineSection({ machine, startedAt, options }) {
  const { cpu, cores, memoryBytes, kernel, node, versions, pinned } = machine;
  const peers = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const cored = pinned
    ? `The process under test was pinned to core ${machine.subjectCore}, the load to core ${machine.loadCore}.`
    : 'Processes were **not pinned** to cores.';
  return [
    `Measured on ${startedAt.slice(0, 10)} with Node ${node} on ${cpu} (${cores} cores, ` +
      `${formatBytes(memoryBytes)} of memory), ${kernel}. ${cored} ` +
      `Medians of ${options.rounds} rounds of ${options.windowMs} ms over all peers in turn.`,
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
  const rows = results.map(({ title, per, metric, peers }) => {
    const cells = names.map((name) => {
      const peer = peers.find((each) => each.peer === name);
      if (peer === undefined) return '';
      if (peer.samples.length === 0) return 'failed';
      const value = formatMetric(metric, peer.median[metric]);
      return name === 'ws' || peer.toWs === undefined
        ? value
        : `${value} (${formatRatio(peer.toWs)})`;
    });
    return `| ${title}, per ${per} | ${cells.join(' | ')} |`;
  });
  return [
    `### ${group}`,
    '<picture>\n' +
      `  <source media="(prefers-color-scheme: dark)" srcset="${file}-dark.svg">\n` +
      `  <img alt="${group}: Sanswire beside its peers" src="${file}-light.svg">\n` +
      '</picture>',
    [`| | ${names.join(' | ')} |`, `|---|${names.map(() => '---:|').join('')}`, ...rows].join('\n'),
  ].join('\n\n');
}

/** @param {import('../types.d.ts').Verdict[]} verdicts */
function targetsSection(verdicts) {
  if (verdicts.length === 0) return '';
  const rows = verdicts.map(
    (verdict) =>
      `| ${verdict.title} | ${verdict.label} | ${formatActual(verdict)} | ${MARKS[verdict.outcome]} |`,
  );
  return [
    '### Targets',
    ['| Workload | At most | Actual | |', '|---|---|---:|---|', ...rows].join('\n'),
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
  const sections = [machineSection(report), note, ...groups, targetsSection(report.verdicts)];
  return sections.filter((section) => section !== '').join('\n\n');
}
