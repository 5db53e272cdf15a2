import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { WriteCallback } from '../../src/calls.ts';
import type { Connection } from '../../src/connection/connection.ts';
import type { Role } from '../../src/connection/options.ts';
import type { OutgoingOrder, ReadLater } from '../../src/connection/outgoing-order.ts';
import type { TurnTaker } from '../../src/connection/outgoing-places.ts';
import { InvalidStateError, LimitExceededError, WebSocketError } from '../../src/errors.ts';
import type { Encoder } from '../../src/extensions/encoder.ts';
import { PreparedMessage } from '../../src/extensions/prepared-message.ts';
import type { CloseStatus } from '../../src/frame/close-payload.ts';
import { nodePlatform } from '../../src/node/node-platform.ts';
import { sharedSlab } from '../../src/slab.ts';
import { BareOrder } from '../support/bare-order.ts';
import { CountingPlatform } from '../support/counting-platform.ts';
import { closePayload, describeFrames, frameTo } from '../support/frames.ts';
import { collectGarbage } from '../support/garbage.ts';
import { concat, hex, toHex, utf8 } from '../support/hex.ts';
import { expectLinear, LINEAR_TIMEOUT_MS } from '../support/linear.ts';
import {
  type Recorded,
  recordedConnection,
  takeBytes,
  takeFrames,
} from '../support/recorded-connection.ts';
import { logOfEveryCut } from '../support/run-connection.ts';
import { sendFragment } from '../support/send-fragment.ts';

const ROLES: readonly Role[] = ['client', 'server'];

describe.each(ROLES)('Sending at a %s', (role) => {
  it('makes a frame of each message (RFC 6455 §6.1)', () => {
    const { connection, handler } = recordedConnection({ role });
    expect(connection.sendText('κόσμε')).toBe(true);
    expect(connection.sendBinary(hex('FE FF'))).toBe(true);
    expect(connection.send(utf8('encoded'), undefined, { isText: true })).toBe(true);
    expect(connection.sendPrepared(new PreparedMessage(nodePlatform, 'prepared'))).toBe(true);
    expect(connection.ping(utf8('ping'))).toBe(true);
    expect(connection.pong(hex(''))).toBe(true);
    expect(handler.outputCount).toBe(1);
    expect(takeFrames(connection)).toEqual([
      'text hex CE BA CF 8C CF 83 CE BC CE B5',
      'binary hex FE FF',
      'text "encoded"',
      'text "prepared"',
      'ping "ping"',
      'pong ""',
    ]);
  });

  it('arrives at the other end as it was sent, in every cut', () => {
    const other: Role = role === 'client' ? 'server' : 'client';
    const text = fc.string({ unit: 'grapheme', maxLength: 12 });
    fc.assert(
      fc.property(fc.array(text, { maxLength: 5 }), (texts) => {
        const { connection } = recordedConnection({ role });
        for (const each of texts) connection.sendText(each);
        const { events } = logOfEveryCut({ role: other }, takeBytes(connection));
        expect(events).toEqual([
          ...texts.map((each) => `text ${JSON.stringify(each)}`),
          'close 1006 unclean',
        ]);
      }),
      { numRuns: 50 },
    );
  });

  it('hands over a turn of small messages as one chunk', () => {
    const { connection } = recordedConnection({ role });
    for (let count = 0; count < 50; count++) connection.sendText('hello');
    for (let count = 0; count < 50; count++) connection.ping(utf8('?'));
    expect(connection.takeOutput().length).toBe(1);
  });

  it('says that there is output when there was none, not for each message', () => {
    const { connection, handler } = recordedConnection({ role });
    connection.sendText('a');
    connection.sendText('b');
    expect(handler.outputCount).toBe(1);
    takeFrames(connection);
    connection.sendText('c');
    expect(handler.outputCount).toBe(2);
  });

  it('refuses when the connection is not open, and tells the callback', () => {
    const { connection } = recordedConnection({ role });
    connection.close();
    takeFrames(connection);
    const errors: unknown[] = [];
    const callback = (error?: Error): number => errors.push(error);
    expect(connection.sendText('late', callback)).toBe(false);
    expect(connection.sendBinary(hex('00'), callback)).toBe(false);
    expect(connection.sendPrepared(new PreparedMessage(nodePlatform, 'late'), callback)).toBe(
      false,
    );
    expect(sendFragment(connection, 'late', true, callback)).toBe(false);
    expect(connection.ping(hex(''), callback)).toBe(false);
    expect(connection.pong(hex(''), callback)).toBe(false);
    expect(errors).toEqual(new Array(6).fill(new InvalidStateError('The connection is not open')));
    expect(connection.hasOutput).toBe(false);
  });

  it('counts the payload of messages until it is written (WHATWG WebSockets §3.1)', () => {
    const { connection } = recordedConnection({ role });
    connection.sendText('héllo');
    connection.ping(utf8('not counted'));
    expect(connection.bufferedAmount).toBe(6);
    connection.takeOutput();
    connection.sendBinary(new Uint8Array(10_000));
    expect(connection.bufferedAmount).toBe(10_006);
    connection.outputWritten();
    expect(connection.bufferedAmount).toBe(10_000);
    connection.takeOutput();
    connection.outputWritten();
    expect(connection.bufferedAmount).toBe(0);
  });

  it('calls back once each, in order, also when the handler writes at once', () => {
    const { connection, handler } = recordedConnection({ role });
    const calls: string[] = [];
    handler.react = (event) => {
      if (event === 'output') takeFrames(connection);
    };
    connection.sendText('a', () => calls.push('a'));
    connection.ping(hex(''), () => calls.push('b'));
    connection.sendBinary(hex('00'), () => calls.push('c'));
    connection.pong(hex(''), () => calls.push('d'));
    expect(calls).toEqual(['a', 'b', 'c', 'd']);
    connection.transportClosed();
    expect(calls.length).toBe(4);
  });
});

