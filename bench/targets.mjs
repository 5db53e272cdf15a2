/**
 * What Sanswire has set itself to reach, as ratios inside one run or as plain bounds; data and the
 * comparison.
 *
 * A ratio is the median of the ratios of each round. A target whose peers were not in the run is
 * "not measured", one whose row was disturbed is "disturbed": neither is a pass or a miss.
 */

import { pairedRatio } from './runner/statistics.mjs';
import { titleOf, WORKLOADS } from './workloads.mjs';

/**
 * @param {string} workload
 * @param {import('./types.d.ts').Baseline} against
 * @param {number} atMost
 * @param {{ label?: string; value?: keyof import('./types.d.ts').Sample; subject?: string }} [more]
 * @returns {import('./types.d.ts').Target}
 */
function ratio(workload, against, atMost, { label, value = 'cpu', subject } = {}) {
  const suffix = subject === undefined ? '' : ` (${subject})`;
  return {
    workload,
    against,
    value,
    atMost,
    label: `${label ?? atMost} of ${against}${suffix}`,
    ...(subject !== undefined && { subject }),
  };
}

/**
 * Less CPU than Bun's native server takes.
 *
 * @param {string} workload
 */
function aheadOfBun(workload) {
  return ratio(workload, 'bun', 1);
}

/**
 * @param {string} workload
 * @param {keyof import('./types.d.ts').Sample} value
 * @param {number} atMost
 * @param {string} label
 * @returns {import('./types.d.ts').Target}
 */
function bound(workload, value, atMost, label) {
  return { workload, against: 'absolute', value, atMost, label };
}

/** How much more a ratio may be on a later Node than on the oldest that is supported. */
const NODE_MARGIN = 0.1;
const OLDEST_NODE = 20;
const FIRST_JUDGED_NODE = 24;

/** @type {import('./types.d.ts').Target[]} */
export const TARGETS = [
  ratio('echo-16-text', 'ws', 0.65),
  ratio('echo-16-text', 'floor', 1),
  ratio('echo-1k-binary', 'ws', 0.65),
  ratio('echo-1k-binary', 'floor', 0.9),
  ratio('echo-1k-text', 'ws', 0.65),
  ratio('echo-1k-text', 'floor', 0.9),
  ratio('echo-1k-unicode', 'ws', 0.9),
  ratio('echo-64k-binary', 'ws', 0.45),
  ratio('echo-64k-binary', 'floor', 0.8),
  aheadOfBun('echo-64k-binary'),
  ratio('echo-1m-binary', 'ws', 0.35),
  ratio('echo-1m-binary', 'floor', 0.75),
  aheadOfBun('echo-1m-binary'),
  ratio('tls-64k-binary', 'ws', 0.8),
  ratio('echo-32-text', 'ws', 0.11),
  ratio('echo-32-text', 'floor', 1.5),
  ratio('echo-125-binary', 'ws', 1 / 20, { label: '1/20' }),
  ratio('echo-125-binary', 'floor', 2.2),
  ratio('echo-4k-binary', 'ws', 0.2),
  ratio('echo-4k-binary', 'floor', 0.9),
  aheadOfBun('echo-4k-binary'),
  ratio('event-source', 'floor', 1.08),
  ratio('broadcast-prepared', 'ws', 0.75),
  ratio('deflate-1k-chat', 'ws', 0.35),
  ratio('deflate-1k-chat', 'ws', 1.05, { label: '1.05 of the bytes', value: 'wire' }),
  ratio('deflate-1k', 'ws', 1 / 8, { label: '1/8' }),
  ratio('deflate-1k', 'ws', 1.05, { label: '1.05 of the bytes', value: 'wire' }),
  ratio('deflate-64k', 'ws', 1),
  bound('deflate-64k', 'loopDelayP99', 20, '20 ms loop delay p99'),
  ratio('deflate-1m', 'ws', 1),
  bound('deflate-1m', 'loopDelayP99', 20, '20 ms loop delay p99'),
  ratio('deflate-broadcast', 'ws', 1 / 4, { label: '1/4' }),
  ratio('handshake', 'ws', 0.85),
  ratio('handshake', 'ws', 0.9, { subject: 'sanswire-ws' }),
  ratio('idle-plain', 'ws', 0.9, { value: 'memory' }),
  bound('idle-deflate', 'memory', 14_000, '14 KB a connection'),
  bound('bombs', 'growth', 64 * 1024 * 1024, '64 MiB'),
  ratio('client-125-binary', 'ws', 1 / 5, { label: '1/5' }),
  // The face of ws must cost what the engine's own face does.
  ...WORKLOADS.filter(({ group }) => group === 'Echo').map(({ id }) =>
    ratio(id, 'sanswire', 1.1, { subject: 'sanswire-ws' }),
  ),
];

