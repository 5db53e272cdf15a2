import { describe, expect, it } from 'vitest';
import type { DeflateOptions } from '../../../src/extensions/permessage-deflate/options.ts';
import { permessageDeflate, WebSocket } from '../../../src/index.ts';
import { LIMITS } from '../../../src/limits.ts';
import { CountingCodec } from '../counting-codec.ts';
import { extendedConnection, ownDeflate } from '../extended-connections.ts';
import { recordBytes } from '../sample-data.ts';

describe('permessageDeflate', () => {
  it('is an extension in the interface of websocket-extensions, on RSV1 (RFC 7692 §7)', () => {
    expect(permessageDeflate).toMatchObject({
      name: 'permessage-deflate',
      type: 'permessage',
      rsv1: true,
      rsv2: false,
      rsv3: false,
    });
    expect(WebSocket.permessageDeflate).toBe(permessageDeflate);
  });

  it.each<[DeflateOptions, string]>([
    [{}, 'permessage-deflate; client_max_window_bits'],
    [{ maxWindowBits: 9 }, 'permessage-deflate; client_max_window_bits=9'],
    [
      { noContextTakeover: true },
      'permessage-deflate; client_max_window_bits; client_no_context_takeover',
    ],
  ])('offers what it is configured for: %j', (options, offer) => {
    const session = permessageDeflate.configure(options).createClientSession();
    const [own] = session.generateOffer() as readonly Record<string, unknown>[];
    const text = Object.entries(own!).map(([name, value]) =>
      value === true ? `; ${name}` : `; ${name}=${value}`,
    );
    expect(`permessage-deflate${text.join('')}`).toBe(offer);
  });

  it('is configured step by step, and each step leaves the one before as it was', () => {
    const small = permessageDeflate.configure({ maxWindowBits: 9 });
    const both = small.configure({ noContextTakeover: true });
    const offerOf = (extension: typeof small): unknown =>
      (extension.createClientSession().generateOffer() as readonly unknown[])[0];
    expect(offerOf(both)).toEqual({ client_max_window_bits: 9, client_no_context_takeover: true });
    expect(offerOf(small)).toEqual({ client_max_window_bits: 9 });
    expect(offerOf(permessageDeflate)).toEqual({ client_max_window_bits: true });
  });

  it.each<[object, new () => Error]>([
    [{ level: 10 }, RangeError],
    [{ level: -2 }, RangeError],
    [{ level: 1.5 }, RangeError],
    [{ level: Number.NaN }, RangeError],
    [{ memLevel: 0 }, RangeError],
    [{ memLevel: 10 }, RangeError],
    [{ strategy: 5 }, RangeError],
    [{ threshold: -1 }, RangeError],
    [{ threshold: Number.POSITIVE_INFINITY }, RangeError],
    [{ maxWindowBits: 7 }, RangeError],
    [{ maxWindowBits: 16 }, RangeError],
    [{ requestMaxWindowBits: 7 }, RangeError],
    [{ requestMaxWindowBits: 16 }, RangeError],
    [{ maxWindowBits: '15' }, TypeError],
    [{ noContextTakeover: 1 }, TypeError],
    [{ requestNoContextTakeover: 'yes' }, TypeError],
    [{ windowBits: 10 }, Error],
    [{ zlib: {} }, Error],
  ])('refuses an option that is none, or out of its type or range: %j', (options, type) => {
    expect(() => permessageDeflate.configure(options as DeflateOptions)).toThrow(type);
    expect(() => permessageDeflate.configure(options as DeflateOptions)).toThrow(
      new RegExp(Object.keys(options)[0]!),
    );
  });

  it('takes every option at the ends of its range, and undefined', () => {
    for (const options of [
      { level: -1, memLevel: 1, strategy: 0, threshold: 0, maxWindowBits: 8 },
      { level: 9, memLevel: 9, strategy: 4, threshold: 1e9, maxWindowBits: 15 },
      { requestMaxWindowBits: 8, requestNoContextTakeover: true, noContextTakeover: false },
      { level: undefined, threshold: undefined },
    ]) {
      expect(() => permessageDeflate.configure(options)).not.toThrow();
    }
  });
});

describe('setContextLimits', () => {
  it('bounds the contexts of all connections of all configurations from one extension', () => {
    const codec = new CountingCodec();
    const deflate = ownDeflate(codec);
    expect(deflate.contextLimits).toEqual({
      deflate: LIMITS.deflateContexts.default,
      inflate: LIMITS.inflateContexts.default,
    });
    const configured = deflate.configure({ level: 1 });
    configured.setContextLimits({ deflate: 2 });
    expect(deflate.contextLimits).toEqual({ deflate: 2, inflate: 64 });

    for (const extension of [deflate, configured, deflate, configured]) {
      const session = extension.createServerSession([{}])!;
      const { connection } = extendedConnection('server', [{ extension, session }]);
      connection.sendBinary(recordBytes(500));
    }
    expect(codec.deflaters.live).toBe(2);
    deflate.setContextLimits({ deflate: 1 });
    expect(codec.deflaters.live).toBe(1);
  });

  it.each<[object, new () => Error]>([
    [{ deflate: 0 }, RangeError],
    [{ inflate: -1 }, RangeError],
    [{ deflate: 1.5 }, RangeError],
    [{ inflate: Number.POSITIVE_INFINITY }, RangeError],
    [{ deflate: '2' }, TypeError],
    [{ deflaters: 2 }, Error],
  ])('refuses %j, and changes nothing', (limits, type) => {
    const deflate = ownDeflate(new CountingCodec());
    expect(() => deflate.setContextLimits(limits)).toThrow(type);
    expect(deflate.contextLimits).toEqual({ deflate: 64, inflate: 64 });
  });

  it('leaves a limit that is not given as it is', () => {
    const deflate = ownDeflate(new CountingCodec());
    deflate.setContextLimits({ inflate: 5, deflate: undefined });
    expect(deflate.contextLimits).toEqual({ deflate: 64, inflate: 5 });
  });
});