describe.each(ROLES)('Fragments that a %s sends', (role) => {
  it('begin with the opcode and go on with continuations (RFC 6455 §5.4)', () => {
    const { connection } = recordedConnection({ role });
    sendFragment(connection, 'one', false);
    connection.ping(hex(''));
    sendFragment(connection, '', false);
    sendFragment(connection, 'two', true);
    sendFragment(connection, hex('FE'), true);
    connection.sendText('whole');
    expect(takeFrames(connection)).toEqual([
      'text -fin "one"',
      'ping ""',
      'continuation -fin ""',
      'continuation "two"',
      'binary hex FE',
      'text "whole"',
    ]);
  });

  it('let no other message between them (RFC 6455 §5.4)', () => {
    const { connection } = recordedConnection({ role });
    sendFragment(connection, 'one', false);
    expect(() => connection.sendText('other')).toThrow(InvalidStateError);
    expect(() => connection.sendBinary(hex('00'))).toThrow(InvalidStateError);
    const prepared = new PreparedMessage(nodePlatform, 'other');
    expect(() => connection.sendPrepared(prepared)).toThrow(InvalidStateError);
    sendFragment(connection, 'two', true);
    connection.sendText('other');
    expect(takeFrames(connection)).toEqual([
      'text -fin "one"',
      'continuation "two"',
      'text "other"',
    ]);
  });

  it('may be left off by a Close (RFC 6455 §5.4, §5.5.1)', () => {
    const { connection } = recordedConnection({ role });
    sendFragment(connection, 'one', false);
    connection.close(1000);
    expect(takeFrames(connection)).toEqual(['text -fin "one"', 'close 1000']);
  });
});

describe('Fragments of bytes', () => {
  it('begin a text message where isText says so (RFC 6455 §5.4)', () => {
    const { connection } = recordedConnection({ role: 'server' });
    sendFragment(connection, hex('C3'), false, undefined, true);
    sendFragment(connection, hex('A9'), true);
    expect(toHex(takeBytes(connection))).toBe(toHex(hex('01 01 C3 80 01 A9')));
  });
});

describe.each(ROLES)('Backpressure at a %s', (role) => {
  it('makes sends answer false from highWaterMark on, and tells when half of it is left', () => {
    const { connection, handler } = recordedConnection({ role, highWaterMark: 1000 });
    expect(connection.sendBinary(new Uint8Array(500))).toBe(true);
    expect(connection.sendBinary(new Uint8Array(500))).toBe(false);
    connection.takeOutput();
    expect(connection.sendBinary(new Uint8Array(600))).toBe(false);
    connection.outputWritten();
    expect(handler.log).toEqual([]);
    connection.takeOutput();
    connection.outputWritten();
    expect(handler.log).toEqual(['drain']);
    expect(connection.sendBinary(new Uint8Array(500))).toBe(true);
  });

  it('says drain once, and only to one who was told to wait', () => {
    const { connection, handler } = recordedConnection({ role, highWaterMark: 1000 });
    connection.sendBinary(new Uint8Array(500));
    takeFrames(connection);
    expect(handler.log).toEqual([]);
    connection.sendBinary(new Uint8Array(2000));
    takeFrames(connection);
    takeFrames(connection);
    expect(handler.log).toEqual(['drain']);
  });

  it('says no drain when the connection is no longer open', () => {
    const { connection, handler } = recordedConnection({ role, highWaterMark: 10 });
    expect(connection.sendText('0123456789')).toBe(false);
    connection.close();
    takeFrames(connection);
    expect(handler.log).toEqual([]);
  });

  it('drops the connection over maxBufferedAmount, and with it what waits', () => {
    const { connection, handler } = recordedConnection({ role, maxBufferedAmount: 1000 });
    const calls: unknown[] = [];
    connection.sendBinary(new Uint8Array(900), (error) => calls.push(error));
    expect(connection.sendBinary(new Uint8Array(900), (error) => calls.push(error))).toBe(false);
    const [error] = handler.errors;
    expect(error).toBeInstanceOf(LimitExceededError);
    expect(error).toMatchObject({ code: 'WS_BUFFERED_AMOUNT_EXCEEDED', limit: 1000 });
    expect(calls).toEqual([error, error]);
    expect(takeFrames(connection)).toEqual(['close 1008']);
    expect(connection.shouldEnd).toBe(true);
  });

  it('answers false, and says no drain, when bytes that came at once are too many', () => {
    const { connection, handler } = recordedConnection({ role, maxBufferedAmount: 1000 });
    const read: ReadLater = (done) => done(undefined, new Uint8Array(1001));
    expect(connection.sendLater(10, read, undefined, { isText: false })).toBe(false);
    takeFrames(connection);
    expect(handler.log).toEqual(['error WS_BUFFERED_AMOUNT_EXCEEDED']);
  });

  it('counts what is being written, too', () => {
    const { connection, handler } = recordedConnection({ role, maxBufferedAmount: 1000 });
    connection.sendBinary(new Uint8Array(900));
    connection.takeOutput();
    connection.sendBinary(new Uint8Array(900));
    expect(handler.log).toEqual(['error WS_BUFFERED_AMOUNT_EXCEEDED']);
  });
});