/**
 * Compares what was measured with every target that the run could have measured.
 *
 * @param {import('./types.d.ts').WorkloadResult[]} results
 * @returns {import('./types.d.ts').Verdict[]}
 */
export function judge(results) {
  return TARGETS.flatMap((target) => {
    const result = results.find(({ id }) => id === target.workload);
    if (result === undefined) return [];
    return [verdictOf(target, measuredValue(target, result), [result])];
  });
}

/**
 * Compares ratios between versions of Node: on a later one, those to ws and to the floor that have
 * a target may not be much worse than on the oldest.
 *
 * @param {import('./types.d.ts').NodeResult[]} nodes
 * @returns {import('./types.d.ts').Verdict[]}
 */
export function judgeNodes(nodes) {
  const oldest = nodes.find(({ version }) => majorOf(version) === OLDEST_NODE);
  const later = nodes.filter(({ version }) => majorOf(version) >= FIRST_JUDGED_NODE);
  if (oldest === undefined) return [];
  const targets = TARGETS.filter(
    ({ against, subject, value }) =>
      (against === 'ws' || against === 'floor') && subject === undefined && value !== 'wire',
  );
  return targets.flatMap((target) => {
    const first = oldest.workloads.find(({ id }) => id === target.workload);
    const base = first && measuredValue(target, first);
    if (first === undefined || base === undefined) return [];
    return later.flatMap(({ version, workloads }) => {
      const result = workloads.find(({ id }) => id === target.workload);
      if (result === undefined) return [];
      const atMost = base + NODE_MARGIN;
      const label = `${atMost.toFixed(2)} of ${target.against} on Node ${majorOf(version)}`;
      const bounded = { ...target, atMost, label };
      return [verdictOf(bounded, measuredValue(target, result), [first, result])];
    });
  });
}

/** @param {string} version - as in `v20.19.0` */
function majorOf(version) {
  return Number.parseInt(version.slice(1), 10);
}

/**
 * @param {import('./types.d.ts').Target} target
 * @param {number | undefined} actual
 * @param {import('./types.d.ts').WorkloadResult[]} rows - that the value is from
 * @returns {import('./types.d.ts').Verdict}
 */
function verdictOf(target, actual, rows) {
  const verdict = { ...target, title: titleOf(target.workload), actual };
  if (actual === undefined) return { ...verdict, outcome: 'not measured' };
  const isDisturbed = rows.some(({ disturbance }) => disturbance.reasons.length > 0);
  if (isDisturbed) return { ...verdict, outcome: 'disturbed' };
  return { ...verdict, outcome: actual <= target.atMost ? 'pass' : 'miss' };
}

/**
 * @param {import('./types.d.ts').Target} target
 * @param {import('./types.d.ts').WorkloadResult} result
 */
function measuredValue({ subject = 'sanswire', against, value }, { peers }) {
  const own = peers.find(({ peer }) => peer === subject);
  if (own === undefined) return undefined;
  if (against === 'absolute') return own.median[value];
  return pairedRatio(own.samples, peers.find(({ peer }) => peer === against)?.samples, value);
}
