import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Connection } from '../../src/connection/connection.ts';
import type { Role } from '../../src/connection/options.ts';
import { STREAMED } from '../../src/connection/sink.ts';
import { FAULTS, InvalidStateError, ProtocolError, WebSocketError } from '../../src/errors.ts';
import type { ActiveSession, ExtensionSession } from '../../src/extensions/extension.ts';
import { nodePlatform } from '../../src/node/node-platform.ts';
import { plugIn } from '../extensions/plug-ins.ts';
import { feedEveryCut } from '../support/every-cut.ts';
import { closePayload, describeFrames, frameTo, readFrames } from '../support/frames.ts';
import { BufferWatch } from '../support/garbage.ts';
import { concat, hex, utf8 } from '../support/hex.ts';
import { recordedConnection, takeBytes, takeFrames } from '../support/recorded-connection.ts';
import { RecordingHandler } from '../support/recording-handler.ts';
import { receiveGuarded } from '../support/run-connection.ts';

const ROLES: readonly Role[] = ['client', 'server'];

const text = (role: Role, payload: string) => frameTo(role, { opcode: 'text', payload });
const closeFrame = (role: Role, code: number, reason = '') =>
  frameTo(role, { opcode: 'close', payload: closePayload(code, reason) });

describe.each(ROLES)('The maxLength of a %s', (role) => {
  it('may change, also within a message', () => {
    const { connection, handler } = recordedConnection({ role, maxLength: 3 });
    expect(connection.maxLength).toBe(3);
    connection.maxLength = 6;
    connection.receive(text(role, '123456'));
    connection.receive(frameTo(role, { opcode: 'text', payload: '12', fin: false }));
    connection.maxLength = 3;
    connection.receive(frameTo(role, { opcode: 'continuation', payload: '34' }));
    expect(handler.log).toEqual(['text "123456"', 'error WS_MESSAGE_TOO_LONG']);
  });

  it('throws for what is not a length', () => {
    const { connection } = recordedConnection({ role });
    expect(() => (connection.maxLength = -1)).toThrow(RangeError);
    expect(() => (connection.maxLength = '1' as never)).toThrow(TypeError);
  });
});

describe.each(ROLES)('The closing handshake that a %s begins (RFC 6455 §7.1.2)', (role) => {
  it('sends a Close, takes messages until the answer, and ends with the peer’s code', () => {
    const { connection, handler } = recordedConnection({ role });
    connection.close(4000, 'done');
    expect(connection.isOpen).toBe(false);
    expect(connection.closeSent).toEqual({ code: 4000, reason: 'done' });
    expect(readFrames(takeBytes(connection))[0]?.payload).toEqual(closePayload(4000, 'done'));
    expect([handler.closingCount, connection.shouldEnd]).toEqual([1, false]);

    connection.receive(text(role, 'still on its way'));
    connection.receive(closeFrame(role, 4001, 'me too'));
    expect(connection.closeReceived).toEqual({ code: 4001, reason: 'me too' });
    expect(connection.hasOutput).toBe(false);
    connection.receiveEnd();
    connection.transportClosed();
    expect(handler.log).toEqual(['text "still on its way"', 'close 4001 "me too" clean']);
    expect(connection.isClosed).toBe(true);
  });

  it('sends no code for 1005, the default (RFC 6455 §7.4.1)', () => {
    const { connection } = recordedConnection({ role });
    connection.close();
    expect(takeFrames(connection)).toEqual(['close']);
  });

  it('takes place once', () => {
    const { connection, handler } = recordedConnection({ role });
    connection.close(1000);
    connection.close(1001);
    connection.receive(closeFrame(role, 1000));
    connection.close(1002);
    expect(takeFrames(connection)).toEqual(['close 1000']);
    expect(handler.closingCount).toBe(1);
  });

  it('ends with 1006 when the answer does not come (RFC 6455 §7.1.5)', () => {
    const { connection, handler } = recordedConnection({ role });
    connection.close(1000);
    connection.receiveEnd();
    connection.transportClosed();
    expect(handler.log).toEqual(['close 1006 unclean']);
  });

  it.each([0, 999, 1004, 1005.5, 1006, 1015, 2999, 5000, 65_536, Number.NaN])(
    'refuses the code %d at the call, and sends nothing (RFC 6455 §7.4)',
    (code) => {
      const { connection, handler } = recordedConnection({ role });
      expect(() => connection.close(code)).toThrow(RangeError);
      expect([connection.isOpen, connection.hasOutput]).toEqual([true, false]);
      expect(handler.closingCount).toBe(0);
    },
  );

  it('refuses a reason over 123 bytes in UTF-8, and sends the longest (RFC 6455 §5.5)', () => {
    const { connection } = recordedConnection({ role });
    expect(() => connection.close(1000, '*'.repeat(124))).toThrow(RangeError);
    expect(() => connection.close(1000, '€'.repeat(42))).toThrow(RangeError);
    expect(connection.isOpen).toBe(true);
    connection.close(1000, '€'.repeat(41));
    expect(readFrames(takeBytes(connection))[0]?.payload.length).toBe(125);
  });
});

