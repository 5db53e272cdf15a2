/**
 * One peer under one workload: its subject process, its connections in the load process, and single
 * windows measured on them.
 *
 * CPU is the difference of two readings inside the subject's own process, taken while no message is
 * under way, so it counts every thread of it (garbage collector, compiler, zlib's pool) and nothing
 * of the load.
 */

import { fileURLToPath } from 'node:url';
import { shapeOf } from '../load/content.mjs';
import { runtimeOf } from '../peers/index.mjs';
import { Child } from './child.mjs';
import { readCoreTimes, shareOfOthers } from './disturbance.mjs';
import { pinningCommand } from './machine.mjs';

const SUBJECT = fileURLToPath(new URL('../subject.mjs', import.meta.url));
const LOAD = fileURLToPath(new URL('../load.mjs', import.meta.url));
/** Open before an idle measurement, so that code and arenas are there already. */
const WARM_CONNECTIONS = 2_000;
const SETTLE_MS = 500;
/** Of the warm-up's length, as CPU time of the subject: what it uses when the load lets it. */
const WARM_CPU_SHARE = 0.6;
const WARM_UP_PATIENCE = 6;

/**
 * @typedef {object} Context
 * @property {import('../types.d.ts').Machine} machine
 * @property {{ key: string; cert: string }} certificate
 * @property {string} node - the binary of Node that subjects run under
 */

/** @param {Context} context */
export function startLoad({ machine }) {
  return new Child([...pinningCommand(machine, 'load'), process.execPath, LOAD]);
}

export class Session {
  peer;
  #workload;
  #context;
  #load;
  /** @type {Child} */
  #subject;

  /**
   * @param {string} peer
   * @param {import('../types.d.ts').Workload} workload
   * @param {Context} context
   * @param {Child} load
   */
  constructor(peer, workload, context, load) {
    this.peer = peer;
    this.#workload = workload;
    this.#context = context;
    this.#load = load;
    this.#subject = new Child([
      ...pinningCommand(context.machine, 'subject'),
      ...runtimeOf(peer, context.node),
      SUBJECT,
    ]);
  }

  /**
   * Starts the subject and opens the load's connections to it, or the other way round for a client.
   */
  async open() {
    const { peer } = this;
    const workload = this.#workload;
    if (workload.kind === 'codec') {
      await this.#startSubject('codec');
    } else if (workload.kind === 'client-echo') {
      const { port } = await this.#load.request({ command: 'open', peer, workload });
      await this.#startSubject('client', `ws://127.0.0.1:${port}/`);
      await this.#load.request({ command: 'begin', peer });
    } else {
      const { port } = await this.#startSubject('server');
      await this.#load.request({ command: 'open', peer, workload, port });
    }
  }

  /**
   * @param {import('../types.d.ts').Role} role
   * @param {string} [url]
   */
  #startSubject(role, url) {
    /** @type {import('../types.d.ts').SubjectConfiguration} */
    const configuration = {
      role,
      peer: this.peer,
      workload: this.#workload,
      certificate: this.#context.certificate,
      shape: shapeOf(this.#workload),
      ...(url !== undefined && { url }),
    };
    return this.#subject.request({ command: 'start', configuration });
  }

  /**
   * Runs until the subject has had its CPU time, so that code is compiled on a busy machine too; up
   * to a limit.
   *
   * @param {number} durationMs
   */
  async warmUp(durationMs) {
    const { peer } = this;
    const runner = this.#workload.kind === 'codec' ? this.#subject : this.#load;
    const start = performance.now();
    const { cpu } = await this.#subject.request({ command: 'usage' });
    for (;;) {
      await runner.request({ command: 'run', peer, durationMs: durationMs / 2 });
      const usage = await this.#subject.request({ command: 'usage' });
      if (usage.cpu - cpu >= durationMs * 1000 * WARM_CPU_SHARE) return;
      if (performance.now() - start > durationMs * WARM_UP_PATIENCE) return;
    }
  }

  /**
   * @param {number} durationMs
   * @returns {Promise<import('../types.d.ts').Sample>}
   */
  async measure(durationMs) {
    const { kind } = this.#workload;
    if (kind === 'codec') return this.#measureCodec(durationMs);
    if (kind === 'idle') return this.#measureIdle();
    const before = await this.#subject.request({ command: 'usage' });
    const { peer } = this;
    const times = readCoreTimes();
    const run = await this.#load.request({ command: 'run', peer, durationMs });
    const taken = this.#takenByOthers(times);
    const after = await this.#subject.request({ command: 'usage' });
    if (run.count === 0) throw new Error('nothing was measured');
    const cpu = after.cpu - before.cpu;
    return {
      ...taken({ subject: cpu, load: run.cpu }),
      cpu: cpu / run.count,
      perSecond: run.count / run.seconds,
      rss: after.rss,
      subjectShare: cpu / 1e6 / run.seconds,
      loadShare: run.cpu / 1e6 / run.seconds,
      count: run.count,
      ...(run.bytes > 0 && { wire: run.bytes / run.count }),
      ...(run.p50 !== undefined && { p50: run.p50, p99: run.p99 }),
      ...(after.loopDelayP99 !== undefined && { loopDelayP99: after.loopDelayP99 }),
      ...(kind === 'bomb' && { growth: after.peakRss - before.rss }),
    };
  }

  /** @param {number} durationMs */
  async #measureCodec(durationMs) {
    const times = readCoreTimes();
    const { count, seconds, cpu } = await this.#subject.request({ command: 'run', durationMs });
    const taken = this.#takenByOthers(times);
    const { rss } = await this.#subject.request({ command: 'usage' });
    return { ...taken({ subject: cpu }), cpu: cpu / count, perSecond: count / seconds, rss, count };
  }

  /**
   * Ends the watch over both cores that `times` began.
   *
   * @param {ReturnType<typeof readCoreTimes>} times
   */
  #takenByOthers(times) {
    const after = readCoreTimes();
    const { subjectCore, loadCore } = this.#context.machine;
    /** From what each side used itself, in microseconds; a side left out is not looked at. */
    return (/** @type {{ subject: number; load?: number }} */ own) => {
      const shares = [
        { core: `cpu${subjectCore}`, used: own.subject },
        { core: `cpu${loadCore}`, used: own.load },
      ].flatMap(({ core, used }) =>
        used === undefined ? [] : shareOfOthers(times.get(core), after.get(core), used / 1e6),
      );
      const worst = (/** @type {'others' | 'steal'} */ field) => {
        const values = shares.flatMap((share) => share[field] ?? []);
        return values.length === 0 ? {} : { [field]: Math.max(...values) };
      };
      return { ...worst('others'), ...worst('steal') };
    };
  }

  /**
   * Takes RSS after a forced collection with some connections open, then again with all of them.
   */
  async #measureIdle() {
    const { peer } = this;
    const { connections } = this.#workload;
    const warm = Math.min(WARM_CONNECTIONS, connections);
    await this.#load.request({ command: 'run', peer, connections: warm, plain: true });
    const before = await this.#settledRss();
    await this.#load.request({ command: 'run', peer, connections, plain: false });
    const after = await this.#settledRss();
    return { memory: (after - before) / connections, rss: after, count: connections };
  }

  async #settledRss() {
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    const { rss } = await this.#subject.request({ command: 'usage', gc: true });
    return rss;
  }

  async close() {
    await this.#load.request({ command: 'close', peer: this.peer }).catch(() => {});
    await this.#subject.close();
  }
}
