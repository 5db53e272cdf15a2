import { sendFragment } from '../support/send-fragment.ts';
/**
 * THREATS 8: odd arguments of send, ping and close once sent uninitialised memory (CVE-2016-10518,
 * CVE-2026-45736).
 */

import { describe, expect, it } from 'vitest';
import type { Role } from '../../src/connection/options.ts';
import { recordedConnection, takeFrames } from '../support/recorded-connection.ts';

const ROLES: readonly Role[] = ['client', 'server'];

/** What JavaScript may pass where the types ask for bytes. */
const NOT_BYTES: Record<string, unknown> = {
  'a small number': 100,
  'a large number': 100_000,
  null: null,
  undefined: undefined,
  'a string': 'text',
  'an array': [1, 2, 3],
  'an object with a length': { length: 100 },
  'a Float32Array': new Float32Array([1, 2]),
  'a Uint16Array': new Uint16Array(20_000),
  'a DataView': new DataView(new ArrayBuffer(8)),
  'an ArrayBuffer': new ArrayBuffer(8),
  'a function': () => {},
};

describe.each(ROLES)('Arguments that are no bytes, at a %s', (role) => {
  it.each(Object.keys(NOT_BYTES))('throw at the call, and nothing is sent: %s', (name) => {
    const { connection } = recordedConnection({ role });
    const bytes = NOT_BYTES[name] as Uint8Array;
    expect(() => connection.sendBinary(bytes)).toThrow(TypeError);
    expect(() => connection.send(bytes, undefined, { isText: true })).toThrow(TypeError);
    expect(() => connection.ping(bytes)).toThrow(TypeError);
    expect(() => connection.pong(bytes)).toThrow(TypeError);
    // A fragment may be a string.
    if (name !== 'a string') expect(() => sendFragment(connection, bytes, true)).toThrow(TypeError);
    expect([connection.isOpen, connection.hasOutput]).toEqual([true, false]);
    connection.sendText('still works');
    expect(takeFrames(connection)).toEqual(['text "still works"']);
  });

  it.each([100, 100_000, null, undefined, ['a'], { length: 100 }, new Uint8Array(300)])(
    'throw at the call as text, too: %s',
    (value) => {
      const { connection } = recordedConnection({ role });
      expect(() => connection.sendText(value as string)).toThrow(TypeError);
      expect(connection.hasOutput).toBe(false);
      connection.sendText('still works');
      expect(takeFrames(connection)).toEqual(['text "still works"']);
    },
  );

  it('throw as a payload of a control frame over 125 bytes (RFC 6455 §5.5)', () => {
    const { connection } = recordedConnection({ role });
    expect(() => connection.ping(new Uint8Array(126))).toThrow(RangeError);
    expect(() => connection.pong(new Uint8Array(126))).toThrow(RangeError);
    expect(connection.ping(new Uint8Array(125))).toBe(true);
  });

  it('throw as a close code or reason, before anything is sent', () => {
    const { connection } = recordedConnection({ role });
    for (const code of ['1000', null, {}, 1000.5, 1006, 70_000, Number.NaN] as number[]) {
      expect(() => connection.close(code)).toThrow(RangeError);
    }
    for (const reason of [1, null, {}, new Uint8Array(2)] as unknown as string[]) {
      expect(() => connection.close(1000, reason)).toThrow(TypeError);
    }
    expect(() => connection.close(1000, 'é'.repeat(62))).toThrow(RangeError);
    expect([connection.isOpen, connection.hasOutput]).toEqual([true, false]);
  });
});

describe.each(ROLES)('Lone surrogates at a %s', (role) => {
  it('are sent as U+FFFD, in text and in a reason (RFC 6455 §8.1)', () => {
    const { connection } = recordedConnection({ role });
    connection.sendText('\ud800');
    connection.sendText(`${'a'.repeat(9000)}\udc00`);
    sendFragment(connection, '\udbff', true);
    connection.close(1000, '\ud800'.repeat(41));
    const [short, long, fragment, close] = takeFrames(connection);
    expect([short, fragment, close]).toEqual([
      'text hex EF BF BD',
      'text hex EF BF BD',
      'close 1000',
    ]);
    expect(long).toMatch(/61 61 EF BF BD$/);
  });
});
