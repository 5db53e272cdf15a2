import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Role } from '../../src/connection/options.ts';
import { PreparedMessage } from '../../src/connection/prepared-message.ts';
import { InvalidStateError, LimitExceededError } from '../../src/errors.ts';
import { nodePlatform } from '../../src/node/node-platform.ts';
import { frameTo } from '../support/frames.ts';
import { hex, utf8 } from '../support/hex.ts';
import { recordedConnection, takeBytes, takeFrames } from '../support/recorded-connection.ts';
import { logOfEveryCut } from '../support/run-connection.ts';

const ROLES: readonly Role[] = ['client', 'server'];

describe.each(ROLES)('Sending at a %s', (role) => {
  it('makes a frame of each message (RFC 6455 §6.1)', () => {
    const { connection, handler } = recordedConnection({ role });
    expect(connection.sendText('κόσμε')).toBe(true);
    expect(connection.sendBinary(hex('FE FF'))).toBe(true);
    expect(connection.sendEncodedText(utf8('encoded'))).toBe(true);
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
    expect(connection.sendFragment('late', true, callback)).toBe(false);
    expect(connection.ping(hex(''), callback)).toBe(false);
    expect(connection.pong(hex(''), callback)).toBe(false);
    expect(errors).toEqual(new Array(6).fill(new InvalidStateError('The connection is not open')));
    expect(connection.hasOutput).toBe(false);
  });

  it('counts the payload of messages until it is written: bufferedAmount (WHATWG WebSockets §3.1)', () => {
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
    connection.sendFragment('one', false);
    connection.ping(hex(''));
    connection.sendFragment('', false);
    connection.sendFragment('two', true);
    connection.sendFragment(hex('FE'), true);
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
    connection.sendFragment('one', false);
    expect(() => connection.sendText('other')).toThrow(InvalidStateError);
    expect(() => connection.sendBinary(hex('00'))).toThrow(InvalidStateError);
    const prepared = new PreparedMessage(nodePlatform, 'other');
    expect(() => connection.sendPrepared(prepared)).toThrow(InvalidStateError);
    connection.sendFragment('two', true);
    connection.sendText('other');
    expect(takeFrames(connection)).toEqual([
      'text -fin "one"',
      'continuation "two"',
      'text "other"',
    ]);
  });

  it('may be left off by a Close (RFC 6455 §5.4, §5.5.1)', () => {
    const { connection } = recordedConnection({ role });
    connection.sendFragment('one', false);
    connection.close(1000);
    expect(takeFrames(connection)).toEqual(['text -fin "one"', 'close 1000']);
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

  it('are all sent while output flows, and the newest only once it is stuck (RFC 6455 §5.5.3)', () => {
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
