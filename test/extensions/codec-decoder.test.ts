import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Role } from '../../src/connection/options.ts';
import { STREAMED } from '../../src/connection/sink.ts';
import type { LimitExceededError } from '../../src/errors.ts';
import { usesZlibHandle } from '../../src/node/zlib-codec.ts';
import { handleContexts } from '../../src/node/zlib-handle.ts';
import { CountingPlatform } from '../support/counting-platform.ts';
import { type EventLog, feedEveryCut } from '../support/every-cut.ts';
import { describeFrames, type FrameSpec, frameTo } from '../support/frames.ts';
import { concat, hex, utf8 } from '../support/hex.ts';
import { takeBytes } from '../support/recorded-connection.ts';
import { receiveGuarded } from '../support/run-connection.ts';
import { CountingCodec } from './counting-codec.ts';
import {
  agree,
  compressedFrames,
  type Extended,
  type ExtendedOptions,
  extendedConnection,
  ownDeflate,
  RSV1,
} from './extended-connections.ts';
import { copyOf, noise, recordBytes, records } from './sample-data.ts';

const ROLES: readonly Role[] = ['client', 'server'];
const HELLO = hex('F2 48 CD C9 C9 07 00');
const SETTINGS = { windowBits: 15, level: -1, memLevel: 8, strategy: 0 };

/** Compresses messages as a peer does that keeps its context. */
function peerCompressor(): (payload: Uint8Array) => Uint8Array {
  const context = handleContexts.createDeflater(SETTINGS);
  return (payload) => copyOf(context.deflate(payload, true));
}

function compress(payload: Uint8Array): Uint8Array {
  return peerCompressor()(payload);
}

/** Cuts bytes into a number of pieces of about the same length. */
function pieces(bytes: Uint8Array, count: number): Uint8Array[] {
  const length = Math.ceil(bytes.length / count);
  return Array.from({ length: count }, (_, index) =>
    bytes.subarray(index * length, (index + 1) * length),
  );
}

function deflateConnection(
  role: Role,
  options: ExtendedOptions = {},
  codec: CountingCodec = new CountingCodec(),
): Extended {
  const extension = ownDeflate(codec, options.platform);
  return extendedConnection(role, agree([extension], [extension])[role], options);
}

function feed(role: Role, options: ExtendedOptions = {}) {
  return (chunks: readonly Uint8Array[]): EventLog => {
    const { connection, handler } = deflateConnection(role, options);
    for (const chunk of chunks) receiveGuarded(connection, chunk);
    return { events: handler.log, sent: describeFrames(role, takeBytes(connection)) };
  };
}

