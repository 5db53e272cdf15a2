/**
 * THREATS 24: a peer that goes on sending after it has broken the protocol: nothing more is read as
 * frames, and nothing is kept.
 */

import { describe, expect, it } from 'vitest';
import { face, ROLES, settle, until } from '../api/sockets.ts';
import { CountingPlatform } from '../support/counting-platform.ts';
import { patiently } from '../support/event-log.ts';
import { type FrameSpec, frameTo } from '../support/frames.ts';
import { concat } from '../support/hex.ts';
import { MemoryDuplex } from '../support/memory-duplex.ts';
import { RecordingDriver } from '../support/recording-driver.ts';

const NO_BYTES = new Uint8Array(0);
const CHUNK_LENGTH = 2 ** 16;
const CHUNK_COUNT = 500;
const NEVER = 2 ** 30;

/** Ways to break the protocol; frames of all kinds follow, or bytes that are none. */
const VIOLATIONS: Readonly<Record<string, FrameSpec>> = {
  'an unknown opcode': { opcode: 3 },
  'a reserved bit': { opcode: 'text', rsv: 4 },
  'text that is not UTF-8': { opcode: 'text', payload: Uint8Array.of(0xff) },
  'a Close code that may not be sent': { opcode: 'close', payload: Uint8Array.of(0x03, 0xed) },
  'a declared length over maxLength': { opcode: 'binary', declaredLength: 2n ** 40n },
};

describe.each(ROLES)('After a violation, a connection of a %s', (role) => {
  it.each(Object.entries(VIOLATIONS))('%s: keeps no byte that follows', async (_, violation) => {
    const message = frameTo(role, { opcode: 'binary', payload: new Uint8Array(CHUNK_LENGTH) });
    for (const follower of [message, new Uint8Array(CHUNK_LENGTH).fill(0xff)]) {
      const platform = new CountingPlatform();
      const socket = new MemoryDuplex();
      const driver = new RecordingDriver(socket, { role, platform, closeTimeoutMs: NEVER });
      driver.attach();
      driver.start(NO_BYTES);
      socket.deliver(concat([frameTo(role, violation), follower]));
      await settle();
      const { allocatedLength, readLength } = platform;
      for (let count = 0; count < CHUNK_COUNT; count++) {
        socket.deliver(follower);
        if (count % 50 === 0) await settle();
      }
      await settle();
      expect(platform.allocatedLength - allocatedLength).toBe(0);
      expect(platform.readLength - readLength).toBe(0);
      expect(socket.readableLength).toBe(0);
      expect(driver.log.filter((line) => !line.startsWith('error'))).toEqual([]);
      expect(driver.log).toHaveLength(1);
      socket.destroy();
      await driver.closed;
    }
  });

  it.each(['nobody', 'pause()', 'a loop'])(
    'takes them off the wire, held by %s',
    async (holder) => {
      const options = { closeTimeout: NEVER };
      const { socket, log, peer } = await face(role, {
        serverOptions: options,
        clientOptions: options,
        holdsOpen: true,
      });
      await until(() => log.includes('open'));
      if (holder === 'a loop') socket[Symbol.asyncIterator]();
      peer.send({ opcode: 3 });
      await until(() => log.length > 1);
      if (holder === 'pause()') socket.pause();
      const chunk = new Uint8Array(CHUNK_LENGTH);
      const written = new Promise((resolve) => {
        for (let count = 0; count < CHUNK_COUNT; count++) peer.socket.write(chunk, resolve);
      });
      // Unless our end is gone, which takes them, too.
      const closed = until(() => log.some((line) => line.startsWith('close')));
      await patiently(Promise.race([written, closed]), () => 'the bytes stay on the wire');
      await settle();
      expect(log.filter((line) => line.startsWith('message'))).toEqual([]);
    },
  );
});