describe.each(ROLES)('Answers to Pings at a %s', (role) => {
  const ping = (payload: string) => frameTo(role, { opcode: 'ping', payload });

  it('are all sent while output flows, only the newest while it is stuck (RFC 6455 §5.5.3)', () => {
    const { connection } = recordedConnection({ role });
    connection.receive(ping('a'));
    connection.receive(ping('b'));
    connection.takeOutput();
    for (const payload of ['c', 'd', 'e']) connection.receive(ping(payload));
    expect(connection.hasOutput).toBe(true);
    connection.sendText('message');
    connection.outputWritten();
    expect(takeFrames(connection)).toEqual(['text "message"', 'pong "e"']);
    connection.receive(ping('f'));
    expect(takeFrames(connection)).toEqual(['pong "f"']);
  });

  it('go before the Close', () => {
    const { connection } = recordedConnection({ role });
    connection.sendText('stuck');
    connection.takeOutput();
    connection.receive(ping('late'));
    connection.close(1000);
    connection.outputWritten();
    expect(takeFrames(connection)).toEqual(['pong "late"', 'close 1000']);
  });

  it('are still sent while our Close waits for its answer, but not after it', () => {
    const { connection, handler } = recordedConnection({ role });
    connection.close(1000);
    takeFrames(connection);
    connection.receive(ping('a'));
    connection.receive(frameTo(role, { opcode: 'close', payload: hex('03 E8') }));
    connection.receive(ping('b'));
    expect(handler.log).toEqual(['ping "a"']);
  });

  it('are the handler’s own where it wants them', () => {
    const { connection, handler } = recordedConnection({ role, answersPings: false });
    connection.receive(ping('a'));
    expect(handler.log).toEqual(['ping "a"']);
    expect(connection.hasOutput).toBe(false);
    connection.pong(utf8('a'));
    expect(takeFrames(connection)).toEqual(['pong "a"']);
  });
});

interface Begun extends Recorded {
  readonly taker: TurnTaker;
  readonly refusals: Error[];
}

/** Has sent the first piece of a message. */
function beginMessage(role: Role): Begun {
  const recorded = recordedConnection({ role });
  const refusals: Error[] = [];
  const taker: TurnTaker = { takeTurn: () => {}, refuseTurn: (error) => refusals.push(error) };
  recorded.connection.requestTurn(taker);
  recorded.connection.sendPiece(taker, utf8('x'), false, true);
  return { ...recorded, taker, refusals };
}

describe.each(ROLES)('Between the pieces of a message, a %s', (role) => {
  it('sends Pings and Pongs at once (RFC 6455 §5.4)', () => {
    const { connection } = beginMessage(role);
    expect(connection.ping(utf8('p'))).toBe(true);
    expect(connection.pong(utf8('q'))).toBe(true);
    expect(takeFrames(connection)).toEqual(['text -fin "x"', 'ping "p"', 'pong "q"']);
  });

  it('sends its Close behind the end of the message', () => {
    const { connection, taker } = beginMessage(role);
    connection.close(1000);
    expect(takeFrames(connection)).toEqual(['text -fin "x"']);
    connection.sendPiece(taker, utf8('y'), true, true);
    connection.leaveTurn(taker);
    expect(takeFrames(connection)).toEqual(['continuation "y"', 'close 1000']);
  });

  it('sends its Close in the middle of a message that will not end, and nothing else', () => {
    const { connection, handler, taker } = beginMessage(role);
    const results: (Error | undefined)[] = [];
    connection.sendText('waits', (error) => results.push(error));
    connection.close(1000);
    connection.leaveTurn(taker);
    expect(takeFrames(connection)).toEqual(['text -fin "x"', 'close 1000']);
    connection.receive(frameTo(role, { opcode: 'close', payload: closePayload(1000) }));
    connection.transportClosed();
    expect(handler.log).toEqual(['close 1000 clean']);
    expect(results).toEqual([expect.any(Error)]);
  });

  it('fails with 1011 when the message is given up while the connection is open', () => {
    const { connection, handler, taker } = beginMessage(role);
    connection.leaveTurn(taker, new Error('no more'));
    expect(takeFrames(connection)).toEqual(['text -fin "x"', 'close 1011']);
    expect(handler.log).toEqual(['error WS_INTERNAL']);
  });

  it('answers the Close of the peer at once', () => {
    const { connection, refusals } = beginMessage(role);
    connection.receive(frameTo(role, { opcode: 'close', payload: closePayload(4000) }));
    expect(takeFrames(connection)).toEqual(['text -fin "x"', 'close 4000']);
    expect(refusals).toHaveLength(1);
  });
});

describe('Requests for a turn', () => {
  it('that were taken back are forgotten, whatever waits in front of them', async () => {
    const { connection, taker } = beginMessage('server');
    connection.sendText('behind the message');
    const count = 1000;
    const references: WeakRef<TurnTaker>[] = [];
    for (let index = 0; index < count; index++) {
      const other: TurnTaker = { takeTurn: () => {}, refuseTurn: () => {} };
      references.push(new WeakRef(other));
      connection.requestTurn(other);
      connection.leaveTurn(other);
    }
    await collectGarbage();
    const kept = references.filter((reference) => reference.deref() !== undefined);
    expect(kept.length).toBeLessThan(count / 2);
    connection.sendPiece(taker, utf8('y'), true, true);
    connection.leaveTurn(taker);
    expect(takeFrames(connection)).toEqual([
      'text -fin "x"',
      'continuation "y"',
      'text "behind the message"',
    ]);
  });
});

/** Bytes that come when the test says so. */
class Later {
  isRead = false;
  #done: Parameters<ReadLater>[0] | undefined;

  readonly read: ReadLater = (done) => {
    this.isRead = true;
    this.#done = done;
  };

  come(text: string): void {
    this.#done?.(undefined, utf8(text));
  }

  fail(error: Error): void {
    this.#done?.(error, new Uint8Array(0));
  }
}

/** Sends a message whose bytes come later. */
function sendLater(connection: Connection, length: number, callback?: WriteCallback): Later {
  const later = new Later();
  connection.sendLater(length, later.read, callback, { isText: false });
  return later;
}

/** One that keeps its turn until the test gives it on. */
class HeldTurn implements TurnTaker {
  readonly log: string[] = [];
  refusal: Error | undefined;

  takeTurn(): void {
    this.log.push('turn');
  }

  refuseTurn(error: Error): void {
    this.log.push('refused');
    this.refusal = error;
  }
}

/** Asks for a turn. */
function hold(connection: Connection): HeldTurn {
  const taker = new HeldTurn();
  connection.requestTurn(taker);
  return taker;
}

