import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ConnectionOptions } from '../../src/connection/options.ts';
import type { TurnTaker } from '../../src/connection/outgoing-places.ts';
import { STREAMED, wholeBytes } from '../../src/connection/sink.ts';
import { DraftConnection } from '../../src/drafts/draft-connection.ts';
import type { DraftVersion } from '../../src/drafts/draft-handshake.ts';
import { WebSocketError } from '../../src/errors.ts';
import { PreparedMessage } from '../../src/extensions/prepared-message.ts';
import { nodePlatform } from '../../src/node/node-platform.ts';
import { CountingPlatform } from '../support/counting-platform.ts';
import { type EventLog, feedEveryCut } from '../support/every-cut.ts';
import { concat, hex, toHex, utf8 } from '../support/hex.ts';
import { RecordingHandler } from '../support/recording-handler.ts';

const VERSIONS: readonly DraftVersion[] = ['hixie-75', 'hixie-76'];

type RunOptions = Partial<Omit<ConnectionOptions, 'handler' | 'role'>>;

function recorded(version: DraftVersion, options: RunOptions = {}) {
  const handler = new RecordingHandler();
  const all: ConnectionOptions = { platform: nodePlatform, ...options, role: 'server', handler };
  return { connection: new DraftConnection(all, version), handler };
}

function takeBytes(connection: DraftConnection): string {
  const bytes = concat(connection.takeOutput());
  connection.outputWritten();
  return toHex(bytes);
}

/** Runs chunks, each of which is overwritten afterwards, and the peer's end after them. */
function run(version: DraftVersion, options: RunOptions, chunks: readonly Uint8Array[]): EventLog {
  const { connection, handler } = recorded(version, options);
  for (const chunk of chunks) {
    const copy = chunk.slice();
    connection.receive(copy);
    copy.fill(0xa5);
  }
  const sent = [takeBytes(connection)];
  connection.receiveEnd();
  connection.transportClosed();
  expect(handler.closingCount).toBe(1);
  return { events: handler.log, sent };
}

function logOfEveryCut(version: DraftVersion, input: Uint8Array, options: RunOptions = {}) {
  return feedEveryCut(input, (chunks) => run(version, options, chunks));
}

const unreachable = () => expect.unreachable();

/** A callback that writes down how it was called. */
function callbackLog() {
  const log: string[] = [];
  return { log, callback: (error?: Error) => void log.push(error?.name ?? 'sent') };
}

