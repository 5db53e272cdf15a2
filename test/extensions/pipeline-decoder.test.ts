import { describe, expect, it } from 'vitest';
import type { Role } from '../../src/connection/options.ts';
import type { LimitExceededError, WebSocketError } from '../../src/errors.ts';
import type { DecodedReceiver } from '../../src/extensions/decoder.ts';
import type { Extension } from '../../src/extensions/extension.ts';
import type { ExtensionFrame } from '../../src/extensions/message.ts';
import { PipelineDecoder } from '../../src/extensions/pipeline-decoder.ts';
import {
  type FrameHeader,
  RSV1 as WIRE_RSV1,
  RSV2 as WIRE_RSV2,
  RSV3 as WIRE_RSV3,
} from '../../src/frame/frame-header.ts';
import { Opcode } from '../../src/frame/opcode.ts';
import { nodePlatform } from '../../src/node/node-platform.ts';
import { handleContexts } from '../../src/node/zlib-handle.ts';
import { CountingPlatform } from '../support/counting-platform.ts';
import { feedEveryCut } from '../support/every-cut.ts';
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
  RSV2,
} from './extended-connections.ts';
import { LatePlugIn, type PlugInSpec, plugIn } from './plug-ins.ts';
import { copyOf, noise, recordBytes, records } from './sample-data.ts';

const ROLES: readonly Role[] = ['client', 'server'];

function connect(
  role: Role,
  extensions: readonly Extension[],
  options: ExtendedOptions = {},
): Extended {
  return extendedConnection(role, agree(extensions, extensions)[role], options);
}

function reversed(text: string): Uint8Array {
  return utf8([...text].reverse().join(''));
}

