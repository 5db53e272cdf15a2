/**
 * The judging functions of the benchmark, with types (bench/ is JavaScript, which the project's own
 * compilation does not read), and made-up results to judge.
 */

import type {
  Disturbance,
  NodeResult,
  PeerResult,
  Sample,
  Verdict,
  Workload,
  WorkloadResult,
} from '../../bench/types.d.ts';

interface CoreTimes {
  busy: number;
  steal: number;
  total: number;
}

interface Statistics {
  median(values: readonly number[]): number;
  relativeSpread(values: readonly number[]): number;
  medianSample(samples: readonly Sample[]): Sample;
  pairedRatio(
    samples: readonly Sample[],
    others: readonly Sample[] | undefined,
    metric: keyof Sample,
  ): number | undefined;
}

interface Judging {
  parseCoreTimes(text: string): Map<string, CoreTimes>;
  shareOfOthers(
    before: CoreTimes | undefined,
    after: CoreTimes | undefined,
    ownSeconds: number,
  ): { others?: number; steal?: number };
  describeDisturbance(
    peers: readonly PeerResult[],
    workload: Pick<Workload, 'metric' | 'afresh'>,
  ): Disturbance;
  measureUndisturbed(
    measure: () => Promise<WorkloadResult>,
    repeats: number,
    mayRepeat: (result: WorkloadResult) => boolean,
  ): Promise<WorkloadResult>;
}

interface Targets {
  judge(results: readonly WorkloadResult[]): Verdict[];
  judgeNodes(nodes: readonly NodeResult[]): Verdict[];
}

/** Imports a module of bench/ by its path there. */
async function importModule<Exports>(path: string): Promise<Exports> {
  return import(new URL(`../../bench/${path}`, import.meta.url).href);
}

export const statistics: Statistics = await importModule('runner/statistics.mjs');
export const disturbance: Judging = await importModule('runner/disturbance.mjs');
export const targets: Targets = await importModule('targets.mjs');

/** Rounds of one peer, by their CPU time; each round has more of the same. */
export function peerOf(peer: string, cpu: readonly number[], more: Sample = {}): PeerResult {
  const samples = cpu.map((each) => ({ cpu: each, ...more }));
  return { peer, samples, median: statistics.medianSample(samples), ratios: {} };
}

/** One row; with a reason it is disturbed. */
export function rowOf(
  id: string,
  peers: PeerResult[],
  reasons: string[] = [],
  windows: number = reasons.length,
): WorkloadResult {
  const calm = { spread: 0, repeats: 0 };
  const row = { id, group: 'Echo', title: id, metric: 'cpu', per: 'message' } as const;
  return { ...row, peers, disturbance: { ...calm, windows, reasons } };
}
