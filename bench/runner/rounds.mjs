/**
 * A workload, measured: every peer warmed up, then rounds over all of them in turn (A B C, A B C,
 * ...).
 *
 * What slows the machine for a while thus falls on every peer and not on the one that was unlucky.
 * Sessions whose workload leaves traces in the process (memory, bombs), or whose cost is luck with
 * the memory that a process gets, are opened anew for each window. A peer that fails is dropped and named; it does not stop the others.
 */

import { ChildFailure } from './child.mjs';
import { describeDisturbance } from './disturbance.mjs';
import { Session, startLoad } from './session.mjs';
import { medianSample, pairedRatio } from './statistics.mjs';

/** @type {import('../types.d.ts').Baseline[]} */
const BASELINES = ['floor', 'floor-shared', 'ws', 'bun', 'before', 'sanswire'];

/**
 * @typedef {object} Plan
 * @property {number} rounds
 * @property {number} windowMs
 * @property {number} warmUpMs
 * @property {number} repeats - of a row that was disturbed
 */

/**
 * @typedef {object} Hooks
 * @property {(peer: string, round: number) => void} onProgress
 * @property {(line: string) => void} onSkip
 */

/**
 * @param {import('../types.d.ts').Workload} workload
 * @param {string[]} peers
 * @param {Plan} plan
 * @param {import('./session.mjs').Context} context
 * @param {Hooks} hooks
 * @returns {Promise<import('../types.d.ts').WorkloadResult>}
 */
export async function measureWorkload(workload, peers, plan, context, hooks) {
  const isAfresh = workload.metric !== 'cpu' || workload.afresh === true;
  const measured = isAfresh
    ? await measureAfresh(workload, peers, plan, context, hooks)
    : await measureInTurn(workload, peers, plan, context, hooks);
  const results = summarize(workload, measured);
  return {
    id: workload.id,
    group: workload.group,
    title: workload.title,
    metric: workload.metric,
    per: workload.per,
    peers: results,
    disturbance: describeDisturbance(results, workload),
  };
}

/**
 * @typedef {Map<string, { samples: import('../types.d.ts').Sample[]; failure?: string }>} Measured
 */

/**
 * @param {import('../types.d.ts').Workload} workload
 * @param {string[]} peers
 * @param {Plan} plan
 * @param {import('./session.mjs').Context} context
 * @param {Hooks} hooks
 * @returns {Promise<Measured>}
 */
async function measureInTurn(workload, peers, plan, context, hooks) {
  /** @type {Measured} */
  const measured = new Map();
  const load = startLoad(context);
  /** @type {Session[]} */
  const sessions = [];
  try {
    for (const peer of peers) {
      hooks.onProgress(peer, 0);
      const session = new Session(peer, workload, context, load);
      sessions.push(session);
      await attempt(measured, workload, peer, hooks, async () => {
        await session.open();
        await session.warmUp(plan.warmUpMs * workload.warmUp);
        measured.set(peer, { samples: [] });
      });
    }
    for (let round = 1; round <= plan.rounds; round++) {
      for (const session of sessions) {
        const result = measured.get(session.peer);
        if (result === undefined || result.failure !== undefined) continue;
        hooks.onProgress(session.peer, round);
        await attempt(measured, workload, session.peer, hooks, async () => {
          result.samples.push(await session.measure(plan.windowMs));
        });
      }
    }
  } finally {
    // One after the other: the load answers one request at a time.
    for (const session of sessions) await session.close();
    await load.close();
  }
  return measured;
}

/**
 * @param {import('../types.d.ts').Workload} workload
 * @param {string[]} peers
 * @param {Plan} plan
 * @param {import('./session.mjs').Context} context
 * @param {Hooks} hooks
 * @returns {Promise<Measured>}
 */
async function measureAfresh(workload, peers, plan, context, hooks) {
  /** @type {Measured} */
  const measured = new Map();
  const rounds = Math.min(plan.rounds, workload.maxRounds ?? plan.rounds);
  for (let round = 1; round <= rounds; round++) {
    for (const peer of peers) {
      if (measured.get(peer)?.failure !== undefined || (round > 1 && !measured.has(peer))) continue;
      hooks.onProgress(peer, round);
      const load = startLoad(context);
      const session = new Session(peer, workload, context, load);
      await attempt(measured, workload, peer, hooks, async () => {
        await session.open();
        if (workload.metric === 'cpu') await session.warmUp(plan.warmUpMs * workload.warmUp);
        const sample = await session.measure(plan.windowMs);
        const samples = measured.get(peer)?.samples ?? [];
        measured.set(peer, { samples: [...samples, sample] });
      });
      await session.close();
      await load.close();
    }
  }
  return measured;
}

/**
 * Runs one step of a peer; notes the failure or, when the peer lacks the feature, skips it with a
 * line.
 *
 * @param {Measured} measured
 * @param {import('../types.d.ts').Workload} workload
 * @param {string} peer
 * @param {Hooks} hooks
 * @param {() => Promise<void>} step
 */
async function attempt(measured, workload, peer, hooks, step) {
  try {
    await step();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (error instanceof ChildFailure && error.unsupported) {
      hooks.onSkip(`${workload.id}: ${peer} skipped: ${reason}`);
      measured.delete(peer);
    } else {
      measured.set(peer, { samples: measured.get(peer)?.samples ?? [], failure: reason });
    }
  }
}

/**
 * @param {import('../types.d.ts').Workload} workload
 * @param {Measured} measured
 * @returns {import('../types.d.ts').PeerResult[]}
 */
function summarize({ metric }, measured) {
  return [...measured].map(([peer, { samples, failure }]) => {
    const ratios = BASELINES.flatMap((baseline) => {
      const others = measured.get(baselinePeer(peer, baseline))?.samples;
      const ratio = pairedRatio(samples, others, metric);
      return ratio === undefined ? [] : [[baseline, ratio]];
    });
    return {
      peer,
      samples,
      median: medianSample(samples),
      ratios: Object.fromEntries(ratios),
      ...(failure !== undefined && { failure }),
    };
  });
}

/**
 * Before and after are of one face.
 *
 * @param {string} peer
 * @param {import('../types.d.ts').Baseline} baseline
 */
function baselinePeer(peer, baseline) {
  return baseline === 'before' && peer.endsWith('-ws') ? 'before-ws' : baseline;
}
