import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ExtensionMessage } from '../../../src/extensions/message.ts';
import type { CodecSession, MessageCodec } from '../../../src/extensions/message-codec.ts';
import type { DeflateOptions } from '../../../src/extensions/permessage-deflate/options.ts';
import { LONG_MESSAGE_LENGTH } from '../../../src/extensions/permessage-deflate/session.ts';
import { PreparedMessage } from '../../../src/extensions/prepared-message.ts';
import { nodePlatform } from '../../../src/node/node-platform.ts';
import { fallbackContexts } from '../../../src/node/zlib-fallback.ts';
import { handleContexts } from '../../../src/node/zlib-handle.ts';
import { concat, hex, sameBytes, toHex, utf8 } from '../../support/hex.ts';
import { sendFragment } from '../../support/send-fragment.ts';
import { CountingCodec } from '../counting-codec.ts';
import {
  agree,
  compressedFrames,
  type ExtendedPair,
  extendedConnection,
  extendedPair,
  ownDeflate,
  RSV1,
  shuttle,
  takeRawFrames,
} from '../extended-connections.ts';
import { referenceInflateMessage } from '../reference-inflate.ts';
import { copyOf, noise, recordBytes, records } from '../sample-data.ts';

const FACTORIES = [
  ['the native handle', handleContexts],
  ['the documented functions', fallbackContexts],
] as const;

/** A peer that reads by RFC 7692 §7.2.2 alone: one window, of compressed messages only. */
class StrictReceiver {
  #history: Uint8Array = new Uint8Array(0);
  largestDistance = 0;
  compressedCount = 0;
  readonly #hasTakeover: boolean;
  readonly #windowBits: number;

  constructor(hasTakeover: boolean, windowBits: number) {
    this.#hasTakeover = hasTakeover;
    this.#windowBits = windowBits;
  }

  read(rsv: number, payload: Uint8Array): Uint8Array {
    if (rsv === 0) return payload;
    const history = this.#hasTakeover ? this.#history : new Uint8Array(0);
    const { output, largestDistance } = referenceInflateMessage(payload, history);
    this.compressedCount++;
    this.largestDistance = Math.max(this.largestDistance, largestDistance);
    this.#history = concat([history, output]).slice(-(2 ** this.#windowBits));
    return output;
  }
}

const anyPayload = fc.oneof(
  fc.constant(new Uint8Array(0)),
  fc.uint8Array({ maxLength: 20 }),
  fc.nat(3_000).map((length) => recordBytes(length)),
  fc.nat(500).map((length) => noise(length)),
  fc.nat(1_500).map((length) => concat([noise(length, 'a'), noise(length, 'a')])),
);
const anyAction = fc.record({
  kind: fc.constantFrom('binary', 'prepared', 'plain', 'fragments', 'long', 'answer'),
  payload: anyPayload,
  more: anyPayload,
});

