import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Connection } from '../../src/connection/connection.ts';
import type { FrameListener, IncomingFrameHeader } from '../../src/connection/frame-listener.ts';
import type { ConnectionLimits, Role } from '../../src/connection/options.ts';
import { nodePlatform } from '../../src/node/node-platform.ts';
import { feedEveryCut } from '../support/every-cut.ts';
import { closePayload, EXAMPLE_KEY, frameTo } from '../support/frames.ts';
import { concat, hex } from '../support/hex.ts';
import { takeFrames } from '../support/recorded-connection.ts';
import { RecordingHandler } from '../support/recording-handler.ts';
import { receiveGuarded } from '../support/run-connection.ts';

const ROLES: readonly Role[] = ['client', 'server'];

/** Writes frames down, a line each when it is complete, into the log of the handler. */
class RecordingListener implements FrameListener {
  readonly log: string[];
  react: ((event: 'start' | 'data' | 'end') => void) | undefined;
  lastHeader: IncomingFrameHeader | undefined;
  #line = '';
  #pieces: Uint8Array[] = [];

  constructor(log: string[]) {
    this.log = log;
  }

  onFrameStart(header: IncomingFrameHeader): void {
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

function listenedConnection(options: ConnectionLimits & { readonly role: Role }) {
  const handler = new RecordingHandler();
  const listener = new RecordingListener(handler.log);
  const connection = new Connection({
    platform: nodePlatform,
    ...options,
    handler,
    frameListener: listener,
  });
  return { connection, handler, listener };
}

function logOf(role: Role, input: Uint8Array): readonly string[] {
  const feed = (chunks: readonly Uint8Array[]) => {
    const { connection, handler } = listenedConnection({ role });
    for (const chunk of chunks) receiveGuarded(connection, chunk);
    return { events: handler.log, sent: takeFrames(connection) };
  };
  return feedEveryCut(input, feed).events;
}

describe.each(ROLES)('A frame listener at a %s', (role) => {
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
    expect(logOf(role, input)).toEqual([
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
    const { connection, listener } = listenedConnection({ role });
    connection.receive(frameTo(role, { opcode: 'text', payload: 'a' }));
    const isMasked = role === 'server';
    const maskingKey = isMasked ? Buffer.from(EXAMPLE_KEY).readUInt32BE() : 0;
    const header = { fin: true, rsv: 0, opcode: 1, payloadLength: 1, isMasked, maskingKey };
    expect(listener.lastHeader).toEqual(header);
  });

  it('is told of a frame before its payload has come, and of the payload as it comes', () => {
    const { connection, listener } = listenedConnection({ role });
    const events: string[] = [];
    listener.react = (event) => events.push(event);
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
    expect(logOf(role, input)).toEqual(['frame 1 1 \u00c3', 'error WS_INVALID_TEXT']);
  });

  it('is told nothing of a frame that breaks a rule or a limit', () => {
    const { connection, handler } = listenedConnection({ role, maxLength: 4 });
    connection.receive(frameTo(role, { opcode: 'text', fin: false, payload: 'abc' }));
    connection.receive(frameTo(role, { opcode: 'continuation', payload: 'de' }));
    expect(handler.log).toEqual(['frame 1 3 abc', 'error WS_MESSAGE_TOO_LONG']);
    expect(logOf(role, frameTo(role, { opcode: 'continuation' }))).toEqual([
      'error WS_CONTINUATION_UNEXPECTED',
    ]);
    expect(logOf(role, frameTo(role, { opcode: 3 }))).toEqual(['error WS_UNKNOWN_OPCODE']);
  });

  it.each(['start', 'data', 'end'] as const)('may pause at the %s of each frame', (at) => {
    const { connection, handler, listener } = listenedConnection({ role });
    listener.react = (event) => {
      if (event === at) connection.pause();
    };
    const specs = ['one', '', 'three'].map((payload) =>
      frameTo(role, { opcode: 'ping', payload: payload }),
    );
    connection.receive(concat([...specs, frameTo(role, { opcode: 'binary', payload: 'four' })]));
    for (let turn = 0; turn < 5; turn++) connection.resume();
    expect(handler.log.filter((line) => line.startsWith('frame'))).toEqual([
      'frame 9 fin 3 one',
      'frame 9 fin 0 ',
      'frame 9 fin 5 three',
      'frame 2 fin 4 four',
    ]);
  });

  it('may fail the connection within a control frame, which then has no effect', () => {
    const { connection, handler, listener } = listenedConnection({ role });
    listener.react = (event) => {
      if (event === 'data') connection.abandon();
    };
    connection.receive(frameTo(role, { opcode: 'ping', payload: 'p' }));
    expect(handler.log).toEqual([]);
    expect(connection.hasOutput).toBe(false);
  });

  it('gets events or one failure, whatever the bytes, and nothing throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const events = logOf(role, bytes);
        expect(events.filter((line) => line.startsWith('error')).length).toBeLessThanOrEqual(1);
      }),
      { numRuns: 100 },
    );
  });
});

describe('A frame listener', () => {
  it('and extensions exclude each other', () => {
    const handler = new RecordingHandler();
    const frameListener = new RecordingListener([]);
    const session = {
      generateOffer: () => null,
      activate: () => true,
      generateResponse: () => ({}),
      validFrameRsv: () => true,
      processIncomingMessage: () => {},
      processOutgoingMessage: () => {},
      close: () => {},
    };
    const extension = {
      name: 'x-none',
      type: 'permessage',
      rsv1: false,
      rsv2: false,
      rsv3: false,
      createClientSession: () => null,
      createServerSession: () => null,
    };
    const create = (): Connection =>
      new Connection({
        platform: nodePlatform,
        role: 'server',
        handler,
        frameListener,
        sessions: [{ extension, session } as never],
      });
    expect(create).toThrow(TypeError);
  });
});
