import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Connection } from '../../src/connection/connection.ts';
import type { Role } from '../../src/connection/options.ts';
import {
  type FrameSink,
  type Sink,
  type SinkChoice,
  STREAMED,
  STREAMED_BINARY,
  WHOLE,
  wholeBytes,
} from '../../src/connection/sink.ts';
import type { FrameHeader } from '../../src/frame/frame-header.ts';
import { nodePlatform } from '../../src/node/node-platform.ts';
import { feedEveryCut } from '../support/every-cut.ts';
import { closePayload, EXAMPLE_KEY, frameTo } from '../support/frames.ts';
import { concat, hex } from '../support/hex.ts';
import { type RunOptions, recordedConnection, takeFrames } from '../support/recorded-connection.ts';
import { RecordingHandler } from '../support/recording-handler.ts';
import { receiveGuarded } from '../support/run-connection.ts';

const ROLES: readonly Role[] = ['client', 'server'];

/** Text in one frame and in two, then binary in one and in two. */
const messages = (role: Role): Uint8Array =>
  concat([
    frameTo(role, { opcode: 'text', payload: '€' }),
    frameTo(role, { opcode: 'text', fin: false, payload: hex('E2') }),
    frameTo(role, { opcode: 'continuation', payload: hex('82 AC') }),
    frameTo(role, { opcode: 'binary', payload: hex('FE') }),
    frameTo(role, { opcode: 'binary', fin: false, payload: hex('FD') }),
    frameTo(role, { opcode: 'continuation', payload: hex('FC') }),
  ]);

/** Writes down which methods of a handler are called, and with what. */
class MethodLog extends RecordingHandler {
  override onMessage(data: string | Uint8Array, isBinary: boolean): void {
    const kind = isBinary ? 'binary' : 'text';
    this.log.push(
      `whole ${kind} ${typeof data === 'string' ? data : Buffer.from(data).toString('hex')}`,
    );
  }

  override onMessageStart(isBinary: boolean): void {
    this.log.push(`start ${isBinary ? 'binary' : 'text'}`);
  }

  override onMessageData(bytes: Uint8Array): void {
    this.log.push(`data ${Buffer.from(bytes).toString('hex')}`);
  }

  override onMessageEnd(): void {
    this.log.push('end');
  }
}

function logOf(role: Role, sink: SinkChoice, input: Uint8Array): readonly string[] {
  const handler = new MethodLog();
  new Connection({ platform: nodePlatform, role, handler, sink }).receive(input.slice());
  return handler.log;
}

const STREAMED_TEXT = [
  'start text',
  'data e282ac',
  'end',
  'start text',
  'data e2',
  'data 82ac',
  'end',
];
const STREAMED_BYTES = [
  'start binary',
  'data fe',
  'end',
  'start binary',
  'data fd',
  'data fc',
  'end',
];
const WHOLE_BYTES = ['whole binary fe', 'whole binary fdfc'];
const SINKS: Readonly<Record<string, readonly [SinkChoice, readonly string[]]>> = {
  WHOLE: [WHOLE, ['whole text €', 'whole text €', ...WHOLE_BYTES]],
  'wholeBytes(true)': [
    wholeBytes(true),
    ['whole text e282ac', 'whole text e282ac', ...WHOLE_BYTES],
  ],
  'wholeBytes(false)': [
    wholeBytes(false),
    ['whole text e282ac', 'whole text e282ac', ...WHOLE_BYTES],
  ],
  STREAMED: [STREAMED, [...STREAMED_TEXT, ...STREAMED_BYTES]],
  STREAMED_BINARY: [STREAMED_BINARY, ['whole text €', 'whole text €', ...STREAMED_BYTES]],
};

