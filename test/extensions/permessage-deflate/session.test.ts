import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PreparedMessage } from '../../../src/connection/prepared-message.ts';
import type { ExtensionMessage } from '../../../src/extensions/message.ts';
import type { DeflateOptions } from '../../../src/extensions/permessage-deflate/extension.ts';
import { LONG_MESSAGE_LENGTH } from '../../../src/extensions/permessage-deflate/session.ts';
import { nodePlatform } from '../../../src/node/node-platform.ts';
import { fallbackContexts } from '../../../src/node/zlib-fallback.ts';
import { handleContexts } from '../../../src/node/zlib-handle.ts';
import { concat, hex, sameBytes, toHex, utf8 } from '../../support/hex.ts';
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
import { noise, recordBytes, records } from '../sample-data.ts';

const FACTORIES = [
  ['the native handle', handleContexts],
  ['the documented functions', fallbackContexts],
] as const;

/** A peer that reads what we send by the rules alone: one window, of compressed messages only (RFC 7692 §7.2.2). */
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
              else if (kind === 'plain') connection.sendBinary(payload, undefined, false);
              else if (kind === 'prepared') {
                connection.sendPrepared(new PreparedMessage(nodePlatform, payload));
              } else if (kind === 'fragments') {
                connection.sendFragment(payload, false);
                connection.sendFragment(more, false);
                connection.sendFragment(payload, false);
                connection.sendFragment(new Uint8Array(0), true);
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
    connection.sendFragment('Hello', true);
    connection.sendFragment('Hello', true);
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

  it('goes on from its window behind blocks with BFINAL, in a message and after it', () => {
    const extension = ownDeflate(codecOf());
    const session = extension.createServerSession([{}])!;
    const { connection, handler } = extendedConnection('server', [{ extension, session }]);
    // "Hello" in a final block, then a reference five bytes back in a second stream, then in a second message.
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

  it('counts final blocks over all pieces of a message that is streamed, and anew for the next', () => {
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

  it('compresses the second of two like messages to a few bytes, unless it keeps no context', () => {
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
            connection.sendFragment(text, false);
            begun.set(key, text);
          } else if (started !== undefined) {
            if (kind !== 'end') continue;
            connection.sendFragment(text, true);
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
    expect(codec.deflaters.live).toBeLessThanOrEqual(2 + begun.size);
    expect(codec.inflaters.live).toBeLessThanOrEqual(2 + begun.size);
    for (const { near, far } of all) {
      near.connection.transportClosed();
      far.connection.transportClosed();
    }
    expect(codec.inflaters.live).toBeLessThanOrEqual(2);
    expect(codec.deflaters.live).toBeLessThanOrEqual(2);
  });

  it('a decompressor that was taken away goes on from its window; a compressor starts afresh', () => {
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

  it('are not taken from one who is using them: sends and receives inside a callback, in a pool of one', () => {
    const codec = new CountingCodec(handleContexts);
    const all = pairs(6, codec, 1);
    const text = records(70_000);
    // Each message that comes in makes the next pair send, and receive, before this one's callback returns.
    all.forEach((pair, index) => {
      const next = all[index + 1];
      pair.far.handler.react = (line) => {
        if (!line.startsWith('text')) return;
        pair.far.connection.sendText(`${index}`.repeat(300));
        if (next === undefined) return;
        next.near.connection.sendText(text, undefined, false);
        next.near.connection.sendFragment(text, false);
        next.near.connection.sendFragment(text, true);
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

  it('compresses and decompresses whole messages, short and long, and marks those that it has compressed', async () => {
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
