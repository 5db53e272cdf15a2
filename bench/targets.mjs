/**
 * What Sanswire has set itself to reach, as ratios inside one run or as plain bounds; data and the
 * one comparison.
 *
 * Ratios are of the workload's metric. A target whose peers were not in the run is "not measured",
 * never a pass.
 */

import { WORKLOADS } from './workloads.mjs';

/**
 * @param {string} workload
 * @param {'ws' | 'floor'} against
 * @param {number} atMost
 * @param {string} [label]
 * @param {keyof import('./types.d.ts').Sample} [value]
 * @returns {import('./types.d.ts').Target}
 */
function ratio(workload, against, atMost, label = String(atMost), value = 'cpu') {
  return { workload, against, value, atMost, label: `${label} of ${against}` };
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

/**
 * The face of ws must cost what the engine's own face does.
 *
 * @param {string} workload
 * @returns {import('./types.d.ts').Target}
 */
function face(workload) {
  const label = '1.1 of sanswire (sanswire/ws)';
  return {
    workload,
    against: 'sanswire',
    subject: 'sanswire-ws',
    value: 'cpu',
    atMost: 1.1,
    label,
  };
}

/** @type {import('./types.d.ts').Target[]} */
export const TARGETS = [
  ratio('echo-16-text', 'ws', 0.8),
  ratio('echo-16-text', 'floor', 1.15),
  ratio('echo-32-text', 'ws', 1 / 8, '1/8'),
  ratio('echo-32-text', 'floor', 1.6),
  ratio('echo-125-binary', 'ws', 1 / 18, '1/18'),
  ratio('echo-125-binary', 'floor', 2.2),
  ratio('echo-1k-text', 'ws', 0.85),
  ratio('echo-1k-text', 'floor', 1.2),
  ratio('echo-4k-binary', 'ws', 1 / 2.5, '1/2.5'),
  ratio('echo-4k-binary', 'floor', 1.6),
  ratio('echo-64k-binary', 'ws', 0.75),
  ratio('echo-64k-binary', 'floor', 1.15),
  ratio('echo-1m-binary', 'ws', 0.75),
  ratio('echo-1m-binary', 'floor', 1.15),
  ratio('broadcast-prepared', 'ws', 0.75),
  ratio('handshake', 'ws', 0.85),
  ratio('handshake', 'floor', 1.15),
  ratio('idle-plain', 'ws', 0.9, '0.9', 'memory'),
  ratio('idle-plain', 'floor', 1.2, '1.2', 'memory'),
  ratio('client-125-binary', 'ws', 1 / 5, '1/5'),
  ratio('deflate-1k', 'ws', 1 / 8, '1/8'),
  ratio('deflate-1k', 'ws', 1.05, '1.05 of the bytes', 'wire'),
  ratio('deflate-64k', 'ws', 1),
  bound('deflate-64k', 'loopDelayP99', 20, '20 ms loop delay p99'),
  ratio('deflate-1m', 'ws', 1),
  bound('deflate-1m', 'loopDelayP99', 20, '20 ms loop delay p99'),
  ratio('deflate-broadcast', 'ws', 1 / 4, '1/4'),
  bound('idle-deflate', 'memory', 14_000, '14 KB a connection'),
  bound('bombs', 'growth', 64 * 1024 * 1024, '64 MiB'),
  ...WORKLOADS.filter(({ group }) => group === 'Echo').map(({ id }) => face(id)),
];

/**
 * Compares what was measured with every target that the run could have measured.
 *
 * @param {import('./types.d.ts').WorkloadResult[]} results
 * @returns {import('./types.d.ts').Verdict[]}
 */
export function judge(results) {
  return TARGETS.filter((target) => results.some((result) => result.id === target.workload)).map(
    (target) => {
      const result = results.find(({ id }) => id === target.workload);
      const subject = result?.peers.find(({ peer }) => peer === (target.subject ?? 'sanswire'));
      const other = result?.peers.find(({ peer }) => peer === target.against);
      const actual = measuredValue(target, subject, other);
      const title = WORKLOADS.find(({ id }) => id === target.workload)?.title ?? target.workload;
      if (actual === undefined) return { ...target, title, actual, outcome: 'not measured' };
      return { ...target, title, actual, outcome: actual <= target.atMost ? 'pass' : 'miss' };
    },
  );
}

/**
 * @param {import('./types.d.ts').Target} target
 * @param {import('./types.d.ts').PeerResult | undefined} subject
 * @param {import('./types.d.ts').PeerResult | undefined} other
 */
function measuredValue(target, subject, other) {
  const value = subject?.median[target.value];
  if (subject === undefined || value === undefined) return undefined;
  if (target.against === 'absolute') return value;
  // The paired ratio exists for the metric and two peers; the others are ratios of medians.
  const isPaired = target.value !== 'wire' && target.against !== 'sanswire';
  if (isPaired) return target.against === 'ws' ? subject.toWs : subject.toFloor;
  const base = other?.median[target.value];
  return base === undefined ? undefined : value / base;
}
