/**
 * What connections of all protocols have in common. The protocol here has messages of one byte, and
 * a receiver that the test holds up; RFC 6455's is in connection.test.ts.
 */

import { describe, expect, it } from 'vitest';
import type { WriteCallback } from '../../src/calls.ts';
import { Connection } from '../../src/connection/connection.ts';
import type { ConnectionOptions, Role } from '../../src/connection/options.ts';
import { ReadyState } from '../../src/connection/ready-state.ts';
import { type SinkChoice, WHOLE } from '../../src/connection/sink.ts';
import type { IncomingMessageFacts, Traffic } from '../../src/connection/traffic.ts';
import { type MessageReceiver, WireConnection } from '../../src/connection/wire-connection.ts';
import { InvalidStateError, ProtocolError, WebSocketError } from '../../src/errors.ts';
import { PreparedMessage } from '../../src/extensions/prepared-message.ts';
import { nodePlatform } from '../../src/node/node-platform.ts';
import { describeFrames } from '../support/frames.ts';
import { concat, hex, toHex, utf8 } from '../support/hex.ts';
import { RecordingHandler } from '../support/recording-handler.ts';

const ROLES: readonly Role[] = ['client', 'server'];

/** Tells each byte as a message, as long as nobody holds the brake. */
class ByteReceiver implements MessageReceiver {
  sinks: SinkChoice = WHOLE;
  isBusy = false;
  isAtEnd = false;
  readonly messageCount = 0;
  readonly traffic: Traffic = { messages: 0, payloadLength: 0, wireLength: 0 };
  readonly incoming: IncomingMessageFacts = { isBinary: false, length: 0 };
  dropCount = 0;
  endCount = 0;
  /** Does something when the end of the input is told. */
  atEnd: (() => void) | undefined;
  readonly #connection: ByteConnection;

  constructor(connection: ByteConnection) {
    this.#connection = connection;
  }

  parse(bytes: Uint8Array): number {
    let used = 0;
    while (used < bytes.length && this.#connection.brake.mayDeliver) {
      this.#connection.told.onMessage(String.fromCharCode(bytes[used++]!), false);
    }
    return used;
  }

  drop(): void {
    this.dropCount++;
    this.isBusy = false;
  }

  end(): void {
    this.endCount++;
    this.atEnd?.();
  }
}

class ByteConnection extends WireConnection {
  readonly told: TimedHandler;
  readonly receiver: ByteReceiver;
  extensionsClosed = 0;

  constructor(options: Partial<ConnectionOptions> & { readonly role: Role }) {
    const handler = new TimedHandler();
    super({ platform: nodePlatform, ...options, handler });
    this.told = handler;
    this.receiver = new ByteReceiver(this);
    this.join(this.receiver);
  }

  get log(): readonly string[] {
    return this.told.log;
  }

  override sendText(text: string, callback?: WriteCallback): boolean {
    return this.order.sendText(text, callback, false);
  }

  override send(): boolean {
    return expect.unreachable();
  }

  override sendPrepared(message: PreparedMessage, callback?: WriteCallback): boolean {
    return this.order.sendPrepared(message, callback, false);
  }

  override sendLater(): boolean {
    return expect.unreachable();
  }

  override ping(): boolean {
    return expect.unreachable();
  }

  override requestTurn(): void {
    expect.unreachable();
  }

  /** As a Close of the peer does in a protocol. */
  receiveClose(code: number, reason = ''): void {
    this.life.closeReceived = { code, reason };
    this.life.apply('closeReceived');
  }

  takeFrames(): string[] {
    const frames = describeFrames(this.role, concat(this.takeOutput()));
    this.outputWritten();
    return frames;
  }

  protected override closeExtensions(): void {
    this.extensionsClosed++;
  }
}

/** Writes the timer and `closing` down, too. */
class TimedHandler extends RecordingHandler {
  /** Whether the opening handshake is given up. */
  isAbandoned = false;

  startCloseTimer(): void {
    this.write('timer');
  }

  abandonOpening(): void {
    this.isAbandoned = true;
  }

  override onClosing(): void {
    this.write('closing');
  }
}

const open = (role: Role): ByteConnection => new ByteConnection({ role });
const connecting = (role: Role): ByteConnection => new ByteConnection({ role, isConnecting: true });