describe.each(FACTORIES)('A session on %s', (_, factory) => {
  const codecOf = (): CountingCodec => new CountingCodec(factory);

  it.each([
    [15, 15, false],
    [8, 15, false],
    [9, 15, false],
    [12, 12, false],
    [15, 15, true],
    [8, 8, true],
  ])(
    'sends what a strict receiver reads: windows of %i and %i bits, no context takeover %s',
    (ownBits, askedBits, noContextTakeover) => {
      fc.assert(
        fc.property(
          fc.array(anyAction, { maxLength: 14 }),
          fc.infiniteStream(fc.nat()),
          (actions, picks) => {
            const codec = codecOf();
            codec.holdsLater = true;
            const extension = ownDeflate(codec).configure({
              maxWindowBits: ownBits,
              noContextTakeover,
            });
            const session = extension.createServerSession([{ server_max_window_bits: askedBits }])!;
            const { connection } = extendedConnection('server', [{ extension, session }]);
            const sent: Uint8Array[] = [];
            for (const { kind, payload, more } of actions) {
              if (kind === 'answer') {
                const pick = (picks.next().value ?? 0) % Math.max(codec.held.length, 1);
                codec.held.splice(pick, 1)[0]?.answer();
                continue;
              }
              const whole = kind === 'fragments' ? concat([payload, more, payload]) : payload;
              if (kind === 'binary') connection.sendBinary(payload);
              else if (kind === 'plain')
                connection.send(payload, undefined, { isText: false, isCoded: false });
              else if (kind === 'prepared') {
                connection.sendPrepared(new PreparedMessage(nodePlatform, payload));
              } else if (kind === 'fragments') {
                sendFragment(connection, payload, false);
                sendFragment(connection, more, false);
                sendFragment(connection, payload, false);
                sendFragment(connection, new Uint8Array(0), true);
              } else {
                const long = new Uint8Array(LONG_MESSAGE_LENGTH);
                long.set(payload.subarray(0, 100));
                connection.sendBinary(long);
                sent.push(long);
                continue;
              }
              sent.push(whole);
            }
            while (codec.held.length > 0) codec.held.pop()!.answer();

            const bits = Math.min(ownBits, askedBits);
            const receiver = new StrictReceiver(!noContextTakeover, bits);
            const read: Uint8Array[] = [];
            let pieces: Uint8Array[] = [];
            let rsv = 0;
            for (const frame of takeRawFrames(connection)) {
              if (frame.opcode !== 0) rsv = frame.rsv;
              else expect(frame.rsv).toBe(0);
              pieces.push(frame.payload);
              if (!frame.fin) continue;
              read.push(receiver.read(rsv, concat(pieces)));
              pieces = [];
            }
            expect(read.length).toBe(sent.length);
            expect(read.every((message, index) => sameBytes(message, sent[index]!))).toBe(true);
            expect(receiver.largestDistance).toBeLessThanOrEqual(2 ** bits);
          },
        ),
        { numRuns: 25 },
      );
    },
  );

  it('makes the bytes of RFC 7692 §7.2.3.1 and §7.2.3.2: "Hello", and "Hello" again', () => {
    const extension = ownDeflate(codecOf());
    const session = extension.createServerSession([{}])!;
    const { connection } = extendedConnection('server', [{ extension, session }]);
    // In fragments, for as a message of its own "Hello" gets no shorter, and is sent as it is.
    sendFragment(connection, 'Hello', true);
    sendFragment(connection, 'Hello', true);
    const payloads = takeRawFrames(connection).map(({ rsv, payload }) => [rsv, toHex(payload)]);
    expect(payloads).toEqual([
      [RSV1, 'F2 48 CD C9 C9 07 00'],
      [RSV1, 'F2 00 11 00 00'],
    ]);
  });

  it.each([
    ['§7.2.3.1, one frame', ['F2 48 CD C9 C9 07 00']],
    ['§7.2.3.1, two frames', ['F2 48 CD', 'C9 C9 07 00']],
    ['§7.2.3.3, a block without compression', ['00 05 00 FA FF 48 65 6C 6C 6F 00']],
    ['§7.2.3.4, a block with BFINAL', ['F3 48 CD C9 C9 07 00 00']],
    ['§7.2.3.5, two blocks in a message', ['F2 48 05 00 00 00 FF FF CA C9 C9 07 00']],
    ['a block with BFINAL and nothing behind it', ['F3 48 CD C9 C9 07 00']],
    ['a block with BFINAL at the end of a frame', ['F3 48 CD C9 C9 07 00', '00']],
    ['an empty frame at each end', ['', 'F2 48 CD C9 C9 07 00', '']],
  ])('reads the "Hello" of RFC 7692 %s, again and again', (_name, payloads) => {
    const extension = ownDeflate(codecOf());
    const session = extension.createServerSession([{}])!;
    const { connection, handler } = extendedConnection('server', [{ extension, session }]);
    for (let count = 0; count < 3; count++) {
      connection.receive(compressedFrames('server', 'text', payloads.map(hex)));
    }
    expect(handler.log).toEqual(new Array(3).fill('text "Hello"'));
    connection.receive(compressedFrames('server', 'text', [hex('F2 00 11 00 00')]));
    expect(handler.log.at(-1)).toBe('text "Hello"');
  });

  it('reads an empty message (RFC 7692 §7.2.3.6)', () => {
    const extension = ownDeflate(codecOf());
    const session = extension.createServerSession([{}])!;
    const { connection, handler } = extendedConnection('server', [{ extension, session }]);
    connection.receive(compressedFrames('server', 'text', [hex('00')]));
    connection.receive(compressedFrames('server', 'binary', [hex('00')]));
    connection.receive(compressedFrames('server', 'binary', [hex(''), hex('00'), hex('')]));
    expect(handler.log).toEqual(['text ""', 'binary ""', 'binary ""']);
  });

  it.each([
    ['no bytes at all, in one frame', ['']],
    ['no bytes at all, in three frames', ['', '', '']],
    ['data that is cut', ['F2 48 CD C9']],
    ['data that is cut, in two frames', ['F2 48', 'CD C9']],
    ['data that is cut behind a final block', ['F3 48 CD C9 C9 07 00 F2 48 CD']],
    ['its tail, which should have been removed', ['F2 48 CD C9 C9 07 00 00 00 FF FF']],
  ])('fails at once for a message of %s, also behind another (RFC 7692 §7.2.2)', (_, payloads) => {
    for (const options of [{}, { isStreaming: true }]) {
      for (const count of [0, 1]) {
        const extension = ownDeflate(codecOf());
        const session = extension.createServerSession([{}])!;
        const active = [{ extension, session }];
        const { connection, handler } = extendedConnection('server', active, options);
        const hello = compressedFrames('server', 'text', [hex('F2 48 CD C9 C9 07 00')]);
        if (count > 0) connection.receive(hello);
        connection.receive(compressedFrames('server', 'text', payloads.map(hex)));
        const log = handler.log.filter((line) => !line.includes('part'));
        expect(log.at(-1)).toBe('error WS_INVALID_DEFLATE');
        expect(log.length).toBe(count + 1);
      }
    }
  });

  it('goes on from its window behind blocks with BFINAL, in a message and after it', () => {
    const extension = ownDeflate(codecOf());
    const session = extension.createServerSession([{}])!;
    const { connection, handler } = extendedConnection('server', [{ extension, session }]);
    // "Hello" in a final block, then a reference five bytes back in a second stream, then in a
    // second message.
    connection.receive(
      compressedFrames('server', 'text', [hex('F3 48 CD C9 C9 07 00 F2 00 11 00 00')]),
    );
    connection.receive(compressedFrames('server', 'text', [hex('F2 00 11 00 00')]));
    expect(handler.log).toEqual(['text "HelloHello"', 'text "Hello"']);
  });

  it('makes new contexts for a few final blocks, not for thousands of them', () => {
    const codec = codecOf();
    const extension = ownDeflate(codec);
    const session = extension.createServerSession([{}])!;
    const { connection, handler } = extendedConnection('server', [{ extension, session }]);
    const block = hex('F3 48 CD C9 C9 07 00');
    const many = concat(new Array<Uint8Array>(5_000).fill(block));
    connection.receive(compressedFrames('server', 'binary', [many]));
    expect(handler.log).toEqual(['error WS_INVALID_DEFLATE']);
    expect(codec.inflaters.created).toBeLessThanOrEqual(8);
    expect(codec.inflaters.live).toBe(0);
  });

  it('counts final blocks over all pieces of a streamed message, and anew for the next', () => {
    const codec = codecOf();
    const extension = ownDeflate(codec);
    const session = extension.createServerSession([{}])!;
    const streamed = { isStreaming: true };
    const { connection, handler } = extendedConnection(
      'server',
      [{ extension, session }],
      streamed,
    );
    const message = (blockCount: number): Uint8Array => {
      const blocks = new Array<Uint8Array>(blockCount).fill(hex('F3 48 CD C9 C9 07 00'));
      return compressedFrames('server', 'text', [...blocks, hex('00')]);
    };
    for (let count = 0; count < 3; count++) connection.receive(message(4));
    expect(handler.log).toEqual(new Array(3).fill(`text "${'Hello'.repeat(4)}"`));
    const created = codec.inflaters.created;
    connection.receive(message(1_000));
    expect(handler.log.at(-1)).toBe('error WS_INVALID_DEFLATE');
    expect(codec.inflaters.created - created).toBeLessThanOrEqual(8);
  });

  it('starts afresh with each message of a peer that promised so, and takes it at its word', () => {
    const extension = ownDeflate(codecOf());
    const session = extension.createServerSession([{ client_no_context_takeover: true }])!;
    const { connection, handler } = extendedConnection('server', [{ extension, session }]);
    const hello = compressedFrames('server', 'text', [hex('F2 48 CD C9 C9 07 00')]);
    connection.receive(hello.slice());
    connection.receive(hello.slice());
    connection.receive(compressedFrames('server', 'text', [hex('F2 00 11 00 00')]));
    expect(handler.log).toEqual(['text "Hello"', 'text "Hello"', 'error WS_INVALID_DEFLATE']);
  });

  it('has nothing of one connection in the window of another, though they share a context', () => {
    const codec = codecOf();
    const deflate = ownDeflate(codec);
    deflate.setContextLimits({ inflate: 1 });
    const connect = () => {
      const session = deflate.createServerSession([{}])!;
      return extendedConnection('server', [{ extension: deflate, session }]);
    };
    const [victim, other, thief] = [connect(), connect(), connect()];
    const hello = compressedFrames('server', 'text', [hex('F2 48 CD C9 C9 07 00')]);
    victim.connection.receive(hello.slice());
    other.connection.receive(hello.slice());
    // The victim's context is one that started from its window.
    victim.connection.receive(compressedFrames('server', 'text', [hex('F2 00 11 00 00')]));
    thief.connection.receive(compressedFrames('server', 'text', [hex('F2 00 11 00 00')]));
    expect(victim.handler.log).toEqual(['text "Hello"', 'text "Hello"']);
    expect(thief.handler.log).toEqual(['error WS_INVALID_DEFLATE']);
    if (factory === handleContexts) expect(codec.dictionaryCount).toBeGreaterThan(0);
  });

  describe('sends a message as it is', () => {
    const sendOn = (options: DeflateOptions = {}) => {
      const codec = codecOf();
      const extension = ownDeflate(codec).configure(options);
      const session = extension.createServerSession([{}])!;
      const { connection } = extendedConnection('server', [{ extension, session }]);
      return { connection, codec };
    };

    it('when it gets no shorter by compression (RFC 7692 §7.2.1)', () => {
      const { connection } = sendOn();
      connection.sendBinary(noise(2_000));
      connection.sendText('Hello');
      connection.sendBinary(noise(LONG_MESSAGE_LENGTH - 1));
      expect(takeRawFrames(connection).map(({ rsv, payload }) => [rsv, payload.length])).toEqual([
        [0, 2_000],
        [0, 5],
        [0, LONG_MESSAGE_LENGTH - 1],
      ]);
    });

    it('when it is empty', () => {
      const { connection, codec } = sendOn();
      connection.sendText('');
      connection.sendBinary(new Uint8Array(0));
      expect(takeRawFrames(connection).map(({ rsv }) => rsv)).toEqual([0, 0]);
      expect(codec.deflateCount).toBe(0);
    });

    it('when it is shorter than the threshold, in bytes', () => {
      const { connection, codec } = sendOn({ threshold: 1_000 });
      connection.sendBinary(new Uint8Array(999));
      expect(codec.deflateCount).toBe(0);
      connection.sendBinary(new Uint8Array(1_000));
      connection.sendText('é'.repeat(500));
      expect(takeRawFrames(connection).map(({ rsv }) => rsv)).toEqual([0, RSV1, RSV1]);
    });

    it('when the caller says so, and goes on with the context it had', () => {
      const { connection, codec } = sendOn();
      const message = records(1_000);
      connection.sendText(message);
      connection.sendText(message, undefined, false);
      connection.sendText(message);
      const frames = takeRawFrames(connection);
      expect(frames.map(({ rsv }) => rsv)).toEqual([RSV1, 0, RSV1]);
      expect(frames[2]!.payload.length).toBeLessThan(50);
      expect(codec.deflaters.resets).toBe(0);
    });
  });

  it('compresses the second of two like messages to a few bytes, if it keeps its context', () => {
    const lengths = [false, true].map((noContextTakeover) => {
      const extension = ownDeflate(codecOf()).configure({ noContextTakeover });
      const session = extension.createServerSession([{}])!;
      const { connection } = extendedConnection('server', [{ extension, session }]);
      for (let count = 0; count < 2; count++) connection.sendText(records(1_000));
      return takeRawFrames(connection).map(({ payload }) => payload.length);
    });
    const [[first, second], [third, fourth]] = lengths as [[number, number], [number, number]];
    expect(second).toBeLessThan(20);
    expect([third, fourth]).toEqual([first, first]);
  });
});

