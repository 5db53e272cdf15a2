/**
 * A conversation over permessage-deflate, for the tests with other makers: lengths from nothing to
 * 1 MiB, content that gets shorter and content that does not, and many messages in a row, both ways
 * at once. A context out of step spoils all that follows, so the order and the number matter as
 * much as the single message.
 */

import { createRequire } from 'node:module';
import { expect } from 'vitest';
import type { DeflateOptions } from '../../src/extensions/permessage-deflate/options.ts';
import type { Extension } from '../../src/index.ts';
import { type AnySocket, until } from '../api/sockets.ts';
import { noise, records } from '../extensions/sample-data.ts';
import { toMessage } from './peers.ts';

/** What the two ends are to agree on, in the words of RFC 7692. */
export interface Agreement {
  readonly serverNoContextTakeover?: boolean;
  readonly clientNoContextTakeover?: boolean;
  readonly serverMaxWindowBits?: number;
  readonly clientMaxWindowBits?: number;
}

/** The agreement as a line, for the names of tests. */
export function describeAgreement(agreement: Agreement): string {
  const words = Object.entries(agreement).map(([name, value]) =>
    value === true ? name : `${name} ${value}`,
  );
  return words.length === 0 ? 'nothing in particular' : words.join(', ');
}

const BITS = [8, 9, 10, 11, 12, 13, 14, 15];

/** With and without context takeover, each way; all windows, each way. */
export const AGREEMENTS: readonly Agreement[] = [
  {},
  { serverNoContextTakeover: true },
  { clientNoContextTakeover: true },
  { serverNoContextTakeover: true, clientNoContextTakeover: true },
  ...BITS.map((bits) => ({ serverMaxWindowBits: bits, clientMaxWindowBits: 23 - bits })),
  { serverMaxWindowBits: 8, clientMaxWindowBits: 8, serverNoContextTakeover: true },
  { serverMaxWindowBits: 8, clientMaxWindowBits: 8, clientNoContextTakeover: true },
];

/** Our options at a role, as far as it can ask for the agreement. */
export function ownOptions(role: 'client' | 'server', agreement: Agreement): DeflateOptions {
  const { serverNoContextTakeover, clientNoContextTakeover } = agreement;
  const { serverMaxWindowBits, clientMaxWindowBits } = agreement;
  return role === 'server'
    ? {
        noContextTakeover: serverNoContextTakeover,
        requestNoContextTakeover: clientNoContextTakeover,
        maxWindowBits: serverMaxWindowBits,
        requestMaxWindowBits: clientMaxWindowBits,
      }
    : {
        noContextTakeover: clientNoContextTakeover,
        requestNoContextTakeover: serverNoContextTakeover,
        maxWindowBits: clientMaxWindowBits,
        requestMaxWindowBits: serverMaxWindowBits,
      };
}

/** The negotiated header must grant what was asked for. */
export function expectGranted(extensions: string, agreement: Agreement): void {
  expect(extensions).toMatch(/^permessage-deflate/);
  if (agreement.serverNoContextTakeover) expect(extensions).toMatch(/server_no_context_takeover/);
  if (agreement.clientNoContextTakeover) expect(extensions).toMatch(/client_no_context_takeover/);
  for (const [name, bits] of [
    ['server_max_window_bits', agreement.serverMaxWindowBits],
    ['client_max_window_bits', agreement.clientMaxWindowBits],
  ] as const) {
    const granted = new RegExp(`${name}=(\\d+)`).exec(extensions)?.[1];
    if (bits !== undefined && bits < 15) expect(Number(granted)).toBeLessThanOrEqual(bits);
  }
}

const LENGTHS = [
  0, 1, 2, 5, 16, 100, 125, 126, 250, 257, 512, 1_000, 5_000, 32_768, 65_535, 65_536, 65_537,
  100_000, 1_048_576,
];

/** All messages of one end. */
export function conversation(seed: string): (string | Buffer)[] {
  const all = LENGTHS.flatMap((length) => [
    records(length, seed),
    Buffer.from(noise(length, seed)),
    'x'.repeat(length),
    records(Math.min(length, 3_000), seed),
  ]);
  const many = Array.from({ length: 200 }, (_, index) =>
    records((index * 37) % 900, `${index % 5}`),
  );
  return [...many, ...all, 'ümläut € 𝄞', ...many];
}

/** The other end of a conversation. */
export interface Other {
  readonly messages: (string | Buffer)[];
  send(data: string | Buffer): void;
}

/** Collects what one of our sockets receives. */
export function collect(socket: AnySocket): (string | Buffer)[] {
  const messages: (string | Buffer)[] = [];
  socket.on('message', ({ data }) => messages.push(toMessage(data)));
  return messages;
}

function expectSame(
  received: readonly (string | Buffer)[],
  sent: readonly (string | Buffer)[],
): void {
  expect(received.length).toBe(sent.length);
  const firstWrong = sent.findIndex((message, index) => {
    const other = received[index]!;
    if (typeof message === 'string' || typeof other === 'string') return message !== other;
    return !message.equals(other);
  });
  expect(firstWrong).toBe(-1);
}

/** Says everything, both ways at once, and compares what came. */
export async function converse(ours: AnySocket, other: Other): Promise<void> {
  const [ourTexts, theirTexts] = [conversation('ours'), conversation('theirs')];
  const received = collect(ours);
  let failure: unknown;
  ours.on('error', ({ error }) => {
    failure = error;
  });
  ourTexts.forEach((message, index) => {
    ours.send(message);
    other.send(theirTexts[index]!);
  });
  const isDone = (): boolean =>
    received.length === theirTexts.length && other.messages.length === ourTexts.length;
  await until(() => isDone() || failure !== undefined || ours.readyState !== 1);
  expect(failure).toBeUndefined();
  expectSame(other.messages, ourTexts);
  expectSame(received, theirTexts);
}

/** faye's plug-in, with the options of ours. */
export const fayeDeflate: Extension & { configure(options: DeflateOptions): Extension } =
  createRequire(import.meta.url)('permessage-deflate');

/** faye's `configure` takes what is given, undefined too. */
export function withoutUndefined(options: DeflateOptions): DeflateOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