describe.each(ROLES)('The opening of a connection of a %s', (role) => {
  it('sends what waited, then takes bytes', () => {
    const connection = connecting(role);
    expect(connection).toMatchObject({
      isConnecting: true,
      isOpen: false,
      readyState: ReadyState.CONNECTING,
    });
    connection.sendText('early');
    connection.receive(utf8('x'));
    expect([connection.log, connection.hasOutput]).toEqual([[], false]);
    connection.open();
    expect(connection).toMatchObject({
      isConnecting: false,
      isOpen: true,
      readyState: ReadyState.OPEN,
    });
    connection.receive(utf8('a'));
    expect([connection.log, connection.takeFrames()]).toEqual([['text "a"'], ['text "early"']]);
  });

  it('is still CONNECTING between the acceptance and the opening', () => {
    const connection = connecting(role);
    connection.accept();
    connection.sendText('a');
    expect([connection.readyState, connection.hasOutput]).toEqual([ReadyState.CONNECTING, false]);
    connection.close(1000);
    expect([connection.readyState, connection.hasOutput]).toEqual([ReadyState.CLOSING, false]);
    connection.open();
    expect(connection.takeFrames()).toEqual(['text "a"', 'close 1000']);
  });

  it('is given up by close() and by a failure, and ends when it has failed', () => {
    const error = new WebSocketError('WS_ABORTED');
    for (const failure of [undefined, error]) {
      const connection = connecting(role);
      if (failure === undefined) connection.close(1000);
      else connection.fail(failure);
      expect([connection.told.isAbandoned, connection.log]).toEqual([true, []]);
      connection.openingFailed();
      const told = failure === undefined ? [] : ['error WS_ABORTED'];
      expect(connection.log).toEqual([...told, 'closing', 'close 1006 unclean']);
      expect(connection.hasOutput).toBe(false);
    }
  });

  it('tells why it failed, or the first reason', () => {
    const timeout = new WebSocketError('WS_HANDSHAKE_TIMEOUT');
    const failed = connecting(role);
    failed.openingFailed(timeout);
    expect(failed.failure).toBe(timeout);
    expect(failed.log[0]).toBe('error WS_HANDSHAKE_TIMEOUT');
    const aborted = connecting(role);
    aborted.fail(new WebSocketError('WS_ABORTED'));
    aborted.openingFailed(timeout);
    aborted.openingFailed(timeout);
    expect(aborted.log).toEqual(['error WS_ABORTED', 'closing', 'close 1006 unclean']);
  });
});

