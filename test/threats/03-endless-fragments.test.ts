/**
 * THREATS 3: endless fragments of one byte and of none, segments of one byte (CVE-2026-48779,
 * CVE-2026-12151).
 */

import { describe, expect, it } from 'vitest';
import type { Role } from '../../src/connection/options.ts';
import { CountingPlatform } from '../support/counting-platform.ts';
import { frameTo } from '../support/frames.ts';
import { concat } from '../support/hex.ts';
import { type Recorded, recordedConnection } from '../support/recorded-connection.ts';
import { logOfEveryCut } from '../support/run-connection.ts';

const ROLES: readonly Role[] = ['client', 'server'];
const COUNT = 200_000;

describe.each(ROLES)('Endless fragments at a %s', (role) => {
  it.each([
    ['empty', '', 0],
    ['of one byte', 'a', COUNT],
  ])(
    'that are %s hold about twice their payload, and nothing for themselves',
    async (_, payload, length) => {
      const platform = new CountingPlatform();
      const fragment = frameTo(role, { opcode: 'continuation', fin: false, payload });
      const begin = (): Recorded => {
        const recorded = recordedConnection({ role, platform });
        recorded.connection.receive(frameTo(role, { opcode: 'text', fin: false }));
        for (let count = 0; count < COUNT; count++) recorded.connection.receive(fragment.slice());
        return recorded;
      };
      // The first leaves the spare blocks, which are the process's.
      const connections = [begin()];
      const before = await platform.retainedLength();
      const allocationsBefore = platform.allocationCount;
      connections.push(begin());
      expect((await platform.retainedLength()) - before).toBeLessThanOrEqual(2 * length + 256);
      // Each allocation is an object that is held as well: there are few.
      expect(platform.allocationCount - allocationsBefore).toBeLessThan(20);
      for (const { connection, handler } of connections) {
        connection.receive(frameTo(role, { opcode: 'continuation', payload: 'z' }));
        expect(handler.log.length).toBe(1);
        expect(handler.errors).toEqual([]);
      }
    },
  );

  it('end where maxFragments says, also when they are empty', () => {
    const { connection, handler } = recordedConnection({ role, maxFragments: 1000 });
    connection.receive(frameTo(role, { opcode: 'text', fin: false }));
    const fragment = frameTo(role, { opcode: 'continuation', fin: false });
    for (let count = 0; count < 2000; count++) connection.receive(fragment.slice());
    expect(handler.log).toEqual(['error WS_TOO_MANY_FRAGMENTS']);
  });

  it('end where maxLength says', () => {
    const { connection, handler } = recordedConnection({ role, maxLength: 1000 });
    connection.receive(frameTo(role, { opcode: 'binary', fin: false }));
    const fragment = frameTo(role, { opcode: 'continuation', fin: false, payload: 'a' });
    for (let count = 0; count < 2000; count++) connection.receive(fragment.slice());
    expect(handler.log).toEqual(['error WS_MESSAGE_TOO_LONG']);
  });
});

describe.each(ROLES)('One frame in segments of one byte at a %s', (role) => {
  it('holds about twice what has come of it', async () => {
    const platform = new CountingPlatform();
    const { connection, handler } = recordedConnection({ role, platform });
    const before = await platform.retainedLength();
    const frame = frameTo(role, { opcode: 'text', payload: 'a'.repeat(COUNT) });
    for (const byte of frame.subarray(0, -1)) connection.receive(Uint8Array.of(byte));
    expect((await platform.retainedLength()) - before).toBeLessThanOrEqual(2 * COUNT + 256);
    connection.receive(frame.slice(-1));
    expect(handler.log).toEqual([`text "a" x ${COUNT}`]);
  });
});

describe.each(ROLES)('A message that begins with an empty fragment at a %s', (role) => {
  it('is the message that follows (RFC 6455 §5.4)', () => {
    const frames = [
      frameTo(role, { opcode: 'text', fin: false }),
      frameTo(role, { opcode: 'continuation', fin: false }),
      frameTo(role, { opcode: 'continuation', payload: 'text' }),
    ];
    const { events } = logOfEveryCut({ role }, concat(frames));
    expect(events).toEqual(['text "text"', 'close 1006 unclean']);
  });
});
