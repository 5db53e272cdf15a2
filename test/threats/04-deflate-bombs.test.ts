/**
 * THREATS 4: messages that are a thousand times as long when they are decompressed, just over
 * maxLength: in one frame and in fragments, with and without context takeover, on many connections
 * (CVE-2016-10544, CVE-2018-1000518, CVE-2026-1526).
 */

import { describe, expect, it } from 'vitest';
import type { Role } from '../../src/connection/options.ts';
import { fallbackContexts } from '../../src/node/zlib-fallback.ts';
import { handleContexts } from '../../src/node/zlib-handle.ts';
import { CountingCodec } from '../extensions/counting-codec.ts';
import {
  compressedFrames,
  type Extended,
  extendedConnection,
  ownDeflate,
} from '../extensions/extended-connections.ts';
import { plugIn } from '../extensions/plug-ins.ts';
import { copyOf } from '../extensions/sample-data.ts';
import { CountingPlatform } from '../support/counting-platform.ts';
import { hex } from '../support/hex.ts';
import { takeFrames } from '../support/recorded-connection.ts';

const ROLES: readonly Role[] = ['client', 'server'];
const MAX_LENGTH = 1024 * 1024;
const SCRATCH_LENGTH = 64 * 1024;

const bombs = new Map<number, Uint8Array>();

/** A message that becomes so many zeros: about a thousandth of that. */
function bombOf(length: number): Uint8Array {
  let bomb = bombs.get(length);
  if (bomb === undefined) {
    const settings = { windowBits: 15, level: 9, memLevel: 9, strategy: 0 };
    bomb = copyOf(handleContexts.createDeflater(settings).deflate(new Uint8Array(length), true));
    bombs.set(length, bomb);
  }
  return bomb;
}

function piecesOf(bytes: Uint8Array, pieceLength: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / pieceLength) }, (_, index) =>
    bytes.subarray(index * pieceLength, (index + 1) * pieceLength),
  );
}

interface Target extends Extended {
  readonly platform: CountingPlatform;
  readonly codec: CountingCodec;
}

interface TargetOptions {
  readonly hasTakeover?: boolean;
  readonly isStreaming?: boolean;
  readonly isInPipeline?: boolean;
  readonly factory?: typeof handleContexts;
}

function target(role: Role, options: TargetOptions = {}): Target {
  const { hasTakeover = true, isStreaming = false, isInPipeline = false } = options;
  const platform = new CountingPlatform();
  const codec = new CountingCodec(options.factory ?? handleContexts);
  const extension = ownDeflate(codec, platform);
  const parameters = hasTakeover
    ? {}
    : { client_no_context_takeover: true, server_no_context_takeover: true };
  const session = extension.createServerSession([parameters])!;
  const plain = plugIn();
  const others = isInPipeline
    ? [{ extension: plain, session: plain.createServerSession([])! }]
    : [];
  const sessions = [{ extension, session }, ...others];
  const extended = extendedConnection(role, sessions, {
    platform,
    maxLength: MAX_LENGTH,
    isStreaming,
  });
  return { ...extended, platform, codec };
}

function expectDefused({ connection, handler, codec }: Target): void {
  expect(handler.log.at(-1)).toBe('error WS_MESSAGE_TOO_LONG');
  expect(handler.errors.length).toBe(1);
  expect(takeFrames(connection)).toEqual(['close 1009']);
  connection.transportClosed();
  expect(codec.inflaters.live).toBe(0);
}

