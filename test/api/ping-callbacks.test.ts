/**
 * Callbacks of Pings: found by the Pong's payload, oldest first, each once, and in a bounded
 * number.
 */

import { describe, expect, it } from 'vitest';
import { PingCallbacks } from '../../src/api/ping-callbacks.ts';
import { LIMITS } from '../../src/limits.ts';
import { utf8 } from '../support/hex.ts';

function pending(...payloads: string[]): { callbacks: PingCallbacks; log: string[] } {
  const callbacks = new PingCallbacks();
  const log: string[] = [];
  for (const payload of payloads) callbacks.add(utf8(payload), () => log.push(payload));
  return { callbacks, log };
}

const run = (callbacks: readonly (() => void)[]): void => {
  for (const callback of callbacks) callback();
};

describe('PingCallbacks (RFC 6455 §5.5.3)', () => {
  it('gives the callback of the Ping with the payload of the Pong, once', () => {
    const { callbacks, log } = pending('a');
    run(callbacks.take(utf8('a')));
    run(callbacks.take(utf8('a')));
    expect(log).toEqual(['a']);
  });

  it('takes a Pong as the answer to all older Pings, too', () => {
    const { callbacks, log } = pending('a', 'b', 'c');
    run(callbacks.take(utf8('b')));
    expect(log).toEqual(['a', 'b']);
    run(callbacks.take(utf8('c')));
    expect(log).toEqual(['a', 'b', 'c']);
  });

  it('ignores a Pong that answers nothing', () => {
    const { callbacks, log } = pending('a');
    run(callbacks.take(utf8('b')));
    run(callbacks.take(utf8('')));
    expect(log).toEqual([]);
  });

  it.each(['__proto__', 'constructor', 'hasOwnProperty', 'toString', ''])(
    'is not confused by the payload %j',
    (payload) => {
      const { callbacks, log } = pending('a');
      run(callbacks.take(utf8(payload)));
      expect(log).toEqual([]);
      callbacks.add(utf8(payload), () => log.push(payload));
      run(callbacks.take(utf8(payload)));
      expect(log).toEqual(['a', payload]);
    },
  );

  it('compares bytes, not text', () => {
    const callbacks = new PingCallbacks();
    callbacks.add(Uint8Array.of(0xff), () => {});
    expect(callbacks.take(Uint8Array.of(0xfe))).toHaveLength(0);
    expect(callbacks.take(utf8('\ufffd'))).toHaveLength(0);
    expect(callbacks.take(Uint8Array.of(0xff))).toHaveLength(1);
  });

  it('does not keep the bytes of a payload, which may change', () => {
    const callbacks = new PingCallbacks();
    const payload = Uint8Array.of(1);
    callbacks.add(payload, () => {});
    payload[0] = 2;
    expect(callbacks.take(Uint8Array.of(1))).toHaveLength(1);
  });

  it('is full at its limit, and not before', () => {
    const callbacks = new PingCallbacks();
    for (let count = 0; count < LIMITS.pingCallbacks.default; count++) {
      expect(callbacks.isFull).toBe(false);
      callbacks.add(utf8(String(count)), () => {});
    }
    expect(callbacks.isFull).toBe(true);
    callbacks.take(utf8('0'));
    expect(callbacks.isFull).toBe(false);
  });
});
