/**
 * Runs a connection over bytes in memory, and returns its event log.
 *
 * Each chunk lies between guard bytes, which the engine must not touch, and is overwritten after
 * the call: what the engine keeps must be a copy. Pieces that it may keep by reference
 * (MessageBuffer) are exempt.
 */

import { expect } from 'vitest';
import type { Connection } from '../../src/connection/connection.ts';
import type { Role } from '../../src/connection/options.ts';
import { type EventLog, feedEveryCut } from './every-cut.ts';
import { frameTo } from './frames.ts';
import { type RunOptions, recordedConnection, takeFrames } from './recorded-connection.ts';

const GUARD = 0xa5;
const GUARD_LENGTH = 5;
/** The length from which on a piece may be kept by reference. */
const REFERENCE_MIN_LENGTH = 16 * 1024;

/** Gives a chunk to a connection between guard bytes; the input itself stays as it is. */
export function receiveGuarded(connection: Connection, input: Uint8Array): void {
  const memory = new Uint8Array(input.length + 2 * GUARD_LENGTH).fill(GUARD);
  const chunk = memory.subarray(GUARD_LENGTH, GUARD_LENGTH + input.length);
  chunk.set(input);
  connection.receive(chunk);
  const guards = [memory.subarray(0, GUARD_LENGTH), memory.subarray(-GUARD_LENGTH)];
  if (!guards.every((guard) => guard.every((byte) => byte === GUARD))) {
    expect.unreachable('Bytes outside of the chunk were written');
  }
  if (input.length < REFERENCE_MIN_LENGTH) chunk.fill(GUARD);
}

/**
 * Runs chunks through a new connection.
 *
 * @param ends - whether the transport ends after them, cleanly and in both directions
 */
export function runConnection(
  options: RunOptions,
  chunks: readonly Uint8Array[],
  ends: boolean,
): EventLog {
  const { connection, handler } = recordedConnection(options);
  for (const chunk of chunks) receiveGuarded(connection, chunk);
  const sent = takeFrames(connection);
  if (ends) {
    connection.receiveEnd();
    connection.transportClosed();
    expect(handler.closingCount).toBe(1);
  }
  return { events: handler.log, sent };
}

/** A Ping that a peer may send at any time: what follows an input in {@link logOfEveryCut}. */
function trailingPing(role: Role): Uint8Array {
  return frameTo(role, { opcode: 'ping', payload: 'trailing' });
}

/**
 * Runs an input in every cut, followed by more, and followed by the transport's end; returns the
 * log up to the end.
 */
export function logOfEveryCut(options: RunOptions, input: Uint8Array): EventLog {
  const open = feedEveryCut(
    input,
    (chunks) => runConnection(options, chunks, false),
    trailingPing(options.role),
  );
  const ended = runConnection(options, [input], true);
  expect(ended.events.slice(0, -1)).toEqual(open.events);
  expect(ended.sent).toEqual(open.sent);
  return ended;
}