describe.each(ROLES)('A deflate bomb at a %s', (role) => {
  it.each<[string, TargetOptions]>([
    ['with context takeover', {}],
    ['without context takeover', { hasTakeover: false }],
    ['that is streamed', { isStreaming: true }],
    ['in a pipeline', { isInPipeline: true }],
  ])('%s costs what maxLength allows, and no more', (_, options) => {
    for (const length of [MAX_LENGTH + 1, 64 * MAX_LENGTH]) {
      const bomb = bombOf(length);
      expect(bomb.length).toBeLessThan(length / 900);
      for (const pieceLength of [bomb.length, 1_000, 100]) {
        const attacked = target(role, options);
        attacked.connection.receive(compressedFrames(role, 'binary', piecesOf(bomb, pieceLength)));
        // The output is seen before it is kept: at most a piece of it is too much.
        expect(attacked.codec.inflatedLength).toBeLessThanOrEqual(MAX_LENGTH + SCRATCH_LENGTH);
        // Blocks that double until the limit, and the window.
        expect(attacked.platform.allocatedLength).toBeLessThan(2.2 * MAX_LENGTH + 200_000);
        expect(attacked.platform.largestAllocation).toBeLessThanOrEqual(MAX_LENGTH);
        expectDefused(attacked);
      }
    }
  });

  it('leaves the messages before it as they are, and its own window out of account', () => {
    const attacked = target(role);
    for (let count = 0; count < 3; count++) {
      attacked.connection.receive(compressedFrames(role, 'text', [hex('F2 48 CD C9 C9 07 00')]));
    }
    attacked.connection.receive(compressedFrames(role, 'binary', [bombOf(MAX_LENGTH + 1)]));
    attacked.connection.receive(compressedFrames(role, 'text', [hex('F2 48 CD C9 C9 07 00')]));
    expect(attacked.handler.log.slice(0, -1)).toEqual(new Array(3).fill('text "Hello"'));
    expectDefused(attacked);
  });

  it('of exactly maxLength is a message', () => {
    const { connection, handler } = target(role);
    connection.receive(compressedFrames(role, 'binary', [bombOf(MAX_LENGTH)]));
    expect(handler.log).toEqual([`binary hex 00 x ${MAX_LENGTH}`]);
  });

  it('is stopped by the documented functions of zlib, too, before its output is kept', () => {
    const attacked = target(role, { factory: fallbackContexts });
    attacked.connection.receive(compressedFrames(role, 'binary', [bombOf(64 * MAX_LENGTH)]));
    expect(attacked.codec.inflatedLength).toBe(0);
    expect(attacked.platform.allocatedLength).toBeLessThan(100_000);
    expectDefused(attacked);
  });

  it('of many final or empty blocks costs a bounded number of contexts', () => {
    const final = hex('F3 48 CD C9 C9 07 00');
    const empty = hex('00 00 00 FF FF');
    for (const unit of [final, empty]) {
      const attacked = target(role);
      // Behind the last unit, the header of the empty block that ends each message.
      const payload = new Uint8Array(unit.length * 20_000 + 1).map((_, index, { length }) =>
        index === length - 1 ? 0 : unit[index % unit.length]!,
      );
      attacked.connection.receive(compressedFrames(role, 'binary', piecesOf(payload, 10_000)));
      expect(attacked.codec.inflaters.created).toBeLessThanOrEqual(8);
      expect(attacked.codec.inflatedLength).toBeLessThan(1_000);
      expect(attacked.handler.log).toEqual([
        unit === final ? 'error WS_INVALID_DEFLATE' : 'binary ""',
      ]);
    }
  });
});

describe('5,000 bombs on 50 connections at a time', () => {
  it('leave nothing behind', async () => {
    const platform = new CountingPlatform();
    const codec = new CountingCodec(handleContexts);
    const extension = ownDeflate(codec, platform);
    const frames = compressedFrames('server', 'binary', [bombOf(2 * MAX_LENGTH)]);
    for (let round = 0; round < 100; round++) {
      const attacked = Array.from({ length: 50 }, () => {
        const session = extension.createServerSession([{}])!;
        const options = { platform, maxLength: MAX_LENGTH };
        return extendedConnection('server', [{ extension, session }], options);
      });
      for (const { connection } of attacked) connection.receive(frames.slice());
      for (const { connection, handler } of attacked) {
        expect(handler.log).toEqual(['error WS_MESSAGE_TOO_LONG']);
        connection.transportClosed();
      }
    }
    expect(codec.inflaters.live).toBe(0);
    expect(await platform.retainedLength()).toBeLessThan(3 * MAX_LENGTH);
  });
});