describe('The contexts of many connections over a small pool', () => {
  /** Pairs of ends that share pools of the given size. */
  function pairs(count: number, codec: CountingCodec, limit: number): ExtendedPair[] {
    const deflate = ownDeflate(codec);
    deflate.setContextLimits({ deflate: limit, inflate: limit });
    return Array.from({ length: count }, (_, index) => {
      const bits = 8 + (index % 8);
      return extendedPair({
        client: [deflate.configure({ maxWindowBits: bits, noContextTakeover: index % 5 === 0 })],
        server: [deflate.configure({ maxWindowBits: 23 - bits, level: 1 + (index % 3) })],
      });
    });
  }

  it.each(FACTORIES)('carry every message intact, in any interleaving, on %s', (_, factory) => {
    const codec = new CountingCodec(factory);
    const all = pairs(200, codec, 2);
    const expected = all.map(() => ({ near: [] as string[], far: [] as string[] }));
    const step = fc.record({
      pair: fc.nat(199),
      end: fc.constantFrom('near' as const, 'far' as const),
      kind: fc.constantFrom('whole', 'whole', 'begin', 'end'),
      seed: fc.nat(20),
      length: fc.oneof(fc.nat(200), fc.nat(5_000)),
    });
    const begun = new Map<string, string>();
    fc.assert(
      fc.property(fc.array(step, { minLength: 100, maxLength: 150 }), (steps) => {
        for (const { pair: index, end, kind, seed, length } of steps) {
          const pair = all[index]!;
          const { connection } = pair[end];
          const key = `${index} ${end}`;
          const text = records(length + 1, `${seed}`);
          const started = begun.get(key);
          if (started === undefined && kind === 'begin') {
            sendFragment(connection, text, false);
            begun.set(key, text);
          } else if (started !== undefined) {
            if (kind !== 'end') continue;
            sendFragment(connection, text, true);
            begun.delete(key);
            expected[index]![end].push(`text ${JSON.stringify(started + text)}`);
          } else {
            connection.sendText(text);
            expected[index]![end].push(`text ${JSON.stringify(text)}`);
          }
          shuttle(pair);
        }
        all.forEach((pair, index) => {
          expect(pair.far.handler.log).toEqual(expected[index]!.near);
          expect(pair.near.handler.log).toEqual(expected[index]!.far);
        });
      }),
      { numRuns: 10, endOnFailure: true },
    );
    // Incomplete messages keep a decompressor; a compressor may be taken away between two pieces.
    expect(codec.deflaters.live).toBeLessThanOrEqual(2);
    expect(codec.inflaters.live).toBeLessThanOrEqual(2 + begun.size);
    for (const { near, far } of all) {
      near.connection.transportClosed();
      far.connection.transportClosed();
    }
    expect(codec.inflaters.live).toBeLessThanOrEqual(2);
    expect(codec.deflaters.live).toBeLessThanOrEqual(2);
  });

  it('a decompressor that was taken away goes on from its window, a compressor afresh', () => {
    const codec = new CountingCodec(handleContexts);
    const [first, second] = pairs(2, codec, 1) as [ExtendedPair, ExtendedPair];
    const message = records(1_000);
    const lengths: number[] = [];
    for (const pair of [first, second, first, first]) {
      pair.near.connection.sendText(message);
      const frames = pair.near.connection.takeOutput();
      pair.near.connection.outputWritten();
      lengths.push(concat(frames).length);
      pair.far.connection.receive(concat(frames));
    }
    // The third had to start afresh; its receiver, too, but with the window. The fourth had both.
    expect(lengths[2]).toBe(lengths[0]);
    expect(lengths[3]).toBeLessThan(lengths[0]! / 4);
    expect(codec.dictionaryCount).toBe(1);
    expect(first.far.handler.log.length).toBe(3);
    expect(second.far.handler.log.length).toBe(1);
  });

  it('are not taken while in use: sends and receives in a callback, in a pool of one', () => {
    const codec = new CountingCodec(handleContexts);
    const all = pairs(6, codec, 1);
    const text = records(70_000);
    // Each incoming message makes the next pair send and receive before its callback returns.
    all.forEach((pair, index) => {
      const next = all[index + 1];
      pair.far.handler.react = (line) => {
        if (!line.startsWith('text')) return;
        pair.far.connection.sendText(`${index}`.repeat(300));
        if (next === undefined) return;
        next.near.connection.sendText(text, undefined, false);
        sendFragment(next.near.connection, text, false);
        sendFragment(next.near.connection, text, true);
        shuttle(next);
      };
    });
    all[0]!.near.connection.sendText('begin '.repeat(100));
    shuttle(all[0]!);
    all.forEach(({ near, far }, index) => {
      const count = index === 0 ? 1 : 2 ** index;
      expect(far.handler.log.length).toBe(count);
      expect(near.handler.log).toEqual(
        new Array(count).fill(`text ${index === 0 ? '"0" x 300' : `"${index}" x 300`}`),
      );
    });
    expect(codec.inflaters.live).toBe(1);
    expect(codec.deflaters.live).toBe(1);
  });

  it.each(FACTORIES)(
    'are freed with their connections, and nothing is closed twice, on %s',
    (_, factory) => {
      const codec = new CountingCodec(factory);
      const all = pairs(50, codec, 64);
      // Twice: where many hold a context, one is kept from the second use on.
      for (const pair of [...all, ...all]) {
        pair.near.connection.sendText(records(1_000));
        pair.far.connection.sendText(records(1_000));
        shuttle(pair);
      }
      expect(codec.inflaters.live).toBe(64);
      for (const { near, far } of all) {
        near.connection.transportClosed();
        far.connection.transportClosed();
      }
      // Compressors are as good as new for others; decompressors are not kept.
      expect(codec.inflaters.live).toBe(0);
      expect(codec.deflaters.live).toBeLessThanOrEqual(64);
    },
  );

  it('count while a message is incomplete: idle ones are given up first', () => {
    const codec = new CountingCodec(handleContexts);
    const all = pairs(12, codec, 4);
    const message = records(40_000);
    for (const pair of all.slice(0, 4)) {
      for (let count = 0; count < 2; count++) pair.near.connection.sendText(message);
      shuttle(pair);
    }
    expect(codec.inflaters.live).toBe(4);
    // Half of a message each: longer than what is gathered before it is decompressed.
    for (const [index, pair] of all.slice(4, 10).entries()) {
      const { connection } = pair.near;
      sendFragment(connection, noise(40_000, `${index}`), false);
      shuttle(pair);
      expect(codec.inflaters.live).toBe(Math.max(4, index + 1));
      expect(codec.deflaters.live).toBeLessThanOrEqual(4);
    }
    for (const pair of all.slice(4, 10)) {
      sendFragment(pair.near.connection, 'end', true);
      shuttle(pair);
    }
    expect(codec.inflaters.live).toBe(4);
    expect(all.slice(4, 10).map(({ far }) => far.handler.log.length)).toEqual(new Array(6).fill(1));
    // Those whose decompressors were taken away go on from their windows.
    for (const pair of all.slice(0, 4)) {
      pair.near.connection.sendText(message);
      shuttle(pair);
      expect(pair.far.handler.log.length).toBe(3);
    }
  });

  it('are freed when the connection closes within the message that is being decompressed', () => {
    const codec = new CountingCodec(handleContexts);
    const [pair] = pairs(1, codec, 1) as [ExtendedPair];
    pair.near.connection.sendText(records(10_000));
    pair.far.handler.react = () => pair.far.connection.transportClosed();
    shuttle(pair);
    expect(pair.far.handler.log.at(-1)).toMatch(/^close 1006/);
    expect(codec.inflaters.live).toBe(0);
  });

  it('are freed when a handler throws within a message', () => {
    const codec = new CountingCodec(handleContexts);
    const [pair] = pairs(1, codec, 1) as [ExtendedPair];
    pair.near.connection.sendText(records(10_000));
    pair.far.handler.react = (line) => {
      if (line.startsWith('text')) throw new Error('of the application');
    };
    expect(() => shuttle(pair)).toThrow('of the application');
    pair.far.connection.transportClosed();
    expect(pair.far.handler.log.slice(-2)).toEqual(['error WS_INTERNAL', 'close 1006 unclean']);
    expect(codec.inflaters.live).toBe(0);
  });
});

