import { describe, expect, it } from 'vitest';
import type { Role } from '../../src/connection/options.ts';
import { type FrameSpec, frameTo } from '../support/frames.ts';
import { concat } from '../support/hex.ts';
import { recordedConnection } from '../support/recorded-connection.ts';

const ROLES: readonly Role[] = ['client', 'server'];
const KIB = 1024;
const GARBAGE = 0xa5;

const text = (payload: string): FrameSpec => ({ opcode: 'text', payload });

describe.each(ROLES)('receiveLent of a %s', (role) => {
  const framesOf = (...specs: FrameSpec[]): Uint8Array =>
    concat(specs.map((spec) => frameTo(role, spec)));

  /** A connection that is lent memory, which holds garbage after each call. */
  function lentConnection() {
    const { connection, handler } = recordedConnection({ role });
    const memory = new Uint8Array(128 * KIB);
    const receive = (bytes: Uint8Array): void => {
      memory.set(bytes);
      connection.receiveLent(memory, bytes.length);
      memory.fill(GARBAGE);
    };
    return { connection, handler, receive };
  }

  it('takes nothing of the memory but the bytes that are meant', () => {
    const { connection, handler, receive } = lentConnection();
    receive(framesOf(text('a')));
    receive(new Uint8Array(0));
    receive(framesOf(text('b')).subarray(0, 1));
    receive(framesOf(text('b')).subarray(1));
    expect(handler.log).toEqual(['text "a"', 'text "b"']);
    expect(connection.failure).toBeUndefined();
  });

  it('tells the last message of the whole chunk, when a part of it was copied', () => {
    const binary: FrameSpec = { opcode: 'binary', payload: 'kept' };
    for (const [chunk, wanted] of [
      [framesOf(binary, text('a')), [false, true]],
      [framesOf(binary, binary), [false, true]],
      [framesOf(binary, binary).subarray(0, -1), [false]],
      [concat([framesOf(binary), framesOf(text('a')).subarray(0, 1)]), [false]],
      [framesOf(binary, { opcode: 'binary', payload: new Uint8Array(20 * KIB) }), [false, true]],
    ] as const) {
      const { connection, handler, receive } = lentConnection();
      const seen: boolean[] = [];
      handler.react = () => seen.push(connection.isAtLastMessage);
      receive(chunk);
      expect(seen).toEqual(wanted);
      expect(connection.isAtLastMessage).toBe(false);
    }
  });

  it('takes what comes within a call after the chunk of that call', () => {
    const { connection, handler, receive } = lentConnection();
    const inner = framesOf(text('inner'));
    handler.react = (line) => {
      if (line !== 'text "outer"') return;
      const other = inner.slice();
      connection.receiveLent(other, other.length);
      other.fill(GARBAGE);
    };
    receive(framesOf(text('outer'), text('behind')));
    expect(handler.log).toEqual(['text "outer"', 'text "behind"', 'text "inner"']);
  });

  it('keeps what comes in a pause', () => {
    const { connection, handler, receive } = lentConnection();
    const input = framesOf({ opcode: 'binary', payload: new Uint8Array(90 * KIB).fill(0x6c) });
    receive(input.subarray(0, 60 * KIB));
    connection.pause();
    receive(input.subarray(60 * KIB));
    expect(handler.log).toEqual([]);
    connection.resume();
    expect(handler.log).toEqual([`binary "l" x ${90 * KIB}`]);
  });

  it('takes nothing after the end, and nothing of a message that was dropped', () => {
    const { connection, handler, receive } = lentConnection();
    const input = framesOf({ opcode: 'binary', payload: new Uint8Array(90 * KIB).fill(0x6c) });
    receive(input.subarray(0, 60 * KIB));
    connection.abandon();
    receive(input.subarray(60 * KIB));
    receive(framesOf(text('later')));
    expect(handler.log).toEqual([]);
  });
});