describe.each(ROLES)('The closing handshake that the peer of a %s begins', (role) => {
  it('is answered at once, and nothing is sent after that (RFC 6455 §5.5.1)', () => {
    const { connection, handler } = recordedConnection({ role });
    connection.sendText('before');
    connection.receive(closeFrame(role, 1001, 'bye'));
    expect(connection.sendText('after')).toBe(false);
    expect(takeFrames(connection)).toEqual(['text "before"', 'close 1001']);
    expect(handler.closingCount).toBe(1);
  });

  it('asks a server to end the transport, a client to wait for it (RFC 6455 §7.1.1)', () => {
    const { connection } = recordedConnection({ role });
    connection.receive(closeFrame(role, 1000));
    expect(connection.shouldEnd).toBe(role === 'server');
    connection.receiveEnd();
    expect(connection.shouldEnd).toBe(true);
  });

  it('is clean, whatever the transport says about its own end then', () => {
    const { connection, handler } = recordedConnection({ role });
    connection.receive(closeFrame(role, 1000));
    connection.transportClosed(new Error('read ECONNRESET'));
    expect(handler.log).toEqual(['close 1000 clean']);
  });
});

describe.each(ROLES)('A failed connection of a %s (RFC 6455 §7.1.7)', (role) => {
  it('tells the peer the code and the rule, and asks for the transport’s end', () => {
    const { connection, handler } = recordedConnection({ role });
    connection.receive(frameTo(role, { opcode: 3 }));
    const reason = FAULTS.WS_UNKNOWN_OPCODE.message;
    expect(readFrames(takeBytes(connection))[0]?.payload).toEqual(closePayload(1002, reason));
    expect(connection.shouldEnd).toBe(true);
    expect(connection.failure).toEqual(new ProtocolError('WS_UNKNOWN_OPCODE'));
    expect(handler.errors).toEqual([connection.failure]);
    expect(handler.closingCount).toBe(1);
  });

  it('takes nothing more, and fails once', () => {
    const { connection, handler } = recordedConnection({ role });
    connection.receive(frameTo(role, { opcode: 3 }));
    connection.receive(text(role, 'late'));
    connection.fail(new WebSocketError('WS_ABORTED'));
    connection.transportClosed(new Error('read ECONNRESET'));
    connection.transportClosed();
    expect(handler.log).toEqual(['error WS_UNKNOWN_OPCODE', 'close 1006 unclean']);
  });

  it('tells of it before the end, also when the end comes with the notice of the Close', () => {
    const { connection, handler } = recordedConnection({ role });
    handler.react = (event) => {
      if (event === 'output') connection.transportClosed();
    };
    connection.fail(new ProtocolError('WS_INVALID_TEXT'));
    expect(handler.log).toEqual(['error WS_INVALID_TEXT', 'close 1006 unclean']);
    expect(handler.closingCount).toBe(1);
  });

  it('sends no second Close', () => {
    const { connection } = recordedConnection({ role });
    connection.close(1000);
    connection.receive(frameTo(role, { opcode: 3 }));
    expect(takeFrames(connection)).toEqual(['close 1000']);
  });

  it('sends no Close where the fault has no close code', () => {
    const { connection, handler } = recordedConnection({ role });
    connection.fail(new WebSocketError('WS_PONG_TIMEOUT'));
    expect([connection.hasOutput, connection.shouldEnd]).toEqual([false, true]);
    expect(handler.log).toEqual(['error WS_PONG_TIMEOUT']);
  });

  it('tells of an internal error nothing but 1011 (RFC 6455 §7.4.1)', () => {
    const { connection } = recordedConnection({ role });
    connection.fail(new WebSocketError('WS_INTERNAL', { cause: new Error('secret') }));
    expect(readFrames(takeBytes(connection))[0]?.payload).toEqual(closePayload(1011));
  });

  it('gives what is still queued the error, when the transport is gone', () => {
    const { connection } = recordedConnection({ role });
    const errors: unknown[] = [];
    connection.sendText('a', (error) => errors.push(error));
    connection.takeOutput();
    connection.sendText('b', (error) => errors.push(error));
    connection.transportClosed(new Error('write EPIPE'));
    expect(errors).toEqual([connection.failure, connection.failure]);
    expect(connection.failure?.code).toBe('WS_TRANSPORT_ERROR');
  });
});