describe('Jobs that run elsewhere', () => {
  const LENGTH = LONG_MESSAGE_LENGTH;

  function heldSessions(count: number, options: DeflateOptions = {}) {
    const codec = new CountingCodec(handleContexts);
    codec.holdsLater = true;
    const extension = ownDeflate(codec).configure(options);
    const sessions = Array.from({ length: count }, () => {
      const session = extension.createServerSession([{}])!;
      return session as typeof session & CodecSession;
    });
    return { codec, extension, sessions, codecs: sessions.map((each) => each.messageCodec) };
  }

  it('are one at a time of each session: a peer with a hundred delays another by none', () => {
    const { codec, codecs } = heldSessions(2);
    const [greedy, other] = codecs as [MessageCodec, MessageCodec];
    const answered: string[] = [];
    for (let index = 0; index < 100; index++) {
      greedy.encodeLater(new Uint8Array(LENGTH + index), 'whole', () => answered.push(`${index}`));
    }
    other.encodeLater(new Uint8Array(LENGTH), 'whole', () => answered.push('other'));
    expect(codec.held.map(({ length }) => length)).toEqual([LENGTH, LENGTH]);
    codec.held[0]!.answer();
    expect(codec.held.map(({ length }) => length)).toEqual([LENGTH, LENGTH, LENGTH + 1]);
    codec.held[1]!.answer();
    codec.held[2]!.answer();
    expect(answered).toEqual(['0', 'other', '1']);
  });

  it('are made of long messages only, which are shorter at the slow levels of zlib', () => {
    for (const [level, length] of [
      [-1, LENGTH],
      [6, LENGTH],
      [7, LENGTH / 16],
      [9, LENGTH / 16],
    ]) {
      const [own] = heldSessions(1, { level: level! }).codecs;
      expect([own!.isLong(length! - 1), own!.isLong(length!)]).toEqual([false, true]);
    }
  });

  it('keep the order of the calls, of whatever kind', () => {
    const { codec, sessions } = heldSessions(1);
    const [session] = sessions;
    const own = session!.messageCodec;
    const answered: string[] = [];
    const note = (name: string) => () => void answered.push(name);
    const message = { rsv1: false, rsv2: false, rsv3: false, opcode: 2 };
    own.encodeLater(new Uint8Array(LENGTH), 'piece', note('piece'));
    own.encodeLater(new Uint8Array(LENGTH), 'whole', note('whole'));
    session!.processOutgoingMessage({ ...message, data: new Uint8Array(LENGTH) }, note('plug-in'));
    own.encodeLater(new Uint8Array(LENGTH), 'lastPiece', note('last piece'));
    for (let index = 0; index < 4; index++) {
      expect(codec.held.length).toBe(index + 1);
      codec.held[index]!.answer();
    }
    expect(answered).toEqual(['piece', 'whole', 'plug-in', 'last piece']);
    expect(codec.held.map(({ keepsTail }) => keepsTail)).toEqual([true, false, false, false]);
  });

  it('leave nothing behind when their session is closed, and others go on', () => {
    const { codec, codecs } = heldSessions(2);
    const [leaving, staying] = codecs as [MessageCodec, MessageCodec];
    const answered: string[] = [];
    for (let index = 0; index < 100; index++) {
      leaving.encodeLater(new Uint8Array(LENGTH), 'whole', () => answered.push('too late'));
    }
    staying.encodeLater(new Uint8Array(LENGTH + 1), 'whole', () => answered.push('staying'));
    const [late] = codec.held;
    leaving.close();
    expect(codec.held.map(({ length }) => length)).toEqual([LENGTH + 1]);
    late!.answer();
    expect(codec.laterCount).toBe(2);
    codec.held[0]!.answer();
    expect(answered).toEqual(['staying']);
    leaving.encodeLater(new Uint8Array(LENGTH), 'whole', () => answered.push('too late')).cancel();
    expect(codec.laterCount).toBe(2);
  });

  it('can be cancelled one by one', () => {
    const { codec, codecs } = heldSessions(1);
    const [own] = codecs;
    const answered: number[] = [];
    const jobs = [0, 1, 2].map((index) =>
      own!.encodeLater(new Uint8Array(LENGTH + index), 'whole', () => answered.push(index)),
    );
    jobs[1]!.cancel();
    jobs[0]!.cancel();
    expect(codec.held.map(({ length }) => length)).toEqual([LENGTH + 2]);
    codec.held[0]!.answer();
    expect(answered).toEqual([2]);
  });

  it('pass on an error of zlib', () => {
    const { codec, codecs } = heldSessions(1);
    const results: unknown[] = [];
    codecs[0]!.encodeLater(new Uint8Array(LENGTH), 'whole', (...result) => results.push(result));
    const error = new Error('zlib: out of memory');
    codec.held[0]!.fail(error);
    expect(results).toEqual([[error, undefined]]);
  });

  it('advise to send a whole message as it is that gets no shorter, never a piece', () => {
    const { codec, codecs } = heldSessions(1);
    const [own] = codecs;
    const lengths: (number | undefined)[] = [];
    const note = (_: unknown, encoded?: Uint8Array): void => void lengths.push(encoded?.length);
    const payload = noise(LENGTH);
    own!.encodeLater(payload, 'whole', note);
    own!.encodeLater(payload, 'piece', note);
    own!.encodeLater(payload, 'lastPiece', note);
    for (let index = 0; index < 3; index++) codec.held[index]!.answer();
    expect(lengths[0]).toBeUndefined();
    for (const length of lengths.slice(1)) expect(length).toBeGreaterThan(LENGTH);
  });

  it.each([false, true])(
    'make pieces that fit those made at once, before and behind: no context takeover %s',
    (noContextTakeover) => {
      const part = fc.record({ isLater: fc.boolean(), length: fc.nat(3_000) });
      const message = fc.array(part, { minLength: 1, maxLength: 6 });
      fc.assert(
        fc.property(fc.array(message, { maxLength: 5 }), (messages) => {
          const { codec, codecs } = heldSessions(1, { noContextTakeover });
          const [own] = codecs;
          const receiver = new StrictReceiver(!noContextTakeover, 15);
          for (const parts of messages) {
            const pieces = parts.map(({ length }) => recordBytes(length));
            const encoded: (Uint8Array | undefined)[] = [];
            for (const [index, piece] of pieces.entries()) {
              const isLast = index === pieces.length - 1;
              if (!parts[index]!.isLater) {
                encoded[index] = copyOf(own!.encodePiece(piece, isLast));
                continue;
              }
              own!.encodeLater(piece, isLast ? 'lastPiece' : 'piece', (_, bytes) => {
                encoded[index] = bytes;
              });
            }
            for (let job = codec.held.shift(); job !== undefined; job = codec.held.shift()) {
              job.answer();
            }
            const read = receiver.read(RSV1, concat(encoded as Uint8Array[]));
            expect(sameBytes(read, concat(pieces))).toBe(true);
          }
        }),
        { numRuns: 40 },
      );
    },
  );

  it('make a long prepared message that any session of the same settings may send', async () => {
    const extension = ownDeflate(new CountingCodec(handleContexts));
    const [first, second] = [1, 2].map(() => {
      const session = extension.createServerSession([{}])! as unknown as CodecSession;
      return session.messageCodec;
    }) as [MessageCodec, MessageCodec];
    expect(first.settingsKey).toBe(second.settingsKey);
    const payload = recordBytes(LENGTH);
    const before = copyOf(first.encode(recordBytes(1_000))!);
    const encoded = await new Promise<Uint8Array>((resolve) => {
      first.encodeLater(payload, 'whole', (_, bytes) => resolve(bytes!));
    });
    // The session that made it has forgotten its window: what follows may come behind the message.
    expect(sameBytes(first.encode(recordBytes(1_000))!, before)).toBe(true);
    const receiver = new StrictReceiver(true, 15);
    expect(sameBytes(receiver.read(RSV1, encoded), payload)).toBe(true);
  });
});