describe.each(ROLES)('The end of a connection of a %s', (role) => {
  it('waits for what is held back, and closeTimeout begins before that is told', () => {
    const connection = open(role);
    connection.pause();
    connection.receive(utf8('ab'));
    connection.transportClosed();
    expect([connection.log, connection.isClosed]).toEqual([['timer', 'closing'], false]);
    connection.resume();
    expect(connection.log.slice(2)).toEqual(['text "a"', 'text "b"', 'close 1006 unclean']);
    expect([connection.isClosed, connection.extensionsClosed]).toEqual([true, 1]);
  });

  it('waits for messages in the extensions', () => {
    const connection = open(role);
    connection.receiver.isBusy = true;
    connection.transportClosed();
    expect(connection.isClosed).toBe(false);
    connection.receiver.isBusy = false;
    connection.proceed();
    expect(connection.log).toEqual(['timer', 'closing', 'close 1006 unclean']);
  });

  it.each(['expire', 'terminate'] as const)('comes at once, whatever holds it back: %s', (how) => {
    const connection = open(role);
    connection.pause();
    connection.receive(utf8('ab'));
    connection.receiver.isBusy = true;
    connection.transportClosed();
    if (how === 'expire') connection.expire();
    else connection.abandon();
    if (how === 'terminate') connection.proceed();
    expect(connection.log.at(-1)).toBe('close 1006 unclean');
    expect(connection.log).not.toContain('text "a"');
    expect(connection.receiver.dropCount).toBeGreaterThan(0);
    connection.expire();
    connection.transportClosed(new Error('late'));
    connection.resume();
    expect(connection.log.filter((line) => line.startsWith('close'))).toHaveLength(1);
  });

  it('comes with the transport’s error first, unless the closing handshake is complete', () => {
    const broken = open(role);
    broken.transportClosed(new Error('ECONNRESET'));
    expect(broken.log).toEqual(['error WS_TRANSPORT_ERROR', 'closing', 'close 1006 unclean']);
    const clean = open(role);
    clean.receiveClose(1000);
    clean.transportClosed(new Error('ECONNRESET'));
    expect(clean.log).toEqual(['timer', 'closing', 'close 1000 clean']);
    expect(clean.failure).toBeUndefined();
  });

  it('tells the receiver when the peer has ended its side and all was taken', () => {
    const connection = open(role);
    connection.pause();
    connection.receive(utf8('a'));
    connection.receiveEnd();
    expect(connection.receiver.endCount).toBe(0);
    connection.resume();
    expect(connection.receiver.endCount).toBeGreaterThan(0);
    expect(connection.isClosed).toBe(false);
    expect(connection.shouldEnd).toBe(true);
  });

  it('comes though a listener throws at the failure that the receiver finds at the end', () => {
    const connection = open(role);
    connection.receiver.atEnd = () => connection.fail(new ProtocolError('WS_INVALID_TEXT'));
    const bug = new Error('in the application');
    connection.told.react = (line) => {
      if (line.startsWith('error')) throw bug;
    };
    expect(() => connection.transportClosed()).toThrow(bug);
    expect(connection.log.at(-1)).toBe('close 1006 unclean');
  });

  it('comes though the handler throws within which the transport was lost', () => {
    for (const isHeld of [false, true]) {
      const connection = open(role);
      const bug = new Error('in the application');
      connection.told.react = (line) => {
        if (line.startsWith('close')) throw new Error('later');
        if (line !== 'text "a"') return;
        connection.transportClosed(new Error('ECONNRESET'));
        throw bug;
      };
      const receive = (): void => connection.receive(utf8('ab'));
      if (isHeld) {
        connection.pause();
        receive();
      }
      expect(isHeld ? () => connection.resume() : receive).toThrow(bug);
      expect(connection.log).toEqual([
        'text "a"',
        'timer',
        'error WS_TRANSPORT_ERROR',
        'closing',
        'close 1006 unclean',
      ]);
    }
  });

  it('frees everything, and gives callbacks an error once', () => {
    const connection = open(role);
    const errors: unknown[] = [];
    connection.sendText('a', (error) => errors.push(error));
    connection.abandon();
    connection.transportClosed();
    connection.expire();
    expect(errors).toEqual([new InvalidStateError('The connection is closed')]);
    expect([connection.hasOutput, connection.extensionsClosed]).toEqual([false, 1]);
    expect(connection.sendText('late')).toBe(false);
    expect(connection.readyState).toBe(ReadyState.CLOSED);
  });
});

describe.each(ROLES)('The close() of a %s', (role) => {
  it('says from when on it closes, and whether both Close frames have gone', () => {
    const connection = open(role);
    expect(connection).toMatchObject({ isCloseRequested: false, isCloseComplete: false });
    connection.close(4000, 'bye');
    expect(connection).toMatchObject({
      isCloseRequested: true,
      isCloseComplete: false,
      closeSent: { code: 4000, reason: 'bye' },
      readyState: ReadyState.CLOSING,
    });
    connection.receiveClose(4001);
    expect(connection).toMatchObject({
      isCloseComplete: true,
      closeReceived: { code: 4001, reason: '' },
      shouldEnd: role === 'server',
    });
    expect(connection.takeFrames()).toEqual(['close 4000']);
  });

  it('lets go of the application’s pause, for the peer’s Close must be read', () => {
    const connection = open(role);
    connection.pause();
    connection.receive(utf8('ab'));
    connection.close(1000);
    expect(connection.isPaused).toBe(false);
    expect(connection.log).toEqual(['timer', 'text "a"', 'text "b"', 'closing']);
    connection.pause();
    expect(connection.isPaused).toBe(false);
  });

  it('leaves it to a driver to go on', () => {
    const connection = open(role);
    let releaseCount = 0;
    connection.brake.listener = { onHold: () => {}, onRelease: () => releaseCount++ };
    connection.pause();
    connection.receive(utf8('a'));
    connection.close(1000);
    expect([releaseCount, connection.log]).toEqual([1, ['timer', 'closing']]);
    connection.proceed();
    expect(connection.log.at(-1)).toBe('text "a"');
  });

  it('is checked in any state', () => {
    const connection = open(role);
    connection.close(1000);
    expect(() => connection.close(1006)).toThrow(RangeError);
    expect(() => connection.close(1000, 'x'.repeat(124))).toThrow(RangeError);
    connection.transportClosed();
    expect(() => connection.close(999)).toThrow(RangeError);
  });

  it('is not the request when the peer was first', () => {
    const connection = open(role);
    connection.receiveClose(4000);
    connection.close(1000);
    expect(connection.isCloseRequested).toBe(false);
    expect(connection.takeFrames()).toEqual(['close 4000']);
  });
});