describe.each(ROLES)('Messages through a pipeline of extensions at a %s', (role) => {
  const frame = (spec: FrameSpec): Uint8Array => frameTo(role, spec);
  const late = (text: string): Uint8Array =>
    frame({ opcode: 'text', rsv: RSV2, payload: reversed(text) });

  it('come out whole and in order, in every cut, streamed or not', () => {
    const input = concat([
      frame({ opcode: 'text', payload: 'one' }),
      frame({ opcode: 'text', fin: false, payload: 't' }),
      frame({ opcode: 'ping', payload: 'p' }),
      frame({ opcode: 'continuation', payload: 'wo' }),
      frame({ opcode: 'binary', payload: hex('FE') }),
      frame({ opcode: 'text' }),
    ]);
    for (const isStreaming of [false, true]) {
      const { events } = feedEveryCut(input, (chunks) => {
        const { connection, handler } = connect(role, [plugIn(), plugIn({ name: 'x-2' })], {
          isStreaming,
        });
        for (const chunk of chunks) receiveGuarded(connection, chunk);
        return { events: handler.log, sent: describeFrames(role, takeBytes(connection)) };
      });
      expect(events).toEqual(['text "one"', 'ping "p"', 'text "two"', 'binary hex FE', 'text ""']);
    }
  });

  it('keep their order when an extension answers late, while control frames pass', () => {
    const plug = new LatePlugIn();
    const { connection, handler } = connect(role, [plug]);
    for (const text of ['one', 'two', 'three']) connection.receive(late(text));
    connection.receive(frame({ opcode: 'ping', payload: 'p' }));
    plug.answer(2);
    plug.answer(0);
    expect(handler.log).toEqual(['ping "p"', 'text "one"']);
    plug.answer(0);
    expect(handler.log).toEqual(['ping "p"', 'text "one"', 'text "two"', 'text "three"']);
  });

  it('keep the peer’s Close waiting until they are through (RFC 6455 §5.5.1)', () => {
    const plug = new LatePlugIn();
    const { connection, handler } = connect(role, [plug]);
    connection.receive(late('one'));
    connection.receive(
      concat([
        frame({ opcode: 'close', payload: hex('03 E8') }),
        frame({ opcode: 'text', payload: 'behind the Close' }),
      ]),
    );
    expect(connection.closeReceived).toBeUndefined();
    expect(connection.isOpen).toBe(true);
    plug.answer(0);
    expect(handler.log).toEqual(['text "one"']);
    expect(connection.closeReceived).toEqual({ code: 1000, reason: '' });
    expect(describeFrames(role, takeBytes(connection))).toEqual(['close 1000']);
    connection.transportClosed();
    expect(handler.log.at(-1)).toBe('close 1000 clean');
    expect(plug.closeCount).toBe(1);
  });

  it('keep the transport’s end waiting, too, with or without a Close before it', () => {
    for (const hasClose of [false, true]) {
      const plug = new LatePlugIn();
      const { connection, handler } = connect(role, [plug]);
      connection.receive(late('one'));
      if (hasClose) connection.receive(frame({ opcode: 'close', payload: hex('03 E8') }));
      connection.receiveEnd();
      connection.transportClosed();
      expect(handler.log).toEqual([]);
      plug.answer(0);
      const end = hasClose ? 'close 1000 clean' : 'close 1006 unclean';
      expect(handler.log).toEqual(['text "one"', end]);
      expect(plug.closeCount).toBe(1);
    }
  });

  it('wait for the end of a pause when they come through during it', () => {
    for (const ends of [false, true]) {
      const plug = new LatePlugIn();
      const { connection, handler } = connect(role, [plug]);
      for (const text of ['one', 'two', 'three']) connection.receive(late(text));
      if (ends) {
        connection.receive(frame({ opcode: 'close', payload: hex('03 E8') }));
        connection.transportClosed();
      }
      plug.answer(0);
      connection.pause();
      plug.answerAll();
      expect(handler.log).toEqual(['text "one"']);
      handler.react = (line) => {
        if (line === 'text "two"') connection.pause();
      };
      connection.resume();
      expect(handler.log).toEqual(['text "one"', 'text "two"']);
      connection.resume();
      const close = ends ? ['close 1000 clean'] : [];
      expect(handler.log).toEqual(['text "one"', 'text "two"', 'text "three"', ...close]);
      connection.receive(late('four'));
      plug.answerAll();
      expect(handler.log.includes('text "four"')).toBe(!ends);
    }
  });

  it('stop the reading when many are on their way, and let it go on when they are through', () => {
    const plug = new LatePlugIn();
    const { connection, handler } = connect(role, [plug]);
    const waits: boolean[] = [];
    connection.brake.listener = {
      onHold: () => waits.push(true),
      onRelease: () => waits.push(false),
    };
    const texts = Array.from({ length: 100 }, (_, index) => `message ${index}`);
    for (const text of texts.slice(0, 50)) connection.receive(late(text));
    connection.receive(concat(texts.slice(50).map(late)));
    expect(plug.questions.length).toBe(16);
    expect(waits).toEqual([true]);
    let most = 0;
    while (plug.questions.length > 0) {
      plug.answer(plug.questions.length - 1);
      most = Math.max(most, plug.questions.length);
    }
    expect(most).toBeLessThanOrEqual(16);
    expect(waits.at(-1)).toBe(false);
    expect(waits.length % 2).toBe(0);
    expect(handler.log).toEqual(texts.map((text) => `text "${text}"`));
  });

  it('hold no more memory than those on their way and what the transport gave', async () => {
    const plug = new LatePlugIn();
    const platform = new CountingPlatform();
    const { connection } = connect(role, [plug], { platform });
    const chunk = concat(Array.from({ length: 60 }, () => late('m'.repeat(1_000))));
    connection.receive(chunk);
    expect(plug.questions.length).toBe(16);
    expect(await platform.retainedLength()).toBeLessThan(300_000);
  });

  it('stop at the first error: one error, 1002, and nothing behind it', () => {
    const plug = new LatePlugIn();
    const { connection, handler } = connect(role, [plug]);
    for (const text of ['one', 'two', 'three']) connection.receive(late(text));
    plug.answer(2);
    plug.answer(1, new Error('cannot be turned'));
    plug.answer(0);
    expect(handler.log).toEqual(['text "one"', 'error WS_EXTENSION_FAILED']);
    expect(handler.errors[0]!.message).toMatch(/x-late: cannot be turned/);
    expect(describeFrames(role, takeBytes(connection))).toEqual(['close 1002']);
    connection.transportClosed();
    expect(handler.log.at(-1)).toBe('close 1006 unclean');
    expect(plug.closeCount).toBe(1);
  });

  it.each<[string, Parameters<typeof plugIn>[0], string, string]>([
    [
      'throws at a message',
      {
        session: {
          processIncomingMessage: () => {
            throw new Error('broken');
          },
        },
      },
      'WS_EXTENSION_FAILED',
      'close 1002',
    ],
    [
      'answers with garbage',
      { session: { processIncomingMessage: (_, callback) => callback(null, 42 as never) } },
      'WS_EXTENSION_FAILED',
      'close 1002',
    ],
    [
      'throws at a frame’s bits',
      {
        session: {
          validFrameRsv: () => {
            throw new Error('broken');
          },
        },
      },
      'WS_INTERNAL',
      'close 1011',
    ],
    [
      'rejects a frame’s bits',
      { session: { validFrameRsv: () => false } },
      'WS_RESERVED_BIT',
      'close 1002',
    ],
  ])('fail, and the process does not, when a plug-in %s', (_, spec, code, close) => {
    const { connection, handler } = connect(role, [plugIn(spec)]);
    connection.receive(frame({ opcode: 'text', payload: 'm' }));
    connection.receive(frame({ opcode: 'text', payload: 'n' }));
    expect(handler.log).toEqual([`error ${code}`]);
    expect(describeFrames(role, takeBytes(connection))).toEqual([close]);
  });

  it('fail with 1011 when the handler throws, now or later; the caller gets it', () => {
    for (const isLate of [false, true]) {
      const plug = new LatePlugIn();
      const { connection, handler } = connect(
        role,
        isLate ? [plug] : [plugIn(), plugIn({ name: 'x-2' })],
      );
      handler.react = (line) => {
        if (line.startsWith('text')) throw new Error('of the application');
      };
      const receive = (): void => {
        connection.receive(frame({ opcode: 'text', payload: 'm' }));
        connection.receive(frame({ opcode: 'text', payload: 'n' }));
        plug.answerAll();
      };
      expect(receive).toThrow('of the application');
      plug.answerAll();
      expect(handler.log).toEqual(['text "m"', 'error WS_INTERNAL']);
      expect(describeFrames(role, takeBytes(connection))).toEqual(['close 1011']);
    }
  });

  it('may be as long as maxLength coming out, and little longer going in: 1009', () => {
    const shorten = plugIn({
      session: {
        processIncomingMessage: (message, callback) => {
          message.data = message.data.subarray(20);
          callback(null, message);
        },
      },
    });
    const lengthen = plugIn({
      session: {
        processIncomingMessage: (message, callback) => {
          message.data = concat([message.data, new Uint8Array(20)]);
          callback(null, message);
        },
      },
    });
    const run = (extension: Extension, length: number) => {
      const { connection, handler } = connect(role, [extension], { maxLength: 1_000 });
      const payload = new Uint8Array(length);
      connection.receive(frame({ opcode: 'binary', fin: false, payload: payload.subarray(500) }));
      connection.receive(frame({ opcode: 'continuation', payload: payload.subarray(0, 500) }));
      return handler;
    };
    expect(run(shorten, 1_020).errors).toEqual([]);
    expect(run(lengthen, 980).errors).toEqual([]);
    for (const handler of [run(shorten, 1_021), run(lengthen, 981), run(shorten, 5_000)]) {
      expect(handler.log).toEqual(['error WS_MESSAGE_TOO_LONG']);
      expect((handler.errors[0] as LimitExceededError).limit).toBe(1_000);
    }
  });

  it('must be text when they are to be text: 1007 (RFC 6455 §8.1)', () => {
    const spoil = plugIn({
      session: {
        processIncomingMessage: (message, callback) => {
          message.data = hex('FF');
          callback(null, message);
        },
      },
    });
    for (const isStreaming of [false, true]) {
      const { connection, handler } = connect(role, [spoil], { isStreaming });
      connection.receive(frame({ opcode: 'text', payload: 'm' }));
      expect(handler.log).toEqual(['error WS_INVALID_TEXT']);
    }
  });

  it('are told no more after the connection was dropped', () => {
    for (const end of ['abandon', 'fail'] as const) {
      const plug = new LatePlugIn();
      const { connection, handler } = connect(role, [plug]);
      connection.receive(late('one'));
      if (end === 'abandon') connection.abandon();
      else connection.receive(hex('F0 00'));
      plug.answerAll();
      connection.transportClosed();
      expect(handler.log.filter((line) => line.startsWith('text'))).toEqual([]);
      expect(handler.log.at(-1)).toBe('close 1006 unclean');
      expect(plug.closeCount).toBe(1);
    }
  });
});

