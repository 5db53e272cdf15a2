/**
 * Invariant: whatever bytes a peer sends, in whatever pieces, and whatever the application does
 * meanwhile, nothing throws, there is at most one failure, exactly one close, and it is last; what
 * we send is well-formed and ends with our Close; the pieces make no difference; and nothing of a
 * connection is left when it is gone.
 *
 * `fuzz` runs it for a seed and a count. As a program: `random-bytes.ts [--seed N] [--count N]`.
 */

import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Connection } from '../../src/connection/connection.ts';
import type { Role } from '../../src/connection/options.ts';
import { WebSocketError } from '../../src/errors.ts';
import { describeFrames } from '../support/frames.ts';
import { collectGarbage } from '../support/garbage.ts';
import { concat, toHex, utf8 } from '../support/hex.ts';
import { recordedConnection } from '../support/recorded-connection.ts';
import type { RecordingHandler } from '../support/recording-handler.ts';
import { randomChunks, randomInput } from './random-input.ts';
import { RandomSource } from './random-source.ts';

export interface FuzzOptions {
  readonly seed: number;
  readonly count: number;
}

/** What was seen: enough to tell that the inputs got deep. */
export interface FuzzSummary {
  /** How often each kind of event came: `text`, `ping`, `error WS_…`, `close 1000`. */
  readonly events: Readonly<Record<string, number>>;
  readonly inputLength: number;
  /** Memory in use after a tenth of the runs and after all. */
  readonly memoryAtFirst: UsedMemory;
  readonly memoryAtLast: UsedMemory;
}

/** In bytes, after garbage has been collected. */
export interface UsedMemory {
  readonly heap: number;
  /** What buffers hold outside of the heap. */
  readonly buffers: number;
}

type Action = (connection: Connection) => void;

/** What an application does between chunks and within events. */
const ACTIONS: readonly Action[] = [
  (connection) => connection.pause(),
  (connection) => connection.resume(),
  (connection) => connection.sendText('sent'),
  (connection) => connection.sendBinary(new Uint8Array(10_000)),
  (connection) => connection.ping(utf8('sent')),
  (connection) => connection.takeOutput(),
  (connection) => connection.outputWritten(),
  (connection) => {
    connection.takeOutput();
    connection.outputWritten(true);
  },
  (connection) => connection.close(1000, 'enough'),
  (connection) => connection.fail(new WebSocketError('WS_ABORTED')),
  (connection) => connection.abandon(),
  (connection) => connection.receiveEnd(),
  (connection) => connection.transportClosed(new Error('gone')),
];

const LIMITS = {
  maxLength: 100_000,
  maxFragments: 8,
  highWaterMark: 5000,
  maxBufferedAmount: 15_000,
};

/** Feeds an input and ends the transport; checks all that holds for a single run. */
function run(
  role: Role,
  isStreaming: boolean,
  chunks: readonly Uint8Array[],
  act: (connection: Connection) => void,
): readonly string[] {
  const { connection, handler } = recordedConnection({ role, isStreaming, ...LIMITS });
  const sent: Uint8Array[] = [];
  const takeOutput = connection.takeOutput.bind(connection);
  // Whoever takes output, it is written down, in order.
  connection.takeOutput = () => {
    const taken = takeOutput();
    sent.push(concat(taken));
    return taken;
  };
  handler.react = () => act(connection);
  for (const chunk of chunks) {
    // The connection writes to what it receives.
    connection.receive(chunk.slice());
    act(connection);
  }
  handler.react = undefined;
  connection.resume();
  connection.takeOutput();
  connection.receiveEnd();
  connection.transportClosed();
  check(handler, describeFrames(role, concat(sent)));
  return handler.log;
}

function check({ log, closingCount }: RecordingHandler, sent: readonly string[]): void {
  const errors = log.filter((line) => line.startsWith('error'));
  const closes = log.filter((line) => line.startsWith('close'));
  if (errors.length > 1) throw new Error(`${errors.length} errors`);
  if (closes.length !== 1) throw new Error(`${closes.length} closes`);
  if (log.at(-1)?.startsWith('close') !== true) throw new Error(`The close is not last: ${log}`);
  if (closingCount > 1) throw new Error(`${closingCount} closings`);
  const closeAt = sent.findIndex((line) => line.startsWith('close'));
  const after = closeAt < 0 ? [] : sent.slice(closeAt + 1);
  // Our Close waits for the peer's, whose Pings are answered still (RFC 6455 §5.5.2); messages are
  // not sent.
  if (after.some((line) => !line.startsWith('pong')))
    throw new Error(`After the Close: ${after[0]}`);
}

function checkOne(seed: number): { log: readonly string[]; input: Uint8Array } {
  const random = new RandomSource(seed);
  const role = random.oneIn(4) ? 'client' : 'server';
  const isStreaming = random.oneIn(3);
  const input = randomInput(random, role);
  const chunks = randomChunks(random, input);
  try {
    if (random.oneIn(3)) {
      const act = (connection: Connection): void => {
        if (random.oneIn(6)) random.pick(ACTIONS)(connection);
      };
      return { log: run(role, isStreaming, chunks, act), input };
    }
    const whole = run(role, isStreaming, [input], () => {});
    const cut = run(role, isStreaming, chunks, () => {});
    if (whole.join('\n') !== cut.join('\n')) throw new Error(`Whole: ${whole}; cut: ${cut}`);
    return { log: whole, input };
  } catch (error) {
    throw new Error(`Seed ${seed}, at a ${role}, with ${toHex(input).slice(0, 300)}`, {
      cause: error,
    });
  }
}

async function usedMemory(): Promise<UsedMemory> {
  await collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return { heap: heapUsed, buffers: arrayBuffers };
}

/**
 * Runs so many random inputs through connections.
 *
 * @throws Error with the input, when one of them breaks the invariant
 */
export async function fuzz({ seed, count }: FuzzOptions): Promise<FuzzSummary> {
  const events: Record<string, number> = {};
  let inputLength = 0;
  let memoryAtFirst = await usedMemory();
  for (let index = 0; index < count; index++) {
    if (index === Math.floor(count / 10)) memoryAtFirst = await usedMemory();
    // A seed of its own for each run, so that one can be repeated alone.
    const { log, input } = checkOne(seed + index);
    inputLength += input.length;
    for (const line of log) {
      const kind = /^(?:error \S+|close \d+|\S+)/.exec(line)?.[0] ?? line;
      events[kind] = (events[kind] ?? 0) + 1;
    }
  }
  return { events, inputLength, memoryAtFirst, memoryAtLast: await usedMemory() };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: { seed: { type: 'string' }, count: { type: 'string' } },
  });
  const options = {
    seed: Number(values.seed ?? Math.floor(Math.random() * 2 ** 31)),
    count: Number(values.count ?? 100_000),
  };
  console.log(options);
  console.log(await fuzz(options));
}