describe.each(ROLES)('A failure of a %s', (role) => {
  it('sends nothing when the transport is gone, or our Close has gone already', () => {
    const gone = open(role);
    gone.receiver.isBusy = true;
    gone.transportClosed();
    gone.fail(new ProtocolError('WS_INVALID_TEXT'));
    expect([gone.hasOutput, gone.told.outputCount]).toEqual([false, 0]);
    const closing = open(role);
    closing.close(1000);
    closing.fail(new ProtocolError('WS_INVALID_TEXT'));
    expect(closing.takeFrames()).toEqual(['close 1000']);
  });

  it('goes ahead of what waits, and takes nothing more', () => {
    const connection = open(role);
    connection.pause();
    connection.receive(utf8('a'));
    connection.fail(new ProtocolError('WS_INVALID_TEXT'));
    expect([connection.isPaused, connection.shouldEnd]).toEqual([false, true]);
    connection.resume();
    connection.receive(utf8('b'));
    expect(connection.log).toEqual(['timer', 'error WS_INVALID_TEXT', 'closing']);
    expect(connection.takeFrames()).toEqual(['close 1007']);
  });
});

describe.each(ROLES)('The output of a %s', (role) => {
  it('counts a prelude as being written, and calls back when it is', () => {
    const connection = open(role);
    const log: string[] = [];
    connection.sendText('a', () => log.push('a'));
    connection.takeOutput(100);
    expect(log).toEqual([]);
    connection.settleOutput(false);
    const calls = connection.releaseOutput();
    expect([log, connection.bufferedAmount]).toEqual([[], 0]);
    calls?.();
    expect(log).toEqual(['a']);
    expect(connection.releaseOutput()).toBeUndefined();
  });

  it('has prepared messages, too', () => {
    const connection = open(role);
    connection.sendPrepared(new PreparedMessage(nodePlatform, 'prepared'));
    expect(connection.takeFrames()).toEqual(['text "prepared"']);
  });
});

/** The payload of the frame that answers a Close frame from the server. */
function answerOf(close: string): string {
  const handler = new RecordingHandler();
  const connection = new Connection({ platform: nodePlatform, role: 'client', handler });
  connection.receive(hex(close));
  const [head, length, ...rest] = concat(connection.takeOutput());
  expect(head).toBe(0x88);
  const key = rest.slice(0, 4);
  const payload = rest.slice(4).map((byte, index) => byte ^ (key[index % 4] ?? 0));
  expect(length).toBe(0x80 | payload.length);
  return toHex(Uint8Array.from(payload));
}

describe('The answer to a Close frame (RFC 6455 §5.5.1)', () => {
  it('carries the code and the reason back: the peer sees its own in its close event', () => {
    expect(answerOf('88 05 0F A0 62 79 65')).toBe(toHex(hex('0F A0 62 79 65')));
  });

  it('is masked afresh by a client, and as it is from a server', () => {
    const handler = new RecordingHandler();
    const connection = new Connection({ platform: nodePlatform, role: 'server', handler });
    connection.receive(hex('88 85 00 00 00 00 0F A0 62 79 65'));
    expect(toHex(concat(connection.takeOutput()))).toBe(toHex(hex('88 05 0F A0 62 79 65')));
  });

  it('carries the code alone when no reason came, and nothing when nothing came', () => {
    expect(answerOf('88 02 03 E8')).toBe(toHex(hex('03 E8')));
    expect(answerOf('88 00')).toBe('');
  });
});