describe.each(Object.entries(SINKS))('%s', (name, [sink, wanted]) => {
  it.each(ROLES)('delivers messages at a %s as it says', (role) => {
    expect(logOf(role, sink, messages(role))).toEqual(wanted);
  });

  it('fails on text that is not UTF-8, unless it says otherwise (RFC 6455 §8.1)', () => {
    const code = name === 'wholeBytes(false)' ? undefined : 'WS_INVALID_TEXT';
    const invalid = ['81 02 C3 28', '01 01 C3 80 01 28', '81 01 C3', '01 01 C3 80 00'];
    for (const frames of invalid) {
      const handler = new MethodLog();
      const connection = new Connection({ platform: nodePlatform, role: 'client', handler, sink });
      connection.receive(hex(frames));
      expect(connection.failure?.code).toBe(code);
    }
  });

  it('takes any bytes as binary', () => {
    const handler = new MethodLog();
    const connection = new Connection({ platform: nodePlatform, role: 'client', handler, sink });
    connection.receive(hex('82 02 C3 28 02 01 C3 80 01 28'));
    expect(connection.failure).toBeUndefined();
  });
});

describe('STREAMED', () => {
  it('hands over no empty pieces, and begins and ends an empty message', () => {
    const empty = logOf('client', STREAMED, hex('82 00 02 00 00 00 80 01 61'));
    expect(empty).toEqual(['start binary', 'end', 'start binary', 'data 61', 'end']);
  });

  it('tells nothing more of a message within which the connection is dropped', () => {
    for (const [at, wanted] of [
      ['onMessageStart', ['start binary']],
      ['onMessageData', ['start binary', 'data 61']],
    ] as const) {
      const handler = new MethodLog();
      const options = { platform: nodePlatform, role: 'client', handler, sink: STREAMED } as const;
      const connection = new Connection(options);
      const tell = handler[at].bind(handler) as (value: never) => void;
      handler[at] = (value: never) => {
        tell(value);
        connection.abandon();
      };
      connection.receive(hex('82 01 61 82 01 62'));
      expect(handler.log).toEqual(wanted);
    }
  });
});

describe('A message that comes whole out of the extensions', () => {
  /** Delivers `a` as one binary message to the streamed sink, and gives up at one of its events. */
  function logUntil(at: string): readonly string[] {
    const handler = new MethodLog();
    const delivery = {
      platform: nodePlatform,
      handler,
      get isGivenUp(): boolean {
        return handler.log.at(-1) === at;
      },
    };
    const { binary } = STREAMED as { readonly binary: Sink };
    expect(binary.whole(delivery, hex('60 61 62'), 1, 2, true)).toBeUndefined();
    return handler.log;
  }

  it('is streamed like any other, and ends where the connection does', () => {
    expect(logUntil('never')).toEqual(['start binary', 'data 61', 'end']);
    expect(logUntil('data 61')).toEqual(['start binary', 'data 61']);
    expect(logUntil('start binary')).toEqual(['start binary']);
  });
});

describe('The sinks', () => {
  it('are shared by all connections', () => {
    expect(wholeBytes(true)).toBe(wholeBytes(true));
    expect(wholeBytes(false)).toBe(wholeBytes(false));
    expect(wholeBytes(true)).not.toBe(wholeBytes(false));
  });

  it('deliver binary that lies in one piece as a view of the chunk, and text as a string', () => {
    const received: unknown[] = [];
    class Keeping extends RecordingHandler {
      override onMessage(data: string | Uint8Array): void {
        received.push(typeof data === 'string' ? data : data.buffer);
      }
    }
    const handler = new Keeping();
    const connection = new Connection({ platform: nodePlatform, role: 'client', handler });
    const chunk = hex('81 01 61 82 01 62');
    connection.receive(chunk);
    expect(received[0]).toBe('a');
    expect(received[1]).toBe(chunk.buffer);
  });

  it('make no string that is longer than the platform’s longest: WS_MESSAGE_TOO_LONG', () => {
    const platform = { ...nodePlatform, maxTextLength: 4 };
    for (const [sink, code] of [
      [WHOLE, 'WS_MESSAGE_TOO_LONG'],
      [wholeBytes(true), undefined],
      [STREAMED, undefined],
    ] as const) {
      const { connection } = recordedConnection({ role: 'client', platform, sink });
      connection.receive(frameTo('client', { opcode: 'text', payload: '1234' }));
      expect(connection.failure).toBeUndefined();
      connection.receive(frameTo('client', { opcode: 'text', payload: '12345' }));
      expect(connection.failure?.code).toBe(code);
    }
  });
});