describe.each(ROLES)('permessage-deflate in a pipeline at a %s', (role) => {
  const compress = (payload: Uint8Array): Uint8Array =>
    copyOf(
      handleContexts
        .createDeflater({ windowBits: 15, level: -1, memLevel: 8, strategy: 0 })
        .deflate(payload, true),
    );
  const inPipeline = (options: ExtendedOptions = {}) => {
    const codec = new CountingCodec();
    const extensions = [ownDeflate(codec), plugIn({ rsv2: true })];
    return { ...connect(role, extensions, options), codec };
  };

  it('decompresses, and leaves other messages as they are', () => {
    const { connection, handler } = inPipeline();
    connection.receive(compressedFrames(role, 'text', [compress(utf8('Hello'))]));
    connection.receive(frameTo(role, { opcode: 'text', payload: 'plain' }));
    connection.receive(compressedFrames(role, 'text', [compress(utf8(records(2_000)))]));
    expect(handler.log).toEqual([
      'text "Hello"',
      'text "plain"',
      `text ${JSON.stringify(records(2_000))}`,
    ]);
  });

  it.each<[string, () => Uint8Array, WebSocketError['code'], string]>([
    [
      'corrupt data',
      () => compressedFrames(role, 'text', [hex('FF FF FF')]),
      'WS_INVALID_DEFLATE',
      'close 1007',
    ],
    [
      'a message that is too long',
      () => compressedFrames(role, 'binary', [compress(new Uint8Array(10_001))]),
      'WS_MESSAGE_TOO_LONG',
      'close 1009',
    ],
    [
      'a bomb',
      () => compressedFrames(role, 'binary', [compress(new Uint8Array(8_000_000))]),
      'WS_MESSAGE_TOO_LONG',
      'close 1009',
    ],
    [
      'text that is none',
      () => compressedFrames(role, 'text', [compress(hex('41 C3 28'))]),
      'WS_INVALID_TEXT',
      'close 1007',
    ],
    [
      'RSV1 on a continuation',
      () =>
        concat([
          frameTo(role, { opcode: 'text', fin: false, payload: 'a' }),
          frameTo(role, { opcode: 'continuation', rsv: RSV1, payload: 'b' }),
        ]),
      'WS_RESERVED_BIT',
      'close 1002',
    ],
  ])('answers %s as it does alone', (_, input, code, close) => {
    const { connection, handler, codec } = inPipeline({ maxLength: 10_000 });
    connection.receive(input());
    expect(handler.log).toEqual([`error ${code}`]);
    expect(describeFrames(role, takeBytes(connection))).toEqual([close]);
    expect(codec.inflatedLength).toBeLessThan(150_000);
    connection.transportClosed();
    expect(codec.inflaters.live).toBe(0);
  });

  it('takes a message of maxLength though it is longer when it is compressed', () => {
    const { connection, handler } = inPipeline({ maxLength: 10_000 });
    const coded = compress(noise(10_000));
    expect(coded.length).toBeGreaterThan(10_000);
    connection.receive(compressedFrames(role, 'binary', [coded]));
    connection.receive(compressedFrames(role, 'binary', [compress(recordBytes(10_000))]));
    expect(handler.errors).toEqual([]);
    expect(handler.log.length).toBe(2);
  });
});