describe.each(ROLES)('The transport’s end at a %s', (role) => {
  it('without a Close is 1006, and no error (RFC 6455 §7.1.5)', () => {
    const { connection, handler } = recordedConnection({ role });
    const errors: unknown[] = [];
    connection.sendText('lost', (error) => errors.push(error));
    connection.receiveEnd();
    expect([connection.shouldEnd, handler.closingCount]).toEqual([true, 1]);
    connection.transportClosed();
    expect(handler.log).toEqual(['close 1006 unclean']);
    expect(errors).toEqual([new InvalidStateError('The connection is closed')]);
  });

  it('with an error is that error, then 1006', () => {
    const { connection, handler } = recordedConnection({ role });
    const cause = new Error('read ECONNRESET');
    connection.transportClosed(cause);
    expect(handler.log).toEqual(['error WS_TRANSPORT_ERROR', 'close 1006 unclean']);
    expect(handler.errors[0]?.cause).toBe(cause);
    expect(handler.errors[0]?.message).toMatch(/read ECONNRESET$/);
  });

  it('does not take a message apart that goes on all the same', () => {
    for (const isStreaming of [false, true]) {
      const { connection, handler } = recordedConnection({ role, isStreaming });
      connection.receive(frameTo(role, { opcode: 'text', fin: false, payload: hex('E2 82') }));
      connection.receiveEnd();
      connection.receive(frameTo(role, { opcode: 'continuation', payload: hex('AC') }));
      connection.transportClosed();
      expect(handler.log).toEqual(['text "€"', 'close 1006 unclean']);
    }
  });

  it('is told once, however often it comes', () => {
    const { connection, handler } = recordedConnection({ role });
    connection.transportClosed();
    connection.transportClosed(new Error('again'));
    connection.receiveEnd();
    connection.receive(text(role, 'late'));
    connection.fail(new WebSocketError('WS_ABORTED'));
    connection.close(1000);
    expect(handler.log).toEqual(['close 1006 unclean']);
    expect([handler.closingCount, connection.hasOutput]).toEqual([1, false]);
  });
});

describe.each(ROLES)('A paused connection of a %s', (role) => {
  const input = concat([
    text(role, 'one'),
    frameTo(role, { opcode: 'ping', payload: '?' }),
    text(role, 'two'),
    frameTo(role, { opcode: 'text' }),
    closeFrame(role, 1000),
  ]);
  const events = ['text "one"', 'ping "?"', 'text "two"', 'text ""', 'close 1000 clean'];

  it('tells and answers nothing until it goes on', () => {
    const { connection, handler } = recordedConnection({ role });
    connection.pause();
    expect(connection.isPaused).toBe(true);
    receiveGuarded(connection, text(role, 'one'));
    connection.receive(input.slice());
    connection.receiveEnd();
    connection.transportClosed();
    // The end is in sight: closeTimeout begins.
    expect([handler.log, handler.closingCount, connection.hasOutput]).toEqual([[], 1, false]);
    connection.resume();
    expect(handler.log.slice(1)).toEqual(events);
  });

  it('loses nothing and keeps the order, paused at each event, in every cut', () => {
    const log = feedEveryCut(input, (chunks) => {
      const { connection, handler } = recordedConnection({ role });
      handler.react = () => connection.pause();
      for (const chunk of chunks) connection.receive(chunk.slice());
      connection.transportClosed();
      for (let round = 0; !connection.isClosed && round < 20; round++) connection.resume();
      return { events: handler.log, sent: [] };
    });
    expect(log.events).toEqual(events);
  });

  it('goes on at once when it is resumed within the same event', () => {
    const { connection, handler } = recordedConnection({ role });
    handler.react = () => {
      connection.pause();
      connection.resume();
    };
    connection.receive(input.slice());
    expect(handler.log).toEqual(events.slice(0, -1));
  });

  it('forgets what it holds when the connection fails or is dropped', () => {
    for (const end of ['fail', 'abandon'] as const) {
      const { connection, handler } = recordedConnection({ role });
      connection.pause();
      connection.receive(input.slice());
      if (end === 'fail') connection.fail(new WebSocketError('WS_ABORTED'));
      else connection.abandon();
      connection.resume();
      connection.transportClosed();
      const error = end === 'fail' ? ['error WS_ABORTED'] : [];
      expect(handler.log).toEqual([...error, 'close 1006 unclean']);
    }
  });

  it('does not keep the chunk that a short rest came in', async () => {
    const { connection, handler } = recordedConnection({ role });
    handler.react = () => connection.pause();
    const watch = new BufferWatch();
    const receive = (): void => {
      const chunk = new Uint8Array(64 * 1024);
      const frames = concat([text(role, 'one'), text(role, 'two')]);
      chunk.set(frames);
      watch.watch(chunk);
      connection.receive(chunk.subarray(0, frames.length));
      connection.receive(chunk.subarray(frames.length, frames.length));
    };
    receive();
    expect(await watch.retainedLength()).toBe(0);
    connection.resume();
    expect(handler.log).toEqual(['text "one"', 'text "two"']);
  });
});