describe.each(VERSIONS)('messages in %s (hybi-00 §5.3)', (version) => {
  const [end] = version === 'hixie-75' ? ['close 1005 clean'] : ['close 1006 unclean'];

  it('delivers each text frame as a message', () => {
    const input = concat([hex('00'), utf8('hé'), hex('FF 00 FF')]);
    expect(logOfEveryCut(version, input).events).toEqual(['text "hé"', 'text ""', end]);
  });

  it('delivers pieces, and bytes in place of strings, where that is asked for', () => {
    const input = concat([hex('00'), utf8('hé'), hex('FF 00 FF')]);
    const events = ['text "hé"', 'text ""', end];
    expect(logOfEveryCut(version, input, { sink: STREAMED }).events).toEqual(events);
    expect(logOfEveryCut(version, input, { sink: wholeBytes(true) }).events).toEqual(events);
  });

  it('skips frames that have a length', () => {
    const input = hex('80 02 00 61 00 62 FF');
    expect(logOfEveryCut(version, input).events).toEqual(['text "b"', end]);
  });

  it.each([['00 61 C3 28 FF'], ['00 C3 FF'], ['00 61 80'], ['00 ED A0 80 FF']])(
    'fails on text that is not UTF-8, without a byte to the peer: %s (hybi-00 §5.4)',
    (digits) => {
      const failed = ['error WS_INVALID_TEXT', 'close 1006 unclean'];
      for (const options of [{}, { sink: STREAMED }, { sink: wholeBytes(true) }]) {
        const log = logOfEveryCut(version, hex(digits), options);
        expect(log).toEqual({ events: failed, sent: [''] });
      }
    },
  );

  it('fails when a message or a skipped frame is longer than maxLength', () => {
    const events = ['error WS_MESSAGE_TOO_LONG', 'close 1006 unclean'];
    const text = logOfEveryCut(version, hex('00 61 62 63 64 FF'), { maxLength: 3 });
    expect(text).toEqual({ events, sent: [''] });
    expect(logOfEveryCut(version, hex('80 04'), { maxLength: 3 }).events).toEqual(events);
  });

  it('fails on a length that never ends', () => {
    const log = logOfEveryCut(version, hex('80 80 80 80 80 80 80 80'));
    expect(log.events).toEqual(['error WS_LENGTH_NOT_MINIMAL', 'close 1006 unclean']);
  });

  it('ends uncleanly when the transport ends within a frame', () => {
    expect(logOfEveryCut(version, hex('00 61')).events).toEqual(['close 1006 unclean']);
    expect(logOfEveryCut(version, hex('80 05 00')).events).toEqual(['close 1006 unclean']);
  });

  it('retains no chunk of the transport: a long message in small pieces costs its length', () => {
    const platform = new CountingPlatform();
    const { connection, handler } = recorded(version, { platform });
    connection.receive(hex('00'));
    for (let count = 0; count < 50_000; count++) connection.receive(hex('61'));
    connection.receive(hex('FF'));
    expect(handler.log).toEqual(['text "a" x 50000']);
    expect(platform.allocatedLength).toBeLessThan(4 * 50_000);
  });

  it('never throws on what a peer sends, and makes the same of it in every cut', () => {
    const byte = fc.oneof(fc.constantFrom(0x00, 0x61, 0x80, 0xff), fc.nat(255));
    const bytes = fc.array(byte, { maxLength: 40 }).map((values) => Uint8Array.from(values));
    fc.assert(
      fc.property(bytes, fc.boolean(), (input, isStreaming) => {
        const sink = isStreaming ? { sink: STREAMED } : {};
        logOfEveryCut(version, input, { maxLength: 20, ...sink });
      }),
    );
  });

  it('takes another sink from the next message on, and none for frames', () => {
    const { connection, handler } = recorded(version);
    connection.receive(hex('00 61'));
    connection.sink = wholeBytes(true);
    connection.receive(hex('62 FF'));
    expect(handler.log).toEqual(['text "ab"']);
    const frames = {
      onFrameStart: unreachable,
      onFrameData: unreachable,
      onFrameEnd: unreachable,
    };
    expect(() => recorded(version, { sink: { frames } })).toThrow(TypeError);
  });

  it('fails on text longer than a string can be', () => {
    const { connection, handler } = recorded(version, {
      platform: { ...nodePlatform, maxTextLength: 2 },
    });
    connection.receive(hex('00 61 62 FF 00 61 62 63 FF'));
    expect(handler.log).toEqual(['text "ab"', 'error WS_MESSAGE_TOO_LONG']);
    expect(handler.errors[0]).toMatchObject({ limit: 2, actual: 3 });
  });

  it('fails with WS_INTERNAL when the handler throws, and passes the exception on', () => {
    const { connection, handler } = recorded(version);
    handler.react = (line) => {
      if (line.startsWith('text')) throw new Error('handler');
    };
    expect(() => connection.receive(hex('00 61 FF'))).toThrow('handler');
    expect(connection.failure?.code).toBe('WS_INTERNAL');
    expect(connection.shouldEnd).toBe(true);
  });
});