/** Writes frames down, a line each when it is complete, into the log of the handler. */
class RecordingFrames implements FrameSink {
  readonly log: string[];
  react: ((event: 'start' | 'data' | 'end') => void) | undefined;
  lastHeader: FrameHeader | undefined;
  #line = '';
  #pieces: Uint8Array[] = [];

  constructor(log: string[]) {
    this.log = log;
  }

  onFrameStart(header: FrameHeader): void {
    const { fin, rsv, opcode, payloadLength, isMasked, maskingKey } = header;
    this.lastHeader = { fin, rsv, opcode, payloadLength, isMasked, maskingKey };
    this.#line = `frame ${opcode}${fin ? ' fin' : ''} ${payloadLength}`;
    this.#pieces = [];
    this.react?.('start');
  }

  onFrameData(bytes: Uint8Array): void {
    this.#pieces.push(bytes.slice());
    this.react?.('data');
  }

  onFrameEnd(): void {
    this.log.push(`${this.#line} ${Buffer.from(concat(this.#pieces)).toString('latin1')}`);
    this.react?.('end');
  }
}

function framedConnection(options: RunOptions) {
  const handler = new RecordingHandler();
  const frames = new RecordingFrames(handler.log);
  const connection = new Connection({
    platform: nodePlatform,
    ...options,
    handler,
    sink: { frames },
  });
  return { connection, handler, frames };
}

function framesOfEveryCut(role: Role, input: Uint8Array): readonly string[] {
  const feed = (chunks: readonly Uint8Array[]) => {
    const { connection, handler } = framedConnection({ role });
    for (const chunk of chunks) receiveGuarded(connection, chunk);
    return { events: handler.log, sent: takeFrames(connection) };
  };
  return feedEveryCut(input, feed).events;
}