describe.each(ROLES)('A handler of a %s that throws', (role) => {
  it('fails the connection with 1011, and the exception reaches the caller', () => {
    const { connection, handler } = recordedConnection({ role });
    const bug = new Error('in the application');
    handler.react = (line) => {
      if (line === 'text "one"') throw bug;
    };
    expect(() => connection.receive(concat([text(role, 'one'), text(role, 'two')]))).toThrow(bug);
    expect(handler.log).toEqual(['text "one"', 'error WS_INTERNAL']);
    expect(handler.errors[0]?.cause).toBe(bug);
    expect(takeFrames(connection)).toEqual(['close 1011']);
    connection.transportClosed();
    expect(handler.log.at(-1)).toBe('close 1006 unclean');
  });
});

/** Everything that a handler may do within an event. */
const ACTIONS: Record<string, (connection: Connection, role: Role) => void> = {
  nothing: () => {},
  'pause and resume': (connection) => {
    connection.pause();
    connection.resume();
  },
  send: (connection) => connection.sendText('sent within'),
  ping: (connection) => connection.ping(utf8('sent within')),
  write: (connection) => takeBytes(connection),
  close: (connection) => connection.close(4001),
  fail: (connection) => connection.fail(new WebSocketError('WS_ABORTED')),
  abandon: (connection) => connection.abandon(),
  receive: (connection, role) => connection.receive(text(role, 'received within')),
  'receive the end': (connection) => connection.receiveEnd(),
  'lose the transport': (connection) => connection.transportClosed(),
  'lose the transport with an error': (connection) => connection.transportClosed(new Error('gone')),
  stream: (connection) => {
    connection.sink = STREAMED;
  },
};
const EVENTS = [
  'text',
  'start',
  'data',
  'ping',
  'pong',
  'closing',
  'error',
  'close',
  'output',
  'drain',
];

/** One error at the most, one close, and the close last. */
function checkOrder(log: readonly string[]): void {
  expect(log.filter((line) => line.startsWith('error')).length).toBeLessThanOrEqual(1);
  expect(log.findIndex((line) => line.startsWith('close'))).toBe(log.length - 1);
}

function runWithAction(
  role: Role,
  isStreaming: boolean,
  chunks: readonly Uint8Array[],
  event: string,
  action: string,
): void {
  const { connection, handler } = recordedConnection({ role, isStreaming });
  let remaining = 3;
  handler.react = (line) => {
    if (line.startsWith(event) && remaining-- > 0) ACTIONS[action]?.(connection, role);
  };
  for (const chunk of chunks) connection.receive(chunk.slice());
  if (connection.hasOutput) describeFrames(role, takeBytes(connection));
  connection.receiveEnd();
  connection.transportClosed();
  checkOrder(handler.log);
  expect(handler.closingCount).toBeLessThanOrEqual(1);
}