/** Writes down the callbacks by their names, with what they get. */
class Outcomes {
  readonly log: string[] = [];
  readonly errors: (Error | undefined)[] = [];

  named(name: string): WriteCallback {
    return (error) => {
      this.log.push(name);
      this.errors.push(error);
    };
  }
}

describe.each(ROLES)('Behind bytes that come later, a %s', (role) => {
  it('keeps everything waiting, in order', () => {
    const { connection } = recordedConnection({ role });
    const first = sendLater(connection, 1);
    expect(first.isRead).toBe(true);
    connection.sendText('b');
    connection.ping(utf8('c'));
    const second = sendLater(connection, 1);
    expect(second.isRead).toBe(false);
    connection.pong(utf8('e'));
    connection.sendPrepared(new PreparedMessage(nodePlatform, 'f'));
    sendFragment(connection, 'g', false);
    sendFragment(connection, 'h', true);
    expect(takeFrames(connection)).toEqual([]);
    first.come('a');
    expect(second.isRead).toBe(true);
    expect(takeFrames(connection)).toEqual(['binary "a"', 'text "b"', 'ping "c"']);
    second.come('d');
    expect(takeFrames(connection)).toEqual([
      'binary "d"',
      'pong "e"',
      'text "f"',
      'text -fin "g"',
      'continuation "h"',
    ]);
  });

  it('lets a Ping pass that keeps no turn, and answers those of the peer', () => {
    const { connection } = recordedConnection({ role });
    const later = sendLater(connection, 1);
    connection.ping(utf8('waits'));
    expect(connection.ping(utf8('passes'), undefined, false)).toBe(true);
    connection.receive(frameTo(role, { opcode: 'ping', payload: 'asked' }));
    expect(takeFrames(connection)).toEqual(['ping "passes"', 'pong "asked"']);
    later.come('a');
    expect(takeFrames(connection)).toEqual(['binary "a"', 'ping "waits"']);
  });

  it('sends copies: the bytes are the caller’s again', () => {
    const { connection } = recordedConnection({ role });
    const later = sendLater(connection, 1);
    const bytes = utf8('x'.repeat(9000));
    const short = utf8('y');
    connection.sendBinary(bytes);
    connection.send(short, undefined, { isText: true, isLast: false });
    connection.ping(short);
    for (const each of [bytes, short]) each.fill(0x21);
    later.come('a');
    expect(takeFrames(connection)).toEqual([
      'binary "a"',
      'binary "x" x 9000',
      'text -fin "y"',
      'ping "y"',
    ]);
  });

  it('closes behind them', () => {
    const { connection, handler } = recordedConnection({ role });
    const later = sendLater(connection, 1);
    connection.sendText('b');
    connection.close(1000);
    expect([takeFrames(connection), connection.closeSent]).toEqual([[], undefined]);
    expect(handler.closingCount).toBe(1);
    later.come('a');
    expect(takeFrames(connection)).toEqual(['binary "a"', 'text "b"', 'close 1000']);
  });

  it('answers a Close of the peer behind them', () => {
    const { connection } = recordedConnection({ role });
    const later = sendLater(connection, 1);
    connection.receive(frameTo(role, { opcode: 'close', payload: closePayload(4000) }));
    expect([takeFrames(connection), connection.isCloseComplete]).toEqual([[], false]);
    later.come('a');
    expect(takeFrames(connection)).toEqual(['binary "a"', 'close 4000']);
    expect(connection.isCloseComplete).toBe(true);
  });

  it('fails when they do not come: what is behind cannot be sent in order', () => {
    const { connection, handler } = recordedConnection({ role });
    const outcomes = new Outcomes();
    const later = sendLater(connection, 1, outcomes.named('later'));
    connection.sendText('b', outcomes.named('b'));
    const cause = new Error('unreadable');
    later.fail(cause);
    expect(handler.errors).toMatchObject([{ code: 'WS_INTERNAL', cause }]);
    expect(outcomes.log).toEqual(['later', 'b']);
    expect(outcomes.errors).toEqual([cause, connection.failure]);
    expect(takeFrames(connection)).toEqual(['close 1011']);
    later.come('a');
    expect(takeFrames(connection)).toEqual([]);
    expect(outcomes.log.length).toBe(2);
  });

  it.each(['abandon', 'transportClosed'] as const)('drops them with everything: %s', (end) => {
    const { connection } = recordedConnection({ role });
    const outcomes = new Outcomes();
    const later = sendLater(connection, 3, outcomes.named('a'));
    connection.sendText('b', outcomes.named('b'));
    connection.ping(utf8('c'), outcomes.named('c'));
    const unread = sendLater(connection, 5, outcomes.named('d'));
    connection[end]();
    connection.transportClosed();
    expect(outcomes.log).toEqual(['a', 'b', 'c', 'd']);
    expect(outcomes.errors).toEqual(
      new Array(4).fill(new InvalidStateError('The connection is closed')),
    );
    later.come('a');
    later.fail(new Error('late'));
    expect([outcomes.log.length, unread.isRead, connection.hasOutput]).toEqual([4, false, false]);
    // WHATWG WebSockets §3.1: it does not become 0 with the end. The Ping is no message.
    expect(connection.bufferedAmount).toBeGreaterThanOrEqual(3 + 1 + 5);
  });

  it('takes the bytes once, whatever comes twice', () => {
    const { connection } = recordedConnection({ role });
    const later = sendLater(connection, 1);
    later.come('a');
    later.come('again');
    const next = sendLater(connection, 1);
    later.come('again');
    next.come('b');
    expect(takeFrames(connection)).toEqual(['binary "a"', 'binary "b"']);
  });
});