describe.each(VERSIONS)('sending in %s', (version) => {
  it('sends text, encoded text and prepared text as text frames', () => {
    const { connection, handler } = recorded(version);
    const { log, callback } = callbackLog();
    expect(connection.sendText('é', callback)).toBe(true);
    connection.send(utf8('b'), callback, { isText: true });
    connection.sendPrepared(new PreparedMessage(nodePlatform, 'c'), callback);
    expect(connection.bufferedAmount).toBe(4);
    expect(handler.outputCount).toBe(1);
    expect(takeBytes(connection)).toBe('00 C3 A9 FF 00 62 FF 00 63 FF');
    expect(log).toEqual(['sent', 'sent', 'sent']);
    expect(connection.bufferedAmount).toBe(0);
    expect(connection.hasOutput).toBe(false);
  });

  it('sends nothing that is not text, says so to the callback, and stays open', () => {
    const { connection } = recorded(version);
    const { log, callback } = callbackLog();
    const bytes = utf8('binary');
    expect(connection.send(bytes, callback, { isText: false })).toBe(false);
    expect(connection.send(bytes, callback, { isText: true, isLast: false })).toBe(false);
    expect(connection.sendPrepared(new PreparedMessage(nodePlatform, bytes), callback)).toBe(false);
    expect(connection.sendLater(bytes.length, unreachable, callback)).toBe(false);
    expect(connection.ping(bytes, callback)).toBe(false);
    const taker: TurnTaker = { takeTurn: unreachable, refuseTurn: callback };
    connection.requestTurn(taker);
    connection.leaveTurn(taker, new Error('left'));
    expect(log).toEqual(new Array(6).fill('InvalidStateError'));
    expect(connection.ping(bytes)).toBe(false);
    expect(connection.hasOutput).toBe(false);
    expect(connection.isOpen).toBe(true);
  });

  it('keeps what is sent while connecting, and takes nothing that it could not send then', () => {
    const { connection, handler } = recorded(version, { isConnecting: true });
    const { log, callback } = callbackLog();
    const bytes = utf8('b');
    connection.sendText('a', callback);
    connection.send(bytes, callback, { isText: true });
    bytes.fill(0);
    expect(connection.send(bytes, callback, { isText: false })).toBe(false);
    expect([log, connection.hasOutput]).toEqual([['InvalidStateError'], false]);
    connection.accept();
    connection.close();
    expect(handler.closingCount).toBe(1);
    connection.open();
    const closing = version === 'hixie-75' ? '' : ' FF 00';
    expect(takeBytes(connection)).toBe(`00 61 FF 00 62 FF${closing}`);
    expect(connection.shouldEnd).toBe(version === 'hixie-75');
    expect(log).toEqual(['InvalidStateError', 'sent', 'sent']);
  });

  it('tells backpressure and its end', () => {
    const { connection, handler } = recorded(version, { highWaterMark: 10 });
    expect(connection.sendText('a'.repeat(9))).toBe(false);
    takeBytes(connection);
    expect(handler.log).toEqual(['drain']);
  });

  it('drops the connection when more than maxBufferedAmount waits', () => {
    const { connection, handler } = recorded(version, { maxBufferedAmount: 10 });
    const { log, callback } = callbackLog();
    connection.sendText('a'.repeat(9), callback);
    expect(handler.log).toEqual(['error WS_BUFFERED_AMOUNT_EXCEEDED']);
    expect(log).toEqual(['LimitExceededError']);
    expect(connection.hasOutput).toBe(false);
    expect(connection.shouldEnd).toBe(true);
  });

  it('gives the callbacks of what was not written an error at the end', () => {
    const { connection } = recorded(version);
    const { log, callback } = callbackLog();
    connection.sendText('a', callback);
    connection.transportClosed();
    connection.sendText('b', callback);
    expect(log).toEqual(['InvalidStateError', 'InvalidStateError']);
  });
});

describe('closing in hixie-76 (hybi-00 §5.3)', () => {
  it('answers a closing frame with one, and takes nothing after it', () => {
    const log = logOfEveryCut('hixie-76', hex('00 61 FF FF 00 00 62 FF'));
    expect(log).toEqual({ events: ['text "a"', 'close 1005 clean'], sent: ['FF 00'] });
  });

  it('sends a closing frame behind what was sent, then waits for the answer', () => {
    const { connection, handler } = recorded('hixie-76');
    connection.sendText('a');
    connection.close();
    connection.close();
    expect(takeBytes(connection)).toBe('00 61 FF FF 00');
    expect([connection.isOpen, connection.shouldEnd]).toEqual([false, false]);
    expect(handler.closingCount).toBe(1);
    connection.receive(hex('00 62 FF FF 00'));
    expect(connection.shouldEnd).toBe(true);
    connection.transportClosed();
    expect(handler.log).toEqual(['text "b"', 'close 1005 clean']);
    expect([connection.closeSent?.code, connection.closeReceived?.code]).toEqual([1005, 1005]);
  });

  it('is abnormal when the transport ends without it', () => {
    expect(logOfEveryCut('hixie-76', hex('00 61 FF')).events).toContain('close 1006 unclean');
  });

  it('is clean when the transport breaks after it', () => {
    const { connection, handler } = recorded('hixie-76');
    connection.receive(hex('FF 00'));
    connection.transportClosed(new Error('reset'));
    expect(handler.log).toEqual(['close 1005 clean']);
  });
});