describe.each(ROLES)('Compressed messages at a %s', (role) => {
  const other = (spec: FrameSpec): Uint8Array => frameTo(role, spec);

  it('are what they were, in every cut, with control frames between (RFC 7692 §6.2)', () => {
    const send = peerCompressor();
    const text = records(150);
    const ping: FrameSpec = { opcode: 'ping', payload: 'p' };
    const input = concat([
      compressedFrames(role, 'text', [send(utf8(text))]),
      compressedFrames(role, 'text', pieces(send(utf8(text)), 3), [ping]),
      other({ opcode: 'text', payload: 'plain' }),
      compressedFrames(role, 'binary', pieces(send(utf8(text)), 5), [ping]),
      other({ opcode: 'text', payload: 'pl', fin: false }),
      other({ opcode: 'continuation', payload: 'ain' }),
      compressedFrames(role, 'text', [hex(''), send(utf8(text)), hex('')]),
    ]);
    const line = `text ${JSON.stringify(text)}`;
    for (const isStreaming of [false, true]) {
      const { events } = feedEveryCut(
        input,
        feed(role, { isStreaming }),
        other({ opcode: 'pong' }),
      );
      expect(events.filter((event) => event.startsWith('text'))).toEqual([
        line,
        line,
        'text "plain"',
        'text "plain"',
        line,
      ]);
      expect(events.filter((event) => event.startsWith('ping')).length).toBe(6);
      expect(events.filter((event) => event.startsWith('binary')).length).toBe(1);
    }
  });

  it('of any content, in any fragments, come as they were sent', () => {
    const anyMessage = fc.record({
      text: fc.string({ unit: 'grapheme', maxLength: 60 }),
      fragments: fc.integer({ min: 1, max: 4 }),
      isCompressed: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(anyMessage, { maxLength: 4 }), fc.boolean(), (messages, isStreaming) => {
        const send = peerCompressor();
        const input = concat(
          messages.map(({ text, fragments, isCompressed }) => {
            // A peer that has no new bytes sends an empty block (RFC 7692 §7.2.3.6).
            if (isCompressed) {
              const coded = text === '' ? hex('00') : send(utf8(text));
              return compressedFrames(role, 'text', pieces(coded, fragments));
            }
            return other({ opcode: 'text', payload: text });
          }),
        );
        const { events } = feedEveryCut(input, feed(role, { isStreaming }));
        expect(events).toEqual(
          messages.map(({ text }) => {
            const isUniform = text.length > 16 && text === text.charAt(0).repeat(text.length);
            return isUniform
              ? `text ${JSON.stringify(text.charAt(0))} x ${text.length}`
              : `text ${JSON.stringify(text)}`;
          }),
        );
      }),
      { numRuns: 25 },
    );
  });

  it('are events or one failure, whatever the bytes, and nothing throws', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 3 }), (payloads) => {
        const input = concat(
          payloads.map((payload) => compressedFrames(role, 'binary', [payload])),
        );
        const { events } = feedEveryCut(input, feed(role, { maxLength: 10_000 }));
        const errors = events.filter((line) => line.startsWith('error'));
        expect(errors.length).toBeLessThanOrEqual(1);
        if (errors.length === 1) expect(events.at(-1)).toBe(errors[0]);
        else expect(events.length).toBe(payloads.length);
      }),
      { numRuns: 60 },
    );
  });

  it.each<[string, FrameSpec[]]>([
    [
      'a continuation frame',
      [
        { opcode: 'text', rsv: RSV1, fin: false, payload: HELLO },
        { opcode: 'continuation', rsv: RSV1, payload: hex('00') },
      ],
    ],
    [
      'a continuation of a message that is not compressed',
      [
        { opcode: 'text', fin: false, payload: 'a' },
        { opcode: 'continuation', rsv: RSV1, payload: 'b' },
      ],
    ],
    ['a Ping', [{ opcode: 'ping', rsv: RSV1 }]],
    ['a Pong', [{ opcode: 'pong', rsv: RSV1 }]],
    ['a Close', [{ opcode: 'close', rsv: RSV1, payload: hex('03 E8') }]],
  ])('have RSV1 on their first frame: on %s it is an error, 1002 (RFC 7692 §6.1)', (_, frames) => {
    const { events, sent } = feedEveryCut(concat(frames.map(other)), feed(role));
    expect(events).toEqual(['error WS_RESERVED_BIT']);
    expect(sent).toEqual(['close 1002']);
  });

  it.each([2, 1, 6, 5, 7])(
    'leave the other reserved bits to nobody: %i is an error, 1002',
    (rsv) => {
      const { events, sent } = feed(role)([other({ opcode: 'text', rsv, payload: HELLO })]);
      expect(events).toEqual(['error WS_RESERVED_BIT']);
      expect(sent).toEqual(['close 1002']);
    },
  );

  it('that are not valid DEFLATE are one error, 1007 (RFC 7692 §7.2.2)', () => {
    const bad = [hex('FF FF FF'), hex('F2 00 11 00 00'), concat([hex('00 05 00 00 00'), HELLO])];
    for (const payload of bad) {
      for (const fragments of [1, 3]) {
        const input = compressedFrames(role, 'text', pieces(payload, fragments));
        const { events, sent } = feedEveryCut(input, feed(role), other({ opcode: 'ping' }));
        expect(events).toEqual(['error WS_INVALID_DEFLATE']);
        expect(sent).toEqual(['close 1007']);
      }
    }
  });

  it('that are invalid behind a valid beginning fail without it, unless it is streamed', () => {
    const payload = concat([compress(recordBytes(2_000)), hex('00 00 FF FF'), hex('FF FF FF')]);
    const input = compressedFrames(role, 'binary', [payload]);
    for (const isStreaming of [false, true]) {
      const { events } = feedEveryCut(input, feed(role, { isStreaming }));
      expect(events).toEqual(['error WS_INVALID_DEFLATE']);
    }
  });

  it.each([
    ['a byte that no UTF-8 has', 'C3 28'],
    ['a sequence that is cut', 'E2 82'],
    ['a surrogate', 'ED A0 80'],
  ])('of text that has %s inside are one error, 1007 (RFC 6455 §8.1)', (_, digits) => {
    const payload = concat([recordBytes(60), hex(digits)]);
    for (const isStreaming of [false, true]) {
      for (const fragments of [1, 3]) {
        const input = compressedFrames(role, 'text', pieces(compress(payload), fragments));
        const { events, sent } = feedEveryCut(input, feed(role, { isStreaming }));
        expect(events).toEqual(['error WS_INVALID_TEXT']);
        expect(sent).toEqual(['close 1007']);
      }
    }
    const binary = compressedFrames(role, 'binary', [compress(payload)]);
    expect(feed(role)([binary]).events[0]).toMatch(/^binary/);
  });

  it('may be as long as maxLength when they are decompressed, and no longer: 1009', () => {
    const maxLength = 5_000;
    for (const length of [maxLength, maxLength + 1]) {
      for (const content of [new Uint8Array(length), recordBytes(length), noise(length)]) {
        for (const fragments of [1, 4]) {
          for (const isStreaming of [false, true]) {
            const coded = compress(content);
            const { connection, handler } = deflateConnection(role, { maxLength, isStreaming });
            connection.receive(compressedFrames(role, 'binary', pieces(coded, fragments)));
            if (length === maxLength) {
              expect(handler.log[0]).toMatch(/^binary/);
            } else {
              expect(handler.log).toEqual(['error WS_MESSAGE_TOO_LONG']);
              expect((handler.errors[0] as LimitExceededError).limit).toBe(maxLength);
              expect(describeFrames(role, takeBytes(connection))).toEqual(['close 1009']);
            }
          }
        }
      }
    }
  });

  it('count each for itself: the second may be as long as the first', () => {
    const send = peerCompressor();
    const { connection, handler } = deflateConnection(role, { maxLength: 1_000 });
    for (let count = 0; count < 3; count++) {
      connection.receive(compressedFrames(role, 'binary', pieces(send(recordBytes(1_000)), 2)));
    }
    expect(handler.log.length).toBe(3);
    expect(handler.errors).toEqual([]);
  });

  it('in small fragments wait for their end before they take a context', async () => {
    const codec = new CountingCodec();
    const platform = new CountingPlatform();
    const { connection, handler } = deflateConnection(role, { platform }, codec);
    const coded = compress(recordBytes(4_000));
    const frames = pieces(coded, coded.length).map((payload, index) =>
      other({
        opcode: index === 0 ? 'binary' : 'continuation',
        rsv: index === 0 ? RSV1 : 0,
        fin: index === coded.length - 1,
        payload,
      }),
    );
    for (const frame of frames.slice(0, -1)) connection.receive(frame);
    expect(codec.inflaters.created).toBe(0);
    expect(await platform.retainedLength()).toBeLessThan(4 * coded.length + 70_000);
    connection.receive(frames.at(-1)!);
    expect(handler.log.length).toBe(1);
  });

  it.runIf(usesZlibHandle())('of great length are decompressed as they come', () => {
    const codec = new CountingCodec();
    const { connection, handler } = deflateConnection(role, {}, codec);
    const content = noise(300_000);
    const [first, second] = pieces(compress(content), 2);
    connection.receive(other({ opcode: 'binary', rsv: RSV1, fin: false, payload: first! }));
    expect(codec.inflatedLength).toBeGreaterThan(100_000);
    connection.receive(other({ opcode: 'continuation', payload: second! }));
    expect(handler.log.length).toBe(1);
    expect(codec.inflatedLength).toBe(300_000);
  });
});

