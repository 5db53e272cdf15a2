/**
 * The report on the terminal: one block a workload as soon as it is measured, the targets at the
 * end, and a progress line in between when the terminal can rewrite one.
 */

import os from 'node:os';
import {
  formatActual,
  formatBytes,
  formatMetric,
  formatMicroseconds,
  formatRate,
  formatRatio,
  formatShare,
} from './format.mjs';

/** @type {import('../types.d.ts').Baseline[]} */
const BASELINES = ['ws', 'floor', 'floor-shared', 'bun', 'before'];
/** From here on the load may be what limits messages a second. */
const LOAD_LIMIT = 0.9;
/** A load average from here on, for each core, says that the machine is not ours. */
const BUSY_LIMIT = 0.25;
const MARKS = {
  pass: '✓ pass',
  miss: '✗ MISS',
  disturbed: '~ disturbed',
  'not measured': '· not measured',
};

/** @param {string} line */
export function showProgress(line) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${line}`);
}

export function clearProgress() {
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[2K');
}

/**
 * Prints a line in place of the progress.
 *
 * @param {string} line
 */
export function printLine(line) {
  clearProgress();
  console.log(line);
}

/**
 * @param {string[][]} rows - the first is the head; the first column is text, the others are numbers
 */
export function alignColumns(rows) {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column === 0 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('   ')
      .trimEnd(),
  );
}

/** @typedef {[head: string, cell: (peer: import('../types.d.ts').PeerResult) => string]} Column */

/**
 * @param {import('../types.d.ts').Baseline} baseline
 * @returns {Column}
 */
function ratioColumn(baseline) {
  return [`vs ${baseline}`, ({ ratios }) => formatRatio(ratios[baseline])];
}

/**
 * Gives the columns that this workload has values for.
 *
 * @param {import('../types.d.ts').WorkloadResult} result
 * @returns {Column[]}
 */
function columnsOf({ metric, per, peers }) {
  const has = (/** @type {keyof import('../types.d.ts').Sample} */ field) =>
    peers.some(({ median }) => median[field] !== undefined);
  const name = { cpu: `CPU/${per}`, memory: `RSS/${per}`, growth: 'RSS growth' }[metric];
  /** @type {(Column | false)[]} */
  const columns = [
    [name, ({ median }) => formatMetric(metric, median[metric])],
    ...BASELINES.filter((baseline) => peers.some(({ peer }) => peer === baseline)).map(ratioColumn),
    has('perSecond') &&
      metric === 'cpu' && [
        `${per.replace(/y$/, 'ie')}s/s`,
        ({ median }) => formatRate(median.perSecond ?? 0),
      ],
    has('p50') && ['p50', ({ median }) => formatMicroseconds(median.p50 ?? 0)],
    has('p99') && ['p99', ({ median }) => formatMicroseconds(median.p99 ?? 0)],
    // Without compression everybody sends the same bytes.
    new Set(peers.map(({ median }) => median.wire)).size > 1 && [
      'bytes out',
      ({ median }) => formatRate(median.wire ?? 0),
    ],
    has('loopDelayP99') && [
      'loop p99',
      ({ median }) =>
        median.loopDelayP99 === undefined ? '-' : `${median.loopDelayP99.toFixed(1)} ms`,
    ],
    has('rss') && ['RSS', ({ median }) => formatBytes(median.rss ?? 0)],
    metric === 'growth' && ['refused', ({ median }) => formatRate(median.count ?? 0)],
    has('subjectShare') && ['core', ({ median }) => formatShare(median.subjectShare)],
    has('others') && ['others', ({ median }) => formatShare(median.others)],
    has('loadShare') && [
      'load',
      ({ median }) =>
        `${formatShare(median.loadShare)}${(median.loadShare ?? 0) > LOAD_LIMIT ? '!' : ' '}`,
    ],
  ];
  return columns.filter((column) => column !== false);
}

/** @param {import('../types.d.ts').WorkloadResult} result */
export function printWorkload(result) {
  const columns = columnsOf(result);
  const measured = result.peers.filter(({ samples }) => samples.length > 0);
  const rows = [
    [`${result.id}`, ...columns.map(([head]) => head)],
    ...measured.map((peer) => [`  ${peer.peer}`, ...columns.map(([, cell]) => cell(peer))]),
  ];
  console.log(`\n${result.group}: ${result.title}`);
  for (const line of alignColumns(rows)) console.log(line);
  const { reasons, repeats } = result.disturbance;
  if (reasons.length > 0) {
    console.log(`  DISTURBED (measured ${repeats + 1} times): ${reasons.join('; ')}. No verdict.`);
  }
  for (const { peer, failure } of result.peers) {
    if (failure !== undefined)
      console.log(`  ${peer} FAILED: ${failure.split('\n').slice(0, 2).join('')}`);
  }
}

/** @param {import('../types.d.ts').Verdict[]} verdicts */
export function printVerdicts(verdicts) {
  if (verdicts.length === 0) return;
  const rows = [
    ['Targets of Sanswire', 'at most', 'actual', ''],
    ...verdicts.map((verdict) => [
      `  ${verdict.title}`,
      verdict.label,
      formatActual(verdict),
      MARKS[verdict.outcome],
    ]),
  ];
  console.log('');
  for (const line of alignColumns(rows)) console.log(line);
}

/** @param {import('../types.d.ts').MachineLoad} load */
export function printLoad({ averageAtStart, averageAtEnd, steal }) {
  console.log(
    `\nLoad average ${averageAtStart.toFixed(2)} at the start, ` +
      `${averageAtEnd.toFixed(2)} at the end` +
      `${steal === undefined ? '' : `, steal ${(steal * 100).toFixed(1)} %`}.`,
  );
}

/** @param {import('../types.d.ts').Machine} machine */
export function printMachine(machine) {
  const { cpu, cores, kernel, node, versions } = machine;
  const [average = 0] = os.loadavg();
  const list = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  console.log(`${cpu}, ${cores} cores, ${kernel}, Node ${node}`);
  console.log(`Peers: ${list.join(', ')}`);
  if (machine.pinned) {
    console.log(`Subjects on core ${machine.subjectCore}, load on core ${machine.loadCore}.`);
  } else {
    console.log('NOT PINNED (needs taskset and two cores): processes may share or change cores.');
  }
  const isBusy = average > cores * BUSY_LIMIT;
  console.log(
    `Load average ${average.toFixed(2)}${isBusy ? ': BUSY, expect disturbed rows' : ''}.`,
  );
  console.log(
    'CPU is user + sys of the subject. "load" is the generator\'s share of its core; where it',
  );
  console.log(
    'is marked !, it may limit the rate, and only the CPU figures say something of the subject.',
  );
}