describe.each(ROLES)('A frame sink at a %s', (role) => {
  it('is told each frame in its order, and no message, in every cut', () => {
    const input = concat([
      frameTo(role, { opcode: 'text', fin: false, payload: 'He' }),
      frameTo(role, { opcode: 'ping', payload: 'p' }),
      frameTo(role, { opcode: 'continuation', fin: false }),
      frameTo(role, { opcode: 'continuation', payload: 'llo' }),
      frameTo(role, { opcode: 'binary', payload: 'x'.repeat(200) }),
      frameTo(role, { opcode: 'pong' }),
      frameTo(role, { opcode: 'close', payload: closePayload(1000, 'so') }),
    ]);
    expect(framesOfEveryCut(role, input)).toEqual([
      'frame 1 2 He',
      'frame 9 fin 1 p',
      'ping "p"',
      'frame 0 0 ',
      'frame 0 fin 3 llo',
      `frame 2 fin 200 ${'x'.repeat(200)}`,
      'frame 10 fin 0 ',
      'pong ""',
      'frame 8 fin 4 \u0003\u00e8so',
    ]);
  });

  it('gets the header as it was on the wire (RFC 6455 §5.2)', () => {
    const { connection, frames } = framedConnection({ role });
    connection.receive(frameTo(role, { opcode: 'text', payload: 'a' }));
    const isMasked = role === 'server';
    const maskingKey = isMasked ? Buffer.from(EXAMPLE_KEY).readUInt32BE() : 0;
    const header = { fin: true, rsv: 0, opcode: 1, payloadLength: 1, isMasked, maskingKey };
    expect(frames.lastHeader).toEqual(header);
  });

  it('is told of a frame before its payload has come, and of the payload as it comes', () => {
    const { connection, frames } = framedConnection({ role });
    const events: string[] = [];
    frames.react = (event) => events.push(event);
    const bytes = frameTo(role, { opcode: 'binary', payload: 'abcdef' });
    connection.receive(bytes.slice(0, bytes.length - 6));
    expect(events).toEqual(['start']);
    connection.receive(bytes.slice(-6, -3));
    connection.receive(bytes.slice(-3));
    expect(events).toEqual(['start', 'data', 'data', 'end']);
  });

  it('is never told the end of a frame whose text is invalid (RFC 6455 §8.1)', () => {
    const input = concat([
      frameTo(role, { opcode: 'text', fin: false, payload: hex('c3') }),
      frameTo(role, { opcode: 'continuation', fin: false, payload: hex('28') }),
    ]);
    expect(framesOfEveryCut(role, input)).toEqual(['frame 1 1 \u00c3', 'error WS_INVALID_TEXT']);
  });

  it('is told nothing of a frame that breaks a rule or a limit', () => {
    const { connection, handler } = framedConnection({ role, maxLength: 4 });
    connection.receive(frameTo(role, { opcode: 'text', fin: false, payload: 'abc' }));
    connection.receive(frameTo(role, { opcode: 'continuation', payload: 'de' }));
    expect(handler.log).toEqual(['frame 1 3 abc', 'error WS_MESSAGE_TOO_LONG']);
    const fragments = framedConnection({ role, maxFragments: 1 });
    fragments.connection.receive(frameTo(role, { opcode: 'text', fin: false, payload: 'abc' }));
    fragments.connection.receive(frameTo(role, { opcode: 'continuation', payload: 'de' }));
    expect(fragments.handler.log).toEqual(['frame 1 3 abc', 'error WS_TOO_MANY_FRAGMENTS']);
    expect(framesOfEveryCut(role, frameTo(role, { opcode: 'continuation' }))).toEqual([
      'error WS_CONTINUATION_UNEXPECTED',
    ]);
    expect(framesOfEveryCut(role, frameTo(role, { opcode: 3 }))).toEqual([
      'error WS_UNKNOWN_OPCODE',
    ]);
  });

  it.each(['start', 'data', 'end'] as const)('may pause at the %s of each frame', (at) => {
    const { connection, handler, frames } = framedConnection({ role });
    frames.react = (event) => {
      if (event === at) connection.pause();
    };
    const pings = ['one', '', 'three'].map((payload) => frameTo(role, { opcode: 'ping', payload }));
    connection.receive(concat([...pings, frameTo(role, { opcode: 'binary', payload: 'four' })]));
    for (let turn = 0; turn < 5; turn++) connection.resume();
    expect(handler.log.filter((line) => line.startsWith('frame'))).toEqual([
      'frame 9 fin 3 one',
      'frame 9 fin 0 ',
      'frame 9 fin 5 three',
      'frame 2 fin 4 four',
    ]);
  });

  it('may fail the connection within a control frame, which then has no effect', () => {
    const { connection, handler, frames } = framedConnection({ role });
    frames.react = (event) => {
      if (event === 'data') connection.abandon();
    };
    connection.receive(frameTo(role, { opcode: 'ping', payload: 'p' }));
    expect(handler.log).toEqual([]);
    expect(connection.hasOutput).toBe(false);
  });

  it('hears no end of a data frame within which it drops the connection', () => {
    const { connection, handler, frames } = framedConnection({ role });
    frames.react = (event) => {
      if (event === 'data') connection.abandon();
    };
    connection.receive(frameTo(role, { opcode: 'binary', payload: 'p' }));
    expect(handler.log).toEqual([]);
  });

  it('gets events or one failure, whatever the bytes, and nothing throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const events = framesOfEveryCut(role, bytes);
        expect(events.filter((line) => line.startsWith('error')).length).toBeLessThanOrEqual(1);
      }),
      { numRuns: 100 },
    );
  });
});