describe.each(ROLES)('A turn at a %s', (role) => {
  it('comes within the call when nothing waits, and is one message', () => {
    const { connection } = recordedConnection({ role });
    const taker = hold(connection);
    expect(taker.log).toEqual(['turn']);
    expect(connection.sendPiece(taker, utf8('a'), false, false)).toBe(true);
    expect(connection.sendPiece(taker, utf8(''), false, false)).toBe(true);
    expect(connection.sendPiece(taker, utf8('b'), true, false)).toBe(true);
    connection.leaveTurn(taker);
    expect(takeFrames(connection)).toEqual([
      'binary -fin "a"',
      'continuation -fin ""',
      'continuation "b"',
    ]);
  });

  it('comes in the order of the calls', () => {
    const { connection } = recordedConnection({ role });
    const first = hold(connection);
    connection.sendText('between');
    const second = hold(connection);
    const third = hold(connection);
    connection.sendPiece(first, utf8('1'), true, true);
    expect([second.log, third.log]).toEqual([[], []]);
    connection.leaveTurn(first);
    expect([second.log, third.log]).toEqual([['turn'], []]);
    connection.sendPiece(second, utf8('2'), true, true);
    connection.leaveTurn(second);
    expect(third.log).toEqual(['turn']);
    expect(takeFrames(connection)).toEqual(['text "1"', 'text "between"', 'text "2"']);
  });

  it('waits behind bytes that come later', () => {
    const { connection } = recordedConnection({ role });
    const later = sendLater(connection, 1);
    const taker = hold(connection);
    expect(taker.log).toEqual([]);
    later.come('a');
    expect(taker.log).toEqual(['turn']);
  });

  it('is refused when the connection is closing', () => {
    const { connection } = recordedConnection({ role });
    connection.close();
    const taker = hold(connection);
    expect(taker.log).toEqual(['refused']);
    expect(taker.refusal).toEqual(new InvalidStateError('The connection is not open'));
  });

  it('is needed to send a piece', () => {
    const { connection } = recordedConnection({ role });
    const [holder, waiting] = [hold(connection), hold(connection)];
    const outcomes = new Outcomes();
    for (const taker of [waiting, new HeldTurn()]) {
      expect(connection.sendPiece(taker, utf8('x'), true, true, outcomes.named('x'))).toBe(false);
    }
    connection.leaveTurn(waiting);
    connection.leaveTurn(holder);
    expect(connection.sendPiece(holder, utf8('x'), true, true, outcomes.named('x'))).toBe(false);
    expect(outcomes.errors).toEqual(
      new Array(3).fill(new InvalidStateError('The connection is not open')),
    );
    expect(connection.hasOutput).toBe(false);
  });

  it('that is taken back never comes, and keeps nobody waiting', () => {
    const { connection } = recordedConnection({ role });
    const [first, second, third] = [hold(connection), hold(connection), hold(connection)];
    connection.leaveTurn(second, new Error('not any more'));
    expect(connection.failure).toBeUndefined();
    connection.leaveTurn(first);
    expect([second.log, third.log]).toEqual([[], ['turn']]);
    connection.abandon();
    expect([second.log, third.log]).toEqual([[], ['turn', 'refused']]);
  });

  it('keeps our Close waiting until the message is complete', () => {
    const { connection } = recordedConnection({ role });
    const taker = hold(connection);
    connection.sendPiece(taker, utf8('a'), false, true);
    connection.close(1000);
    expect(connection.sendPiece(taker, utf8('b'), true, true)).toBe(true);
    expect(takeFrames(connection)).toEqual(['text -fin "a"', 'continuation "b"']);
    connection.leaveTurn(taker);
    expect(takeFrames(connection)).toEqual(['close 1000']);
  });

  it('keeps our Close waiting behind those who have asked before', () => {
    const { connection } = recordedConnection({ role });
    const [first, second] = [hold(connection), hold(connection)];
    connection.close(1000);
    connection.leaveTurn(first);
    expect([second.log, takeFrames(connection)]).toEqual([['turn'], []]);
    connection.sendPiece(second, utf8('b'), true, true);
    connection.leaveTurn(second);
    expect(takeFrames(connection)).toEqual(['text "b"', 'close 1000']);
  });

  it('is taken away when the peer closes, whose Close is answered (RFC 6455 §5.5.1)', () => {
    for (const weClose of [false, true]) {
      const { connection } = recordedConnection({ role });
      const [holder, waiting] = [hold(connection), hold(connection)];
      connection.sendPiece(holder, utf8('a'), false, true);
      // It waits for the message, which the peer's Close breaks off.
      if (weClose) connection.close(4001);
      connection.receive(frameTo(role, { opcode: 'close', payload: closePayload(4000) }));
      expect([holder.log, waiting.log]).toEqual([['turn', 'refused'], ['refused']]);
      expect(takeFrames(connection)).toEqual(['text -fin "a"', 'close 4000']);
      expect(connection.isCloseComplete).toBe(true);
      connection.leaveTurn(holder, new Error('refused'));
      expect(connection.failure).toBeUndefined();
    }
  });

  it('is taken away once when the connection is dropped', () => {
    const { connection } = recordedConnection({ role });
    const takers = [hold(connection), hold(connection), hold(connection)];
    connection.abandon();
    connection.transportClosed();
    expect(takers.map(({ log }) => log)).toEqual([['turn', 'refused'], ['refused'], ['refused']]);
    const closed = new InvalidStateError('The connection is closed');
    expect(takers.map(({ refusal }) => refusal)).toEqual([closed, closed, closed]);
  });
});

