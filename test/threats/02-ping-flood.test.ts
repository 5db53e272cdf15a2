/**
 * THREATS 2: a peer that floods with Pings or Pongs and never reads (ws <= 8.22.2: 40 MB of Pings
 * held 151 MiB).
 */

import { afterEach, describe, expect, it } from 'vitest';
import type { Role } from '../../src/connection/options.ts';
import { SLAB_LENGTH } from '../../src/slab.ts';
import { CountingPlatform } from '../support/counting-platform.ts';
import { describeFrames, frameTo } from '../support/frames.ts';
import { concat } from '../support/hex.ts';
import { MemoryDuplex } from '../support/memory-duplex.ts';
import { recordedConnection } from '../support/recorded-connection.ts';
import { RecordingDriver, settle } from '../support/recording-driver.ts';

const ROLES: readonly Role[] = ['client', 'server'];
const FLOOD_LENGTH = 40_000_000;

/**
 * Floods with chunks of 64 KiB; each is made afresh, since the connection unmasks where it lies.
 */
function flood(role: Role, opcode: 'ping' | 'pong', receive: (chunk: Uint8Array) => void): void {
  const frame = frameTo(role, { opcode, payload: 'p'.repeat(125) });
  const chunk = concat(new Array<Uint8Array>(Math.floor(65_536 / frame.length)).fill(frame));
  for (let length = 0; length < FLOOD_LENGTH; length += chunk.length) receive(chunk.slice());
}

const drivers: RecordingDriver[] = [];
afterEach(() => {
  for (const driver of drivers.splice(0)) driver.socket.destroy();
});

describe.each(ROLES)('40 MB of control frames to a %s whose output is stuck', (role) => {
  it.each(['ping', 'pong'] as const)(
    'as %s frames cost no memory (RFC 6455 §5.5.3)',
    async (opcode) => {
      const platform = new CountingPlatform();
      const { connection, handler } = recordedConnection({ role, platform });
      // What is told is not written down here: it would be the memory that is measured.
      handler.onPing = () => {};
      handler.onPong = () => {};
      connection.sendText('stuck');
      connection.takeOutput();
      const before = await platform.retainedLength();
      flood(role, opcode, (chunk) => connection.receive(chunk));
      expect((await platform.retainedLength()) - before).toBeLessThanOrEqual(125);
      expect(connection.bufferedAmount).toBe(5);
      connection.outputWritten();
      const frames = describeFrames(role, concat(connection.takeOutput()));
      expect(frames).toEqual(opcode === 'ping' ? ['pong "p" x 125'] : []);
    },
  );
});

describe.each(ROLES)('40 MB of Pings to a driver of a %s', (role) => {
  it.each([true, false])(
    'on a socket that takes no byte, from the handshake on (%s)',
    async (isFromTheStart) => {
      const platform = new CountingPlatform();
      const socket = new MemoryDuplex();
      socket.isStuck = true;
      const driver = new RecordingDriver(socket, { role, platform });
      drivers.push(driver);
      driver.record.onPing = () => {};
      driver.attach(isFromTheStart ? new Uint8Array(100) : undefined);
      if (!isFromTheStart) driver.connection.sendText('stuck');
      driver.start(new Uint8Array(0));
      await settle();
      const before = await platform.retainedLength();
      flood(role, 'ping', (chunk) => driver.readChunk(chunk));
      expect((await platform.retainedLength()) - before).toBeLessThanOrEqual(SLAB_LENGTH);
      expect(socket.writes.length).toBe(1);
    },
  );
});