describe.each(ROLES)('Within any event of a %s, a handler may do anything', (role) => {
  const message = concat([
    text(role, 'one'),
    frameTo(role, { opcode: 'ping', payload: '?' }),
    frameTo(role, { opcode: 'pong', payload: '!' }),
    frameTo(role, { opcode: 'binary', fin: false, payload: hex('01 02') }),
    frameTo(role, { opcode: 'continuation', payload: hex('03') }),
  ]);
  const inputs = {
    'a clean end': concat([message, closeFrame(role, 1000), text(role, 'late')]),
    'a failure': concat([message, frameTo(role, { opcode: 3 }), text(role, 'late')]),
    'no end': message,
  };

  it.each(Object.keys(ACTIONS))('%s', (action) => {
    for (const event of EVENTS) {
      for (const isStreaming of [false, true]) {
        for (const input of Object.values(inputs)) {
          for (const chunks of [[input], Array.from(input, (byte) => Uint8Array.of(byte))]) {
            runWithAction(role, isStreaming, chunks, event, action);
          }
        }
      }
    }
  });
});

describe.each(ROLES)('In any order of calls, a %s', (role) => {
  it('tells one error at the most, one close, and nothing after it', () => {
    const calls = fc.array(
      fc.constantFrom(...Object.keys(ACTIONS), 'a text', 'a fault', 'a Close', 'resume', 'pause'),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(calls, (names) => {
        const { connection, handler } = recordedConnection({ role });
        for (const name of names) {
          if (name === 'a text') connection.receive(text(role, 'one'));
          else if (name === 'a fault') connection.receive(frameTo(role, { opcode: 3 }));
          else if (name === 'a Close') connection.receive(closeFrame(role, 1000));
          else if (name === 'resume') connection.resume();
          else if (name === 'pause') connection.pause();
          else ACTIONS[name]?.(connection, role);
        }
        connection.resume();
        connection.transportClosed();
        checkOrder(handler.log);
        expect(handler.closingCount).toBeLessThanOrEqual(1);
        expect([connection.isClosed, connection.isOpen]).toEqual([true, false]);
      }),
      { numRuns: 500 },
    );
  });
});

describe.each(ROLES)('The extensions of a %s', (role) => {
  /** A session that marks what passes it. */
  function session(log: string[] = []): ActiveSession {
    const mark =
      (direction: string): ExtensionSession['processIncomingMessage'] =>
      (message, callback) => {
        const data = utf8(`${direction} ${Buffer.from(message.data).toString()}`);
        callback(null, Object.assign(message, { data }));
      };
    const extension = plugIn({
      session: {
        processIncomingMessage: mark('in'),
        processOutgoingMessage: mark('out'),
        close: () => log.push('closed'),
      },
    });
    return { extension, session: extension.createServerSession([])! };
  }

  it('are those of the options', () => {
    const handler = new RecordingHandler();
    const options = { platform: nodePlatform, role, handler, sessions: [session()] };
    const connection = new Connection(options);
    connection.receive(text(role, 'a'));
    connection.sendText('b');
    expect(handler.log).toEqual(['text "in a"']);
    expect(takeFrames(connection)).toEqual(['text "out b"']);
  });

  it('may be agreed on while connecting, and work on what waits; later none are added', () => {
    const { connection, handler } = recordedConnection({ role, isConnecting: true });
    const log: string[] = [];
    connection.sendText('early');
    connection.open([session(log)]);
    connection.open([session(log)]);
    connection.receive(text(role, 'a'));
    expect(handler.log).toEqual(['text "in a"']);
    expect(takeFrames(connection)).toEqual(['text "out early"']);
    connection.transportClosed();
    expect(log).toEqual(['closed']);
  });

  it('exclude a sink of frames: they work on messages', () => {
    const frames = { onFrameStart: () => {}, onFrameData: () => {}, onFrameEnd: () => {} };
    const handler = new RecordingHandler();
    const options = { platform: nodePlatform, role, handler, sink: { frames } };
    expect(() => new Connection({ ...options, sessions: [session()] })).toThrow(TypeError);
    const connection = new Connection({ ...options, isConnecting: true });
    expect(() => connection.open([session()])).toThrow(TypeError);
  });
});

describe('The sessions of a connection', () => {
  it('are closed when it ended before it could open', () => {
    let closeCount = 0;
    const extension = plugIn({ session: { close: () => void closeCount++ } });
    const session = extension.createServerSession([{}]) as ExtensionSession;
    const { connection } = recordedConnection({ role: 'server', isConnecting: true });
    connection.accept();
    connection.transportClosed();
    connection.open([{ extension, session }]);
    expect([connection.isClosed, closeCount]).toEqual([true, 1]);
  });
});