describe.each(ROLES)('Giving up a message in pieces, a %s', (role) => {
  const cause = new Error('the stream broke');

  it('fails: the peer has a part of it and would wait for the rest', () => {
    const { connection, handler } = recordedConnection({ role });
    const taker = hold(connection);
    connection.sendPiece(taker, utf8('a'), false, true);
    connection.leaveTurn(taker, cause);
    expect(handler.errors).toMatchObject([{ code: 'WS_INTERNAL', cause }]);
    expect(takeFrames(connection)).toEqual(['text -fin "a"', 'close 1011']);
  });

  it.each([
    ['has not begun', []],
    ['is complete', [true]],
  ])('goes on when it %s', (_, pieces) => {
    const { connection } = recordedConnection({ role });
    const taker = hold(connection);
    for (const isLast of pieces) connection.sendPiece(taker, utf8('a'), isLast, true);
    connection.sendText('behind');
    connection.leaveTurn(taker, cause);
    expect(connection.failure).toBeUndefined();
    expect(takeFrames(connection).at(-1)).toBe('text "behind"');
  });

  it('does not fail again when it has failed', () => {
    const { connection, handler } = recordedConnection({ role });
    const taker = hold(connection);
    connection.sendPiece(taker, utf8('a'), false, true);
    connection.fail(new WebSocketError('WS_ABORTED'));
    connection.leaveTurn(taker, cause);
    expect(handler.log).toEqual(['error WS_ABORTED']);
    const outcomes = new Outcomes();
    expect(connection.sendPiece(taker, utf8('b'), true, true, outcomes.named('b'))).toBe(false);
    expect(outcomes.errors).toEqual([new InvalidStateError('The connection is not open')]);
  });
});

describe.each(ROLES)('Arguments are checked at the call by a %s', (role) => {
  /** As JavaScript passes them: the types do not allow them. */
  const wrong: unknown[] = [
    new Uint16Array(1),
    new DataView(new ArrayBuffer(1)),
    new ArrayBuffer(1),
    'text',
  ];

  it.each(['at once', 'later'])('when it would be sent %s', (when) => {
    const { connection } = recordedConnection({ role });
    const taker = hold(connection);
    if (when === 'at once') connection.leaveTurn(taker);
    for (const value of wrong) {
      const bytes = value as Uint8Array;
      expect(() => connection.sendBinary(bytes)).toThrow(TypeError);
      expect(() => connection.send(bytes, undefined, { isText: true, isLast: true })).toThrow(
        TypeError,
      );
      expect(() => connection.sendPiece(taker, bytes, true, true)).toThrow(TypeError);
      expect(() => connection.ping(bytes)).toThrow(TypeError);
      expect(() => connection.pong(bytes)).toThrow(TypeError);
    }
    // RFC 6455 §5.5
    expect(() => connection.ping(new Uint8Array(126))).toThrow(RangeError);
    expect(() => connection.pong(new Uint8Array(126))).toThrow(RangeError);
    connection.leaveTurn(taker);
    connection.sendText('alone');
    expect(takeFrames(connection)).toEqual(['text "alone"']);
  });

  it('and any view with elements of one byte is taken', () => {
    const { connection } = recordedConnection({ role });
    connection.sendBinary(Int8Array.of(0x61) as unknown as Uint8Array);
    connection.sendBinary(Uint8ClampedArray.of(0x62) as unknown as Uint8Array);
    expect(connection.ping(new Uint8Array(125))).toBe(true);
    expect(takeFrames(connection).slice(0, 2)).toEqual(['binary "a"', 'binary "b"']);
  });

  it('also the order of fragments, though they wait (RFC 6455 §5.4)', () => {
    const { connection } = recordedConnection({ role });
    const later = sendLater(connection, 1);
    sendFragment(connection, 'b', false);
    expect(() => connection.sendText('c')).toThrow(InvalidStateError);
    expect(() => sendLater(connection, 1)).toThrow(InvalidStateError);
    sendFragment(connection, 'd', true);
    connection.sendText('e');
    later.come('a');
    expect(takeFrames(connection)).toEqual([
      'binary "a"',
      'text -fin "b"',
      'continuation "d"',
      'text "e"',
    ]);
  });
});

describe('A long payload of a server', () => {
  const LONG = 8 * 1024 + 1;
  const long = (): Uint8Array => new Uint8Array(LONG).fill(0x61);

  it('is offered within the call, as it lies, and what was sent before goes along', () => {
    const { connection, handler } = recordedConnection({ role: 'server' });
    const taken: Uint8Array[] = [];
    handler.react = (event) => {
      if (event === 'output' && handler.urgency === 'borrowed')
        taken.push(...connection.takeOutput());
    };
    connection.sendText('before');
    expect(taken).toEqual([]);
    const bytes = long();
    connection.sendBinary(bytes);
    expect(taken.at(-1)).toBe(bytes);
    expect(describeFrames('server', concat(taken))).toEqual([
      'text "before"',
      `binary "a" x ${LONG}`,
    ]);
  });

  it('is kept as a copy where nobody takes it', () => {
    const { connection, handler } = recordedConnection({ role: 'server' });
    const bytes = long();
    connection.sendBinary(bytes);
    expect([handler.outputCount, handler.urgency]).toEqual([1, 'borrowed']);
    bytes.fill(0x21);
    expect(takeFrames(connection)).toEqual([`binary "a" x ${LONG}`]);
  });

  it('of a turn is offered as well', () => {
    const { connection, handler } = recordedConnection({ role: 'server' });
    const taker = hold(connection);
    const bytes = long();
    connection.sendPiece(taker, bytes, true, false);
    expect(handler.urgency).toBe('borrowed');
    bytes.fill(0x21);
    expect(takeFrames(connection)).toEqual([`binary "a" x ${LONG}`]);
  });

  it('that came later is the order’s own: there is no hurry, and no copy', () => {
    const platform = new CountingPlatform();
    const { connection, handler } = recordedConnection({ role: 'server', platform });
    const later = sendLater(connection, LONG);
    // The slab, which the header needs, is the process's.
    sharedSlab(platform);
    const before = platform.allocationCount;
    later.come('a'.repeat(LONG));
    expect([handler.urgency, platform.allocationCount]).toEqual(['call', before]);
    expect(takeFrames(connection)).toEqual([`binary "a" x ${LONG}`]);
  });
});

