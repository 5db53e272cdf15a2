/**
 * THREATS 1: a payload that names a property of every object crashed websocket-driver <= 0.7.5 with
 * 9 bytes.
 */

import { describe, expect, it } from 'vitest';
import { PingCallbacks } from '../../src/api/ping-callbacks.ts';
import type { Role } from '../../src/connection/options.ts';
import { Heartbeat } from '../../src/node/heartbeat.ts';
import { frameTo } from '../support/frames.ts';
import { concat, hex, utf8 } from '../support/hex.ts';
import { logOfEveryCut } from '../support/run-connection.ts';

const ROLES: readonly Role[] = ['client', 'server'];
const NAMES = ['__proto__', 'constructor', 'hasOwnProperty', 'toString', 'valueOf'];

describe.each(ROLES)('Pings and Pongs whose payload names a property, at a %s', (role) => {
  it('are payloads like any other (RFC 6455 §5.5.2, §5.5.3)', () => {
    const frames = NAMES.flatMap((payload) => [
      frameTo(role, { opcode: 'pong', payload }),
      frameTo(role, { opcode: 'ping', payload }),
    ]);
    expect(logOfEveryCut({ role }, concat(frames))).toEqual({
      events: [
        ...NAMES.flatMap((name) => [`pong "${name}"`, `ping "${name}"`]),
        'close 1006 unclean',
      ],
      sent: NAMES.map((name) => `pong "${name}"`),
    });
  });
});

describe('The bytes that crashed', () => {
  it('are an unsolicited Pong at a server', () => {
    const bytes = hex('8A 89 00 00 00 00 5F 5F 70 72 6F 74 6F 5F 5F');
    expect(logOfEveryCut({ role: 'server' }, bytes).events).toEqual([
      'pong "__proto__"',
      'close 1006 unclean',
    ]);
  });
});

describe('What remembers Pings', () => {
  it.each(NAMES)('finds none by the name %s', (name) => {
    const callbacks = new PingCallbacks();
    expect(callbacks.take(utf8(name))).toEqual([]);
    const owner = { isListening: true, sendHeartbeat: () => {}, onPeerDead: () => {} };
    const heartbeat = new Heartbeat(owner, { intervalMs: 1000, pongTimeoutMs: 1000 });
    expect(heartbeat.receivePong(utf8(name))).toBe(false);
  });

  it.each(NAMES)('finds the one that was sent with the name %s', (name) => {
    const callbacks = new PingCallbacks();
    let count = 0;
    callbacks.add(utf8(name), () => count++);
    for (const callback of callbacks.take(utf8(name))) callback();
    expect(count).toBe(1);
    expect(callbacks.take(utf8(name))).toEqual([]);
  });
});