describe('The reserved bits of a data frame in a pipeline', () => {
  const decoderOf = (...specs: readonly PlugInSpec[]): PipelineDecoder => {
    const sessions = specs.map((spec) => {
      const extension = plugIn(spec);
      return { extension, session: extension.createServerSession([])! };
    });
    return new PipelineDecoder(sessions, { platform: nodePlatform } as DecodedReceiver);
  };
  const header = (more: Partial<FrameHeader>): FrameHeader => ({
    fin: true,
    rsv: 0,
    opcode: Opcode.TEXT,
    isMasked: true,
    maskingKey: 0,
    payloadLength: 0,
    ...more,
  });

  it('are those of all its sessions', () => {
    const decoder = decoderOf({ rsv1: true }, { name: 'x-2', rsv2: true });
    expect(decoder.rsv).toBe(WIRE_RSV1 | WIRE_RSV2);
  });

  it('belong on the first frame of a message', () => {
    const decoder = decoderOf({ rsv1: true });
    const opcode = Opcode.CONTINUATION;
    expect(decoder.isValidRsv(header({ rsv: WIRE_RSV1 }))).toBe(true);
    expect(decoder.isValidRsv(header({ rsv: WIRE_RSV1, opcode }))).toBe(false);
    expect(decoder.isValidRsv(header({ opcode }))).toBe(true);
  });

  it('are judged by every session that has an opinion', () => {
    const seen: ExtensionFrame[] = [];
    const validFrameRsv = (frame: ExtensionFrame): boolean => {
      seen.push(frame);
      return frame.length < 10;
    };
    const decoder = decoderOf({}, { session: { validFrameRsv } });
    expect(decoder.isValidRsv(header({ rsv: WIRE_RSV3, payloadLength: 9 }))).toBe(true);
    expect(decoder.isValidRsv(header({ rsv: WIRE_RSV3, payloadLength: 10 }))).toBe(false);
    const bits = { rsv1: false, rsv2: false, rsv3: true };
    expect(seen[0]).toEqual({ ...bits, final: true, opcode: 1, masked: true, length: 9 });
  });
});