describe.each(ROLES)('While connecting, a %s', (role) => {
  it('keeps what is sent, in order, and sends it when the connection opens', () => {
    const { connection, handler } = recordedConnection({ role, isConnecting: true });
    const outcomes = new Outcomes();
    connection.sendText('a', outcomes.named('a'));
    const bytes = utf8('b');
    connection.sendBinary(bytes, outcomes.named('b'));
    bytes.fill(0x21);
    const later = sendLater(connection, 1, outcomes.named('c'));
    expect([connection.hasOutput, handler.outputCount, later.isRead]).toEqual([false, 0, false]);
    expect(connection.bufferedAmount).toBe(3);
    connection.open();
    expect(later.isRead).toBe(true);
    later.come('c');
    expect(takeFrames(connection)).toEqual(['text "a"', 'binary "b"', 'binary "c"']);
    expect([outcomes.log, outcomes.errors]).toEqual([
      ['a', 'b', 'c'],
      [undefined, undefined, undefined],
    ]);
    expect(connection.bufferedAmount).toBe(0);
  });

  it('sends no Pings', () => {
    const { connection } = recordedConnection({ role, isConnecting: true });
    const outcomes = new Outcomes();
    expect(connection.ping(utf8('p'), outcomes.named('p'))).toBe(false);
    expect(outcomes.errors).toEqual([new InvalidStateError('The connection is not open')]);
  });

  it('drops what waits when the opening handshake fails', () => {
    const { connection } = recordedConnection({ role, isConnecting: true });
    const outcomes = new Outcomes();
    for (const name of ['a', 'b']) connection.sendText(name, outcomes.named(name));
    const taker = hold(connection);
    const failure = new WebSocketError('WS_HANDSHAKE_TIMEOUT');
    connection.openingFailed(failure);
    expect([outcomes.log, outcomes.errors]).toEqual([
      ['a', 'b'],
      [failure, failure],
    ]);
    expect([taker.log, taker.refusal]).toEqual([['refused'], failure]);
    expect(connection.bufferedAmount).toBe(2);
  });

  it('fails in the middle of sending what waited, and still ends, whoever throws', () => {
    const options = { role, isConnecting: true, maxBufferedAmount: 100 };
    const { connection, handler } = recordedConnection(options);
    const thrown: Error[] = [];
    const calls: unknown[] = [];
    // Their headers make them longer than maxBufferedAmount.
    for (let count = 0; count < 10; count++) {
      connection.sendText('0123456789', (error) => {
        calls.push(error);
        thrown.push(new Error(`callback ${count}`));
        throw thrown.at(-1);
      });
    }
    expect(() => connection.open()).toThrow('callback');
    expect(calls).toEqual(new Array(10).fill(connection.failure));
    expect(handler.log).toEqual(['error WS_BUFFERED_AMOUNT_EXCEEDED']);
    expect(handler.closingCount).toBe(1);
    connection.transportClosed();
    expect(handler.log.at(-1)).toBe('close 1006 unclean');
  });
});

describe.each(ROLES)('bufferedAmount of a %s (WHATWG WebSockets §3.1)', (role) => {
  it('counts each way to send, and is 0 when all is written', () => {
    const { connection } = recordedConnection({ role });
    const later = sendLater(connection, 3);
    expect(connection.bufferedAmount).toBe(3);
    connection.sendText('é');
    connection.sendBinary(hex('01 02 03 04'));
    connection.sendPrepared(new PreparedMessage(nodePlatform, 'prepared'));
    expect(connection.bufferedAmount).toBe(3 + 2 + 4 + 8);
    const unread = sendLater(connection, 5);
    sendFragment(connection, 'ab', false);
    sendFragment(connection, 'c', true);
    expect(connection.bufferedAmount).toBe(17 + 5 + 3);
    later.come('123');
    expect(connection.bufferedAmount).toBe(25);
    takeFrames(connection);
    expect(connection.bufferedAmount).toBe(8);
    unread.come('12345');
    const taker = hold(connection);
    connection.sendPiece(taker, utf8('xyz'), true, true);
    connection.leaveTurn(taker);
    expect(connection.bufferedAmount).toBe(11);
    takeFrames(connection);
    expect(connection.bufferedAmount).toBe(0);
  });

  it('never forgets what was dropped', () => {
    const { connection } = recordedConnection({ role });
    connection.sendText('in flight');
    connection.takeOutput();
    connection.sendText('queued');
    sendLater(connection, 4);
    connection.sendText('waits');
    connection.transportClosed();
    expect(connection.bufferedAmount).toBe(9 + 6 + 4 + 5);
    connection.sendText('refused');
    expect(connection.bufferedAmount).toBe(24);
  });

  it('counts a message that could not be read as dropped', () => {
    const { connection } = recordedConnection({ role });
    const later = sendLater(connection, 4);
    later.fail(new Error('unreadable'));
    expect(connection.bufferedAmount).toBe(4);
  });
});

/** An encoder that is blocked until the test says so, and sends pieces as they are. */
class HeldEncoder implements Encoder {
  isBusy = true;
  isBlocked = true;
  readonly waitingLength = 0;
  /** The callbacks of what is inside. */
  readonly callbacks: WriteCallback[] = [];
  readonly #order: OutgoingOrder;

  constructor(order: OutgoingOrder) {
    this.#order = order;
  }

  canPass(): boolean {
    return true;
  }

  send(): void {
    expect.unreachable('all messages may pass');
  }

  sendPrepared(): boolean {
    return false;
  }

  sendPiece(firstByte: number, bytes: Uint8Array, callback: WriteCallback | undefined): void {
    this.#order.pushEncoded(firstByte, bytes, bytes.length, 'borrowed', callback);
  }

  discard(): readonly WriteCallback[] {
    return this.callbacks.splice(0);
  }
}

