/**
 * What a heartbeat's time costs at 10,000 connections: timers of Node for each connection against
 * entries in the wheel of src/node/timer-wheel.ts, in one run.
 *
 *     node bench/timer-wheel.mjs [rounds of 45 seconds, by default 3]
 *
 * No frames and no sockets: only the waiting. Three ways of it:
 * - timers: an interval for the Pings, and a timeout for each Pong. So it was before the wheel.
 * - one timer: a timeout for each connection, set again with `refresh()`: the least that Node allows.
 * - wheel: an entry for each connection.
 *
 * It prints, for each: bytes per connection; CPU time to start and stop one, and to set and cancel a
 * timeout that never comes; CPU time per beat, with beats spread over the interval; and the CPU
 * time per second of a process that has one connection and nothing to do.
 */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const CONNECTIONS = 10_000;
const INTERVAL_MS = 4000;
const ROUNDS = 20;
const IDLE_MS = 3000;

const [rounds = '3', role] = process.argv.slice(2);
const { connectionWheel, WheelEntry } = await load('src/node/timer-wheel.ts');
let beats = 0;

class Timers {
  /** @type {NodeJS.Timeout | undefined} */
  interval;
  /** @type {NodeJS.Timeout | undefined} */
  deadline;

  start() {
    this.interval = setInterval(() => this.beat(), INTERVAL_MS);
    this.interval.unref();
  }

  beat() {
    beats++;
    clearTimeout(this.deadline);
    this.await();
  }

  await() {
    this.deadline = setTimeout(() => {}, INTERVAL_MS);
    this.deadline.unref();
  }

  stop() {
    clearInterval(this.interval);
    clearTimeout(this.deadline);
    this.interval = undefined;
    this.deadline = undefined;
  }
}

class OneTimer {
  /** @type {NodeJS.Timeout | undefined} */
  timer;

  start() {
    this.timer = setTimeout(beatOf, INTERVAL_MS, this);
    this.timer.unref();
  }

  beat() {
    beats++;
    this.timer?.refresh();
  }

  await() {}

  stop() {
    clearTimeout(this.timer);
    this.timer = undefined;
  }
}

const beatOf = (/** @type {OneTimer} */ one) => one.beat();

class Entry extends WheelEntry {
  start() {
    connectionWheel.add(this, INTERVAL_MS);
  }

  onTime() {
    beats++;
    connectionWheel.add(this, INTERVAL_MS);
  }

  await() {}

  stop() {
    connectionWheel.cancel(this);
  }
}

const WAYS = { timers: Timers, 'one timer': OneTimer, wheel: Entry };
/** @typedef {keyof typeof WAYS} Way */
const names = /** @type {Way[]} */ (Object.keys(WAYS));

if (role === undefined) await compare();
else {
  process.send?.(await measureMemory(/** @type {Way} */ (role)));
  process.disconnect();
}

async function compare() {
  /** @type {Record<string, Record<string, number[]>>} */
  const found = {};
  for (const name of names) found[name] = {};
  /** @type {(name: Way, what: string, value: number) => void} */
  const note = (name, what, value) => {
    const of = /** @type {Record<string, number[]>} */ (found[name]);
    of[what] ??= [];
    of[what].push(value);
  };
  for (let round = 0; round < Number(rounds); round++) {
    for (const name of names) {
      const { heap, rss } = await memoryOf(name);
      note(name, 'heap B', heap);
      note(name, 'RSS B', rss);
      note(name, 'start+stop ns', startAndStop(name));
      note(name, 'beat ns', await beat(name));
      note(name, 'idle us/s', await idle(name));
    }
    note('timers', 'set+cancel ns', setAndCancel());
    note('wheel', 'set+cancel ns', startAndStop('wheel'));
  }
  const table = Object.entries(found).map(([name, columns]) => [
    name,
    Object.fromEntries(Object.entries(columns).map(([what, list]) => [what, median(list)])),
  ]);
  console.table(Object.fromEntries(table));
}

/** The microseconds of CPU time that something takes. */
async function cpuOf(/** @type {() => unknown} */ work) {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/** Nanoseconds for each. */
function startAndStop(/** @type {Way} */ name) {
  const all = make(name);
  const before = process.cpuUsage();
  for (let round = 0; round < ROUNDS; round++) {
    for (const one of all) one.start();
    for (const one of all) one.stop();
  }
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1000) / (CONNECTIONS * ROUNDS);
}

/** Nanoseconds for each: what closeTimeout does. */
function setAndCancel() {
  const all = make('one timer');
  const before = process.cpuUsage();
  for (let round = 0; round < ROUNDS; round++) {
    for (const one of all) {
      one.start();
      one.stop();
    }
  }
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1000) / (CONNECTIONS * ROUNDS);
}

/** Nanoseconds for each beat, of connections that came one after the other. */
async function beat(/** @type {Way} */ name) {
  const all = make(name);
  const begin = performance.now();
  for (let started = 0; started < CONNECTIONS; ) {
    const due = ((performance.now() - begin) / INTERVAL_MS) * CONNECTIONS;
    while (started < Math.min(due, CONNECTIONS)) all[started++]?.start();
    await delay(1);
  }
  beats = 0;
  const cpu = await cpuOf(() => delay(INTERVAL_MS));
  for (const one of all) one.stop();
  return (cpu * 1000) / beats;
}

/** Microseconds of CPU time in a second with one connection. */
async function idle(/** @type {Way} */ name) {
  const [one] = make(name, 1);
  one?.start();
  const cpu = await cpuOf(() => delay(IDLE_MS));
  one?.stop();
  return (cpu * 1000) / IDLE_MS;
}

function make(/** @type {Way} */ name, count = CONNECTIONS) {
  return Array.from({ length: count }, () => new WAYS[name]());
}

/** In a process of its own, whose heap nobody else has used. */
async function memoryOf(/** @type {Way} */ name) {
  const child = fork(fileURLToPath(import.meta.url), ['1', name], { execArgv: ['--expose-gc'] });
  const [memory] = await once(child, 'message');
  return /** @type {{ heap: number, rss: number }} */ (memory);
}

/** Bytes for each connection whose Ping waits for its Pong, with the object that waits. */
async function measureMemory(/** @type {Way} */ name) {
  for (const one of make(name, 100)) {
    one.start();
    one.await();
    one.stop();
  }
  const before = await memory();
  const all = make(name);
  for (const one of all) {
    one.start();
    one.await();
  }
  const after = await memory();
  const { length } = all;
  return { heap: (after.heap - before.heap) / length, rss: (after.rss - before.rss) / length };
}

async function memory() {
  for (let round = 0; round < 3; round++) {
    globalThis.gc?.();
    await delay(50);
  }
  return { heap: process.memoryUsage().heapUsed, rss: process.memoryUsage.rss() };
}

/** @param {number[]} values */
function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return Math.round(sorted[Math.floor(sorted.length / 2)] ?? Number.NaN);
}

/** Imports a module of src/: Node 20 cannot run TypeScript. @param {string} path */
async function load(path) {
  const input = fileURLToPath(new URL(`../${path}`, import.meta.url));
  const bundle = await rolldown({ input });
  const { output } = await bundle.generate({ format: 'esm' });
  const code = Buffer.from(output[0].code).toString('base64');
  return import(`data:text/javascript;base64,${code}`);
}
