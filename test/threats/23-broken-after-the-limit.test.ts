/**
 * THREATS 23: a message that is over maxLength when it is decompressed, and is not even valid
 * DEFLATE behind that (CVE-2026-85024: zlib's error came late, and nobody listened any more).
 */

import { describe, expect, it } from 'vitest';
import { permessageDeflate } from '../../src/api/permessage-deflate.ts';
import { fallbackContexts } from '../../src/node/zlib-fallback.ts';
import { handleContexts } from '../../src/node/zlib-handle.ts';
import { faceOpen, ROLES, settle, until } from '../api/sockets.ts';
import { CountingCodec } from '../extensions/counting-codec.ts';
import {
  compressedFrames,
  extendedConnection,
  ownDeflate,
} from '../extensions/extended-connections.ts';
import { copyOf } from '../extensions/sample-data.ts';
import { concat } from '../support/hex.ts';
import { takeFrames } from '../support/recorded-connection.ts';
import { collectUncaught } from '../support/uncaught-exceptions.ts';

const MAX_LENGTH = 2 ** 20;
const SETTINGS = { windowBits: 15, level: 9, memLevel: 9, strategy: 0 };
/** Zeros, just over the limit and far over it; a block follows whose type does not exist. */
const BROKEN = [MAX_LENGTH + 1, 16 * MAX_LENGTH].map((length) => {
  const context = handleContexts.createDeflater(SETTINGS);
  const zeros = copyOf(context.deflate(new Uint8Array(length), false));
  context.close();
  return concat([zeros, new Uint8Array(50_000).fill(0xff)]);
});

const FACTORIES = { 'zlib’s handle': handleContexts, 'the documented functions': fallbackContexts };

describe.each(ROLES)('A bomb with a broken block behind it, at a %s', (role) => {
  describe.each(Object.entries(FACTORIES))('with %s', (_, factory) => {
    it.each([Number.POSITIVE_INFINITY, 10_000, 500])(
      'is one error, in frames of %i bytes',
      async (size) => {
        const uncaught = collectUncaught();
        for (const payload of BROKEN) {
          const codec = new CountingCodec(factory);
          const extension = ownDeflate(codec);
          const sessions = [{ extension, session: extension.createServerSession([{}])! }];
          const options = { maxLength: MAX_LENGTH };
          const { connection, handler } = extendedConnection(role, sessions, options);
          const pieces = [];
          const step = Math.min(size, payload.length);
          for (let at = 0; at < payload.length; at += step) {
            pieces.push(payload.subarray(at, at + step));
          }
          connection.receive(compressedFrames(role, 'binary', pieces));
          expect(handler.log).toHaveLength(1);
          expect(handler.log[0]).toMatch(/^error WS_(MESSAGE_TOO_LONG|INVALID_DEFLATE)$/);
          expect(takeFrames(connection)[0]).toMatch(/^close 100[79]$/);
          connection.transportClosed();
          await settle();
          expect([codec.inflaters.live, handler.errors.length]).toEqual([0, 1]);
        }
        expect(uncaught).toEqual([]);
      },
    );
  });

  it('is one error and one close on a real socket', async () => {
    const uncaught = collectUncaught();
    const options = { extensions: [permessageDeflate], maxLength: MAX_LENGTH };
    for (const payload of BROKEN) {
      const { log, peer } = await faceOpen(role, {
        serverOptions: options,
        clientOptions: options,
      });
      peer.write(compressedFrames(role, 'binary', [payload]));
      await until(() => log.some((line) => line.startsWith('close')));
      await settle();
      expect(log.filter((line) => line.startsWith('error'))).toHaveLength(1);
      expect(log.filter((line) => line.startsWith('close'))).toHaveLength(1);
    }
    expect(uncaught).toEqual([]);
  });
});