describe.each(ROLES)('Behind an encoder, a %s', (role) => {
  function encoded(): { readonly bare: BareOrder; readonly encoder: HeldEncoder } {
    const bare = new BareOrder(role);
    const encoder = new HeldEncoder(bare.order);
    bare.order.use(encoder);
    return { bare, encoder };
  }

  it('keeps pieces waiting, in copies, ahead of what waits for the turn', () => {
    const { bare, encoder } = encoded();
    const { order } = bare;
    encoder.isBlocked = false;
    const taker = new HeldTurn();
    order.requestTurn(taker);
    expect(taker.log).toEqual(['turn']);
    encoder.isBlocked = true;
    const outcomes = new Outcomes();
    const bytes = utf8('a');
    order.sendPiece(taker, bytes, false, true, outcomes.named('a'));
    order.sendText('c', outcomes.named('c'), true);
    bytes.fill(0x62);
    order.sendPiece(taker, bytes, true, true, outcomes.named('b'));
    order.leaveTurn(taker);
    expect([order.bufferedAmount, bare.takeFrames()]).toEqual([3, []]);
    encoder.isBlocked = false;
    order.proceed();
    expect(bare.takeFrames()).toEqual(['text -fin "a"', 'continuation "b"', 'text "c"']);
    expect([outcomes.log, order.bufferedAmount]).toEqual([['a', 'b', 'c'], 0]);
  });

  it('gives the pieces that wait an error once, when they are dropped', () => {
    const { bare, encoder } = encoded();
    const { order } = bare;
    encoder.isBlocked = false;
    const taker = new HeldTurn();
    order.requestTurn(taker);
    encoder.isBlocked = true;
    const outcomes = new Outcomes();
    order.sendPiece(taker, utf8('a'), false, true, outcomes.named('a'));
    order.sendText('b', outcomes.named('b'), true);
    const error = new Error('dropped');
    for (const refuse of order.drop()) refuse(error);
    for (const refuse of order.drop()) refuse(error);
    expect([outcomes.log, outcomes.errors]).toEqual([
      ['a', 'b'],
      [error, error],
    ]);
    expect(taker.refusal).toBe(error);
  });

  it('drops what is inside before what waits behind it', () => {
    const { bare, encoder } = encoded();
    const { order } = bare;
    const outcomes = new Outcomes();
    encoder.callbacks.push(outcomes.named('inside'));
    order.sendText('behind', outcomes.named('behind'), true);
    for (const refuse of order.drop()) refuse(new Error('dropped'));
    expect(outcomes.log).toEqual(['inside', 'behind']);
  });

  it('sends its Close when no message is inside any more', () => {
    const { bare, encoder } = encoded();
    const { order } = bare;
    encoder.isBlocked = false;
    const sent: CloseStatus[] = [];
    order.close({ code: 1000, reason: '' }, (status) => {
      sent.push(status);
      order.sendClose(status);
    });
    expect(sent).toEqual([]);
    encoder.isBusy = false;
    order.proceed();
    expect(sent).toEqual([{ code: 1000, reason: '' }]);
    expect(bare.takeFrames()).toEqual(['close 1000']);
  });
});

describe('Serialized frames', () => {
  it('keep their place, and are counted', () => {
    const bare = new BareOrder('server');
    const { order } = bare;
    const frame = (payload: string) => frameTo('client', { opcode: 'text', payload });
    const outcomes = new Outcomes();
    expect(order.sendSerialized(frame('a'), 1, outcomes.named('a'))).toBe(true);
    const later = new Later();
    order.sendLater(1, later.read, undefined, { isText: false });
    expect(order.sendSerialized(frame('c'), 1, outcomes.named('c'))).toBe(true);
    expect(order.bufferedAmount).toBe(3);
    later.come('b');
    expect(bare.takeFrames()).toEqual(['text "a"', 'binary "b"', 'text "c"']);
    expect([outcomes.log, order.bufferedAmount]).toEqual([['a', 'c'], 0]);
    bare.life.state = 'CLOSING';
    expect(order.sendSerialized(frame('d'), 1, outcomes.named('d'))).toBe(false);
    expect(outcomes.errors.at(-1)).toBeInstanceOf(InvalidStateError);
  });
});

describe('The outgoing order takes linear time', () => {
  /** The frames that left; to describe them would take longer than the order does. */
  function countFrames(connection: Connection): number {
    return takeBytes(connection).length / 2;
  }

  const empty = new Uint8Array(0);
  const ways: Readonly<Record<string, (connection: Connection) => void>> = {
    messages: (connection) => connection.sendText(''),
    pings: (connection) => connection.ping(empty),
    'messages in a turn': (connection) => {
      const taker: TurnTaker = {
        takeTurn() {
          connection.sendPiece(taker, empty, true, true);
          connection.leaveTurn(taker);
        },
        refuseTurn: () => {},
      };
      connection.requestTurn(taker);
    },
  };

  it.each(Object.entries(ways))(
    'for 200,000 %s behind bytes that come later',
    async (_, send) => {
      await expectLinear(200_000, async (count) => {
        const { connection } = recordedConnection({ role: 'server' });
        const later = sendLater(connection, 0);
        for (let index = 0; index < count; index++) send(connection);
        later.come('');
        expect(countFrames(connection)).toBe(count + 1);
      });
    },
    LINEAR_TIMEOUT_MS,
  );

  it(
    'for 200,000 messages while connecting',
    async () => {
      await expectLinear(200_000, async (count) => {
        const { connection } = recordedConnection({ role: 'server', isConnecting: true });
        for (let index = 0; index < count; index++) connection.sendText('');
        connection.open();
        expect(countFrames(connection)).toBe(count);
      });
    },
    LINEAR_TIMEOUT_MS,
  );

  it(
    'for 200,000 requests that are taken back',
    async () => {
      await expectLinear(200_000, async (count) => {
        const { connection } = recordedConnection({ role: 'server' });
        const holder = hold(connection);
        const takers = Array.from({ length: count }, () => hold(connection));
        for (const taker of takers) connection.leaveTurn(taker);
        connection.leaveTurn(holder);
        connection.sendText('');
        expect(countFrames(connection)).toBe(1);
        expect(takers.every(({ log }) => log.length === 0)).toBe(true);
      });
    },
    LINEAR_TIMEOUT_MS,
  );
});
