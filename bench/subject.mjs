/**
 * The process under test: one peer, as a server, as a client, or as a parser and serializer in
 * memory.
 *
 * It runs on a core of its own and is asked for its resource usage before and after each window;
 * nothing is measured while it talks to the runner. Runs under Node and under Bun.
 */

import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { answerJsonLines } from './json-lines.mjs';
import { loadPeer, Unsupported } from './peers/index.mjs';

const LOOP_DELAY_RESOLUTION_MS = 1;

/** @type {import('node:perf_hooks').IntervalHistogram | undefined} */
let loopDelay;
/** @type {import('./types.d.ts').Codec | undefined} */
let codec;
let fedMessages = 0;

/** @param {import('./types.d.ts').SubjectConfiguration} configuration */
async function start(configuration) {
  const { role, workload } = configuration;
  const peer = await loadPeer(configuration.peer);
  if (workload.loopDelay && configuration.peer !== 'bun') {
    loopDelay = monitorEventLoopDelay({ resolution: LOOP_DELAY_RESOLUTION_MS });
    loopDelay.enable();
  }
  if (role === 'server') {
    if (peer.serve === undefined) throw new Unsupported('it has no server');
    return { port: await peer.serve(configuration) };
  }
  if (role === 'client') {
    if (peer.connect === undefined) throw new Unsupported('it has no client');
    await peer.connect(configuration);
    return {};
  }
  if (peer.codec === undefined) throw new Unsupported('its parser cannot be had alone');
  codec = await peer.codec(configuration);
  return {};
}

function collectGarbage() {
  const { Bun, gc } = /** @type {any} */ (globalThis);
  if (Bun !== undefined) Bun.gc(true);
  else for (let round = 0; round < 3; round++) gc?.();
}

/**
 * Peak RSS in bytes: from the kernel where it tells, since runtimes disagree about the unit of
 * maxRSS.
 */
function peakRss() {
  try {
    const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'latin1'));
    if (peak?.[1] !== undefined) return Number(peak[1]) * 1024;
  } catch {
    // No /proc: fall through to the runtime's figure.
  }
  return process.resourceUsage().maxRSS * 1024;
}

/** @param {{ gc?: boolean }} request */
async function usage({ gc = false }) {
  if (gc) {
    collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 200));
    collectGarbage();
  }
  const p99 = loopDelay === undefined ? undefined : loopDelay.percentile(99) / 1e6;
  loopDelay?.reset();
  const { user, system } = process.cpuUsage();
  return {
    cpu: user + system,
    rss: process.memoryUsage.rss(),
    peakRss: peakRss(),
    // The histogram counts from one firing of its timer to the next, so an idle loop reads as the
    // resolution.
    ...(p99 !== undefined && { loopDelayP99: Math.max(0, p99 - LOOP_DELAY_RESOLUTION_MS) }),
  };
}

/** @param {{ durationMs: number }} request */
async function runCodec({ durationMs }) {
  if (codec === undefined) throw new Error('no codec was started');
  const before = process.cpuUsage();
  const start = performance.now();
  let count = 0;
  do {
    count += codec.cycle();
    // Lets nextTick queues of stream-based parsers drain, as they do between two reads of a socket.
    await new Promise((resolve) => setImmediate(resolve));
  } while (performance.now() - start < durationMs);
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(before);
  fedMessages += count;
  const parsed = codec.parsed?.();
  if (parsed !== undefined && parsed !== fedMessages) {
    throw new Error(`${parsed} messages parsed of ${fedMessages}`);
  }
  return { count, seconds, cpu: user + system };
}

answerJsonLines((request) => {
  if (request.command === 'start') return start(request.configuration);
  if (request.command === 'usage') return usage(request);
  return runCodec(request);
});