describe.each(ROLES)('Compressed messages that are streamed at a %s', (role) => {
  it('come in pieces as they are decompressed, bounded in length', () => {
    const { connection, handler } = deflateConnection(role, { isStreaming: true });
    connection.receive(compressedFrames(role, 'binary', [compress(new Uint8Array(1_000_000))]));
    expect(handler.log).toEqual(['binary hex 00 x 1000000']);
    expect(handler.pieceCount).toBe(Math.ceil(1_000_000 / 65_536));
  });

  it.runIf(usesZlibHandle())('come as far as they have come', () => {
    const { connection, handler } = deflateConnection(role, { isStreaming: true });
    const context = handleContexts.createDeflater(SETTINGS);
    const [first, second] = ['one, ', 'two'].map((text, index) =>
      copyOf(context.deflate(utf8(text), index === 1)),
    );
    const received: string[] = [];
    handler.onMessageData = (bytes) => void received.push(Buffer.from(bytes).toString());
    connection.receive(frameTo(role, { opcode: 'text', rsv: RSV1, fin: false, payload: first! }));
    expect(received).toEqual(['one, ']);
    connection.receive(frameTo(role, { opcode: 'continuation', payload: second! }));
    expect(received).toEqual(['one, ', 'two']);
  });

  it('stop at a pause within a highly compressed piece, and go on behind it', () => {
    const codec = new CountingCodec();
    const { connection, handler } = deflateConnection(role, { isStreaming: true }, codec);
    handler.react = (event) => {
      if (event === 'data') connection.pause();
    };
    const behind = frameTo(role, { opcode: 'ping', payload: 'behind' });
    const frames = compressedFrames(role, 'binary', [compress(new Uint8Array(1_000_000))]);
    connection.receive(concat([frames, behind]));
    const pieceCount = Math.ceil(1_000_000 / 65_536);
    for (let count = 1; count < pieceCount; count++) {
      expect(handler.pieceCount).toBe(count);
      expect(codec.inflatedLength).toBeLessThanOrEqual((count + 1) * 65_536);
      expect(handler.log).toEqual([]);
      connection.resume();
    }
    connection.resume();
    expect(handler.log).toEqual(['binary hex 00 x 1000000', 'ping "behind"']);
  });

  it('are complete behind a pause, though the peer has ended the transport meanwhile', () => {
    for (const closes of [false, true]) {
      const { connection, handler } = deflateConnection(role, { isStreaming: true });
      handler.react = (event) => {
        if (event === 'data') connection.pause();
      };
      connection.receive(compressedFrames(role, 'binary', [compress(new Uint8Array(200_000))]));
      connection.receiveEnd();
      if (closes) connection.transportClosed();
      expect(handler.log).toEqual([]);
      for (let count = 0; count < 6; count++) connection.resume();
      const end = closes ? ['close 1006 unclean'] : [];
      expect(handler.log).toEqual(['binary hex 00 x 200000', ...end]);
      expect(handler.closingCount).toBe(1);
    }
  });

  it('end with a pause in the last piece, whether it is resumed or the connection dropped', () => {
    for (const drops of [false, true]) {
      const codec = new CountingCodec();
      const { connection, handler } = deflateConnection(role, { isStreaming: true }, codec);
      handler.react = (event) => {
        if (event === 'data') connection.pause();
      };
      connection.receive(compressedFrames(role, 'binary', [compress(new Uint8Array(100_000))]));
      if (drops) connection.abandon();
      connection.resume();
      connection.resume();
      connection.transportClosed();
      const message = drops ? [] : ['binary hex 00 x 100000'];
      expect(handler.log).toEqual([...message, 'close 1006 unclean']);
      expect(codec.inflaters.live).toBe(0);
    }
  });
});

describe('A long compressed piece that the brake interrupts at each output', () => {
  it('is not copied each time', () => {
    const platform = new CountingPlatform();
    const payload = noise(4 * 1024 * 1024);
    const { connection, handler } = deflateConnection('server', { platform, sink: STREAMED });
    let count = 0;
    let length = 0;
    handler.onMessageData = (bytes) => {
      count++;
      length += bytes.length;
      connection.pause();
    };
    const compressed = compress(payload);
    connection.receive(frameTo('server', { opcode: 'binary', rsv: RSV1, payload: compressed }));
    while (connection.isPaused) connection.resume();
    expect(length).toBe(payload.length);
    expect(count).toBeGreaterThan(60);
    // The pieces themselves, and what was left once it was the smaller part.
    expect(platform.allocatedLength).toBeLessThan(payload.length * 4);
  });
});