describe('A session as a plug-in', () => {
  const sessionsOf = (codec = new CountingCodec(handleContexts), options: DeflateOptions = {}) => {
    const { client, server } = agree([ownDeflate(codec).configure(options)], [ownDeflate(codec)]);
    return { client: client[0]!.session, server: server[0]!.session, codec };
  };
  const message = (data: Uint8Array, rsv1 = false): ExtensionMessage => ({
    rsv1,
    rsv2: false,
    rsv3: false,
    opcode: 1,
    data,
  });

  it('compresses whole messages, short and long, marks them, and decompresses them', async () => {
    const { client, server } = sessionsOf();
    for (const data of [recordBytes(500), noise(500), recordBytes(100_000), noise(100_000)]) {
      const coded = await new Promise<ExtensionMessage>((resolve, reject) => {
        client.processOutgoingMessage(message(data), (error, result) => {
          if (error) reject(error);
          else resolve(result!);
        });
      });
      const isCompressible = coded.data.length < data.length;
      expect(coded.rsv1).toBe(isCompressible);
      server.processIncomingMessage(coded, (error, result) => {
        expect(error).toBeNull();
        expect(result!.rsv1).toBe(false);
        expect(sameBytes(result!.data, data)).toBe(true);
      });
    }
  });

  it.each(FACTORIES)(
    'fails for a message without bytes, and one that is cut, on %s',
    (_, factory) => {
      const { server } = sessionsOf(new CountingCodec(factory));
      for (const digits of ['', 'F2 48 CD', '']) {
        const errors: unknown[] = [];
        server.processIncomingMessage(message(hex(digits), true), (error) => errors.push(error));
        expect(errors).toMatchObject([{ code: 'WS_INVALID_DEFLATE' }]);
      }
    },
  );

  it('says what is wrong with a message in the terms of the connection', () => {
    const { server } = sessionsOf();
    const errors: unknown[] = [];
    server.processIncomingMessage(message(hex('FF FF FF'), true), (error) => errors.push(error));
    Object.assign(server, { maxLength: 1_000 });
    const bomb = handleContexts
      .createDeflater({ windowBits: 15, level: 9, memLevel: 8, strategy: 0 })
      .deflate(new Uint8Array(60_000), true);
    server.processIncomingMessage(message(bomb, true), (error) => errors.push(error));
    expect(errors).toMatchObject([
      { code: 'WS_INVALID_DEFLATE', closeCode: 1007 },
      { code: 'WS_MESSAGE_TOO_LONG', closeCode: 1009, limit: 1_000 },
    ]);
  });

  it('allows RSV1 on the first frame of a message only (RFC 7692 §6.1)', () => {
    const { server } = sessionsOf();
    const frame = { final: true, rsv2: false, rsv3: false, masked: true, length: 1 };
    const verdicts = [
      { rsv1: true, opcode: 1 },
      { rsv1: true, opcode: 2 },
      { rsv1: false, opcode: 0 },
      { rsv1: true, opcode: 0 },
      { rsv1: true, opcode: 8 },
      { rsv1: true, opcode: 9 },
    ].map((each) => server.validFrameRsv!({ ...frame, ...each }));
    expect(verdicts).toEqual([true, true, true, false, false, false]);
  });

  it('frees its contexts when it is closed', () => {
    const { client, server, codec } = sessionsOf();
    client.processOutgoingMessage(message(utf8(records(500))), (_, coded) => {
      server.processIncomingMessage(coded!, () => {});
    });
    client.close();
    server.close();
    expect(codec.inflaters.live).toBe(0);
  });
});
