/**
 * THREATS 9: an idle connection must not keep the 64 KiB chunk that its socket read (ws before
 * 8.22.2 did).
 */

import { describe, expect, it } from 'vitest';
import type { Role } from '../../src/connection/options.ts';
import { CountingPlatform } from '../support/counting-platform.ts';
import { closePayload, frameTo } from '../support/frames.ts';
import { BufferWatch } from '../support/garbage.ts';
import { concat } from '../support/hex.ts';
import { type Recorded, recordedConnection } from '../support/recorded-connection.ts';

const ROLES: readonly Role[] = ['client', 'server'];
const CHUNK_LENGTH = 64 * 1024;

describe.each(ROLES)('What a %s keeps of a chunk', (role) => {
  const text = frameTo(role, { opcode: 'text', payload: 'message' });
  const idle: Record<string, Uint8Array> = {
    'whole messages': concat([text, text]),
    'a header without its last byte': frameTo(role, {
      opcode: 'binary',
      declaredLength: 70_000n,
    }).subarray(0, -1),
    'a header and its masking key': frameTo(role, { opcode: 'text', declaredLength: 1000n }),
    'a part of a message': frameTo(role, {
      opcode: 'text',
      declaredLength: 30_000n,
      payload: 'a'.repeat(20_000),
    }),
    'a fragment': frameTo(role, { opcode: 'binary', fin: false, payload: 'a'.repeat(20_000) }),
    'a fragment cut in mid-character': frameTo(role, {
      opcode: 'text',
      fin: false,
      payload: new Uint8Array([0xe2, 0x82]),
    }),
    'a part of a Ping': frameTo(role, { opcode: 'ping', payload: 'p'.repeat(125) }).subarray(0, -1),
    'a Ping that waits to be answered': frameTo(role, { opcode: 'ping', payload: 'p' }),
    'a Close and its reason': frameTo(role, {
      opcode: 'close',
      payload: closePayload(1000, 'a reason'),
    }),
    'a failure': frameTo(role, { opcode: 3, payload: 'abc' }),
  };

  it.each(Object.keys(idle))('is nothing: after %s', async (name) => {
    const bytes = idle[name] ?? text;
    const kept = await keptOf({ role }, bytes, ({ connection }) => {
      connection.sendText('stuck');
      connection.takeOutput();
    });
    expect(kept.chunk).toBe(0);
    // An answer that waits lies in a small slab of the connection's own.
    expect(kept.memory).toBeLessThanOrEqual(2 * bytes.length + 256 + 4096);
  });

  it.each([true, false])(
    'is nothing while it is paused (before the chunk: %s)',
    async (isBefore) => {
      const kept = await keptOf({ role }, concat([text, text]), ({ connection, handler }) => {
        if (isBefore) connection.pause();
        handler.react = () => connection.pause();
      });
      expect(kept.chunk).toBe(0);
    },
  );
});

/**
 * Receives bytes at the end of a chunk, lets the chunk go, and tells what of it and for it is still
 * held.
 */
async function keptOf(
  options: { readonly role: Role },
  bytes: Uint8Array,
  prepare: (recorded: Recorded) => void,
): Promise<{ chunk: number; memory: number }> {
  const platform = new CountingPlatform();
  const recorded = recordedConnection({ ...options, platform });
  prepare(recorded);
  const before = await platform.retainedLength();
  const watch = new BufferWatch();
  receiveAtTheEnd(recorded, bytes, watch);
  displaceLastChunk();
  const chunk = await watch.retainedLength();
  const memory = (await platform.retainedLength()) - before;
  // The connection itself must live until here, or it would keep nothing at all.
  recorded.connection.transportClosed();
  return { chunk, memory };
}

/**
 * The process may keep the chunk that it masked last: one for all connections (frame/masking.ts).
 */
function displaceLastChunk(): void {
  const { connection } = recordedConnection({ role: 'server' });
  connection.receive(frameTo('server', { opcode: 'binary', payload: new Uint8Array(100) }));
}

function receiveAtTheEnd({ connection }: Recorded, bytes: Uint8Array, watch: BufferWatch): void {
  const chunk = new Uint8Array(CHUNK_LENGTH);
  watch.watch(chunk);
  chunk.set(bytes, CHUNK_LENGTH - bytes.length);
  connection.receive(chunk.subarray(CHUNK_LENGTH - bytes.length));
}