describe('closing in hixie-75, which has no closing frame', () => {
  it('takes FF 00 for a frame without a meaning', () => {
    const log = logOfEveryCut('hixie-75', hex('FF 00 00 61 FF'));
    expect(log).toEqual({ events: ['text "a"', 'close 1005 clean'], sent: [''] });
  });

  it('ends the transport once all is written, and is clean when the peer ends it too', () => {
    const { connection, handler } = recorded('hixie-75');
    connection.sendText('a');
    connection.close();
    expect(takeBytes(connection)).toBe('00 61 FF');
    expect([connection.isOpen, connection.shouldEnd]).toEqual([false, true]);
    expect(handler.closingCount).toBe(1);
    connection.receiveEnd();
    connection.transportClosed();
    expect(handler.log).toEqual(['close 1005 clean']);
  });

  it('is abnormal when the transport breaks, or goes without an end', () => {
    const broken = recorded('hixie-75');
    broken.connection.transportClosed(new Error('reset'));
    expect(broken.handler.log).toEqual(['error WS_TRANSPORT_ERROR', 'close 1006 unclean']);
    const gone = recorded('hixie-75');
    gone.connection.close();
    gone.connection.transportClosed();
    expect(gone.handler.log).toEqual(['close 1006 unclean']);
  });
});

describe.each(VERSIONS)('pausing and dropping in %s', (version) => {
  it('delivers nothing while paused, then all in order, and the end last', () => {
    const { connection, handler } = recorded(version);
    handler.react = (line) => {
      if (line.startsWith('text')) connection.pause();
    };
    connection.receive(hex('00 61 FF 00 62 FF'));
    connection.receive(hex('00 63 FF'));
    connection.receiveEnd();
    connection.transportClosed();
    expect(handler.log).toEqual(['text "a"']);
    expect(connection.isPaused).toBe(true);
    connection.resume();
    expect(handler.log).toEqual(['text "a"', 'text "b"']);
    connection.resume();
    connection.resume();
    expect(handler.log.slice(2, 3)).toEqual(['text "c"']);
    expect(handler.log.at(-1)).toMatch(/^close/);
    expect(handler.log).toHaveLength(4);
  });

  it('keeps of a paused chunk what is left of it, and not the chunk', () => {
    const platform = new CountingPlatform();
    const { connection, handler } = recorded(version, { platform });
    handler.react = () => connection.pause();
    const chunk = new Uint8Array(64 * 1024).fill(0x61);
    chunk[0] = 0;
    chunk.set(hex('FF 00 62 FF'), chunk.length - 4);
    const allocatedBefore = platform.allocatedLength;
    connection.receive(chunk);
    expect(platform.allocatedLength - allocatedBefore).toBe(3);
    chunk.fill(0);
    handler.react = undefined;
    connection.resume();
    expect(handler.log.at(-1)).toBe('text "b"');
  });

  it('ends once when closeTimeout has passed, though paused', () => {
    const { connection, handler } = recorded(version);
    connection.pause();
    connection.receive(hex('00 61 FF'));
    connection.receiveEnd();
    connection.transportClosed();
    expect(handler.log).toEqual([]);
    connection.expire();
    connection.resume();
    expect(handler.log).toEqual(['close 1006 unclean']);
    expect(connection.sendText('late')).toBe(false);
  });

  it('tells nothing more of the peer once it is abandoned', () => {
    const { connection, handler } = recorded(version);
    connection.pause();
    connection.receive(hex('00 61 FF'));
    connection.abandon();
    connection.resume();
    connection.receive(hex('00 62 FF'));
    connection.receiveEnd();
    connection.transportClosed();
    expect(handler.log).toEqual(['close 1006 unclean']);
    expect(connection.isOpen).toBe(false);
  });

  it('may be closed and failed within any event', () => {
    const closed = recorded(version);
    closed.handler.react = () => closed.connection.close();
    closed.connection.receive(hex('00 61 FF 00 62 FF'));
    expect(closed.handler.log).toEqual(['text "a"', 'text "b"']);
    const failed = recorded(version);
    failed.handler.react = () => failed.connection.fail(new WebSocketError('WS_ABORTED'));
    failed.connection.receive(hex('00 61 FF 00 62 FF'));
    failed.connection.transportClosed();
    expect(failed.handler.log).toEqual(['text "a"', 'error WS_ABORTED', 'close 1006 unclean']);
    expect(() => failed.connection.sendText('late')).not.toThrow();
  });
});
