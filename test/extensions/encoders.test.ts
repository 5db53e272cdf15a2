import { describe, expect, it } from 'vitest';
import type { Connection } from '../../src/connection/connection.ts';
import type { Role } from '../../src/connection/options.ts';
import type { WebSocketError } from '../../src/errors.ts';
import type { DeflateOptions } from '../../src/extensions/permessage-deflate/options.ts';
import { LONG_MESSAGE_LENGTH } from '../../src/extensions/permessage-deflate/session.ts';
import { PreparedMessage } from '../../src/extensions/prepared-message.ts';
import { nodePlatform } from '../../src/node/node-platform.ts';
import { usesZlibHandle } from '../../src/node/zlib-codec.ts';
import { frameTo } from '../support/frames.ts';
import { concat, hex, utf8 } from '../support/hex.ts';
import { sendFragment } from '../support/send-fragment.ts';
import { CountingCodec } from './counting-codec.ts';
import {
  agree,
  type ExtendedOptions,
  type ExtendedPair,
  extendedConnection,
  extendedPair,
  ownDeflate,
  RSV1,
  shuttle,
  takeRawFrames,
} from './extended-connections.ts';
import { referenceInflateMessage } from './reference-inflate.ts';
import { noise, records } from './sample-data.ts';

const ROLES: readonly Role[] = ['client', 'server'];
const LONG = 'long '.repeat(LONG_MESSAGE_LENGTH / 5 + 1);
const OTHER_LONG = 'other '.repeat(LONG_MESSAGE_LENGTH / 6 + 1);

/** A pair whose thread pool answers when the test says so. */
function heldPair(
  role: Role,
  options: DeflateOptions = {},
): ExtendedPair & { codec: CountingCodec } {
  const codec = new CountingCodec();
  codec.holdsLater = true;
  const extension = ownDeflate(codec).configure(options);
  return { ...extendedPair({ role, client: [extension], server: [extension] }), codec };
}

function sendInFragments(connection: Connection, pieces: readonly string[]): void {
  for (const [index, piece] of pieces.entries()) {
    sendFragment(connection, piece, index === pieces.length - 1);
  }
}

/** What a pair's far end got, in short. */
function received({ far }: ExtendedPair): string[] {
  return far.handler.log.map((line) => (line.length > 40 ? `${line.slice(0, 12)}…` : line));
}

describe.each(ROLES)('Long messages, compressed in the thread pool, of a %s', (role) => {
  it('keep their order with small ones, fragments and plain ones behind them', () => {
    const pair = heldPair(role);
    const { connection } = pair.near;
    connection.sendText('first');
    connection.sendText(LONG);
    connection.sendText('small');
    connection.sendText('plain', undefined, false);
    sendFragment(connection, 'in ', false);
    sendFragment(connection, 'fragments', true);
    connection.sendText(OTHER_LONG);
    connection.sendPrepared(new PreparedMessage(nodePlatform, 'prepared'));
    connection.sendText('last');
    shuttle(pair);
    expect(received(pair)).toEqual(['text "first"']);
    pair.codec.held[0]!.answer();
    shuttle(pair);
    expect(received(pair).at(-1)).toBe('text "in fragments"');
    pair.codec.held[1]!.answer();
    shuttle(pair);
    expect(received(pair)).toEqual([
      'text "first"',
      'text "long l…',
      'text "small"',
      'text "plain"',
      'text "in fragments"',
      'text "other …',
      'text "prepared"',
      'text "last"',
    ]);
  });

  it('let the answer to a Ping pass (RFC 6455 §5.5), and keep what is sent in its order', () => {
    const pair = heldPair(role);
    pair.near.connection.sendText(LONG);
    pair.near.connection.ping(hex('01'));
    pair.far.connection.ping(hex('02'));
    shuttle(pair);
    expect(pair.far.handler.log).toEqual(['pong hex 02']);
    pair.codec.held[0]!.answer();
    shuttle(pair);
    expect(received(pair).slice(-2)).toEqual(['text "long l…', 'ping hex 01']);
  });

  it('go before our Close, which waits for them (RFC 6455 §5.5.1)', () => {
    const pair = heldPair(role);
    const { connection, handler } = pair.near;
    connection.sendText(LONG);
    connection.sendText('last');
    connection.close(1000, 'bye');
    expect(connection.isOpen).toBe(false);
    expect(handler.closingCount).toBe(1);
    connection.close(4000, 'again');
    expect(connection.sendText('too late')).toBe(false);
    expect(connection.hasOutput).toBe(false);
    pair.codec.held[0]!.answer();
    shuttle(pair);
    expect(received(pair)).toEqual(['text "long l…', 'text "last"']);
    expect(pair.far.connection.closeReceived).toEqual({ code: 1000, reason: 'bye' });
    expect(connection.closeReceived).toEqual({ code: 1000, reason: 'bye' });
  });

  it('go before our answer to the peer’s Close', () => {
    const pair = heldPair(role);
    pair.near.connection.sendText(LONG);
    pair.far.connection.close(1001);
    shuttle(pair);
    expect(pair.near.connection.closeSent).toBeUndefined();
    expect(pair.near.connection.closeReceived).toEqual({ code: 1001, reason: '' });
    pair.codec.held[0]!.answer();
    shuttle(pair);
    expect(received(pair)).toEqual(['text "long l…']);
    expect(pair.far.connection.closeReceived).toEqual({ code: 1001, reason: '' });
  });

  it('count as buffered by their length until they are written (WHATWG WebSockets §3.1)', () => {
    const pair = heldPair(role);
    const { connection } = pair.near;
    connection.sendText(LONG);
    connection.sendText('small');
    expect(connection.bufferedAmount).toBe(LONG.length + 5);
    pair.codec.held[0]!.answer();
    expect(connection.bufferedAmount).toBe(LONG.length + 5);
    connection.takeOutput();
    expect(connection.bufferedAmount).toBe(LONG.length + 5);
    connection.outputWritten();
    expect(connection.bufferedAmount).toBe(0);
  });

  it('stay counted when they are lost', () => {
    for (const end of ['transportClosed', 'fail'] as const) {
      const pair = heldPair(role);
      const { connection } = pair.near;
      connection.sendText(LONG);
      connection.sendText('small');
      if (end === 'fail') connection.receive(hex('F0 00'));
      else connection.transportClosed();
      expect(connection.bufferedAmount).toBe(LONG.length + 5);
      expect(received(pair)).toEqual([]);
    }
  });

  it('hold the sender back, and let it go on: false, then drain', () => {
    const codec = new CountingCodec();
    codec.holdsLater = true;
    const extension = ownDeflate(codec);
    const { connection, handler } = extendedConnection(
      role,
      agree([extension], [extension])[role],
      {
        highWaterMark: LONG.length + 1,
      },
    );
    expect(connection.sendText(LONG)).toBe(true);
    expect(connection.sendText(LONG)).toBe(false);
    codec.held.shift()!.answer();
    takeRawFrames(connection);
    expect(handler.log).toEqual([]);
    codec.held.shift()!.answer();
    takeRawFrames(connection);
    expect(handler.log).toEqual(['drain']);
  });

  it('drop the connection when more than maxBufferedAmount waits', () => {
    const codec = new CountingCodec();
    codec.holdsLater = true;
    const extension = ownDeflate(codec);
    const { connection, handler } = extendedConnection(
      role,
      agree([extension], [extension])[role],
      {
        maxBufferedAmount: LONG.length + 1,
      },
    );
    const errors: (Error | undefined)[] = [];
    connection.sendText(LONG, (error) => errors.push(error));
    connection.sendText(LONG, (error) => errors.push(error));
    expect(handler.log).toEqual(['error WS_BUFFERED_AMOUNT_EXCEEDED']);
    expect(errors.map((error) => (error as WebSocketError).code)).toEqual([
      'WS_BUFFERED_AMOUNT_EXCEEDED',
      'WS_BUFFERED_AMOUNT_EXCEEDED',
    ]);
  });

  it('call each callback once and in order, also where one function is given to all', () => {
    const pair = heldPair(role);
    const { connection } = pair.near;
    const called: string[] = [];
    let sharedCount = 0;
    const shared = (): number => sharedCount++;
    connection.sendText('first', () => called.push('first'));
    connection.sendText(LONG, () => called.push('long'));
    connection.sendText('second', shared);
    connection.sendText(OTHER_LONG, shared);
    connection.sendText('third', () => called.push('third'));
    sendFragment(connection, 'fourth', true, () => called.push('fourth'));
    shuttle(pair);
    expect(called).toEqual(['first']);
    pair.codec.held[0]!.answer();
    pair.codec.held[1]!.answer();
    expect([called.length, sharedCount]).toEqual([1, 0]);
    shuttle(pair);
    expect(called).toEqual(['first', 'long', 'third', 'fourth']);
    expect(sharedCount).toBe(2);
  });

  it('call each callback once, in order and with the error when the connection ends', () => {
    const pair = heldPair(role);
    const { connection } = pair.near;
    const errors: string[] = [];
    const shared = (error?: Error): void => void errors.push(error?.name ?? 'none');
    connection.sendText('queued', (error) => errors.push(`queued ${error?.name}`));
    connection.sendText(LONG, shared);
    connection.sendText('small', shared);
    connection.sendText(OTHER_LONG, shared);
    connection.transportClosed();
    const name = 'InvalidStateError';
    expect(errors).toEqual([`queued ${name}`, name, name, name]);
  });

  it('may come too late: answers and errors after the end are nobody’s business', () => {
    for (const end of ['closed', 'failed', 'abandoned'] as const) {
      const pair = heldPair(role);
      const { connection, handler } = pair.near;
      let callCount = 0;
      connection.sendText(LONG, () => callCount++);
      connection.sendText(OTHER_LONG, () => callCount++);
      const [job] = pair.codec.held;
      if (end === 'failed') connection.receive(frameTo(role, { opcode: 'text', rsv: 1 }));
      if (end === 'abandoned') connection.abandon();
      connection.transportClosed();
      expect(callCount).toBe(2);
      const log = [...handler.log];
      job!.answer();
      job!.fail(new Error('zlib: too late'));
      expect(pair.codec.held).toEqual([]);
      expect(callCount).toBe(2);
      expect(handler.log).toEqual(log);
      expect(log.at(-1)).toBe('close 1006 unclean');
    }
  });

  it('fail the connection when zlib does: one error, 1011, and no detail on the wire', () => {
    const pair = heldPair(role);
    const { connection, handler } = pair.near;
    const errors: (Error | undefined)[] = [];
    connection.sendText(LONG, (error) => errors.push(error));
    connection.sendText('behind', (error) => errors.push(error));
    pair.codec.held[0]!.fail(new Error('zlib: out of memory'));
    expect(handler.log).toEqual(['error WS_INTERNAL']);
    expect(errors).toEqual([handler.errors[0], handler.errors[0]]);
    expect(takeRawFrames(connection)).toMatchObject([{ opcode: 8, payload: hex('03 F3') }]);
  });

  it('go through zlib’s own thread pool, in order', async () => {
    const extension = ownDeflate(new CountingCodec());
    const pair = extendedPair({ role, client: [extension], server: [extension] });
    const texts = Array.from({ length: 30 }, (_, index) =>
      records(index % 3 === 0 ? 200_000 : 50, `${index}`),
    );
    const written = new Promise<void>((resolve) => {
      texts.forEach((text, index) => {
        pair.near.connection.sendText(
          text,
          index === texts.length - 1 ? () => resolve() : undefined,
        );
      });
      pair.near.handler.react = (event) => {
        if (event === 'output') setImmediate(() => shuttle(pair));
      };
    });
    await written;
    expect(pair.far.handler.log).toEqual(texts.map((text) => `text ${JSON.stringify(text)}`));
  });
});

describe.each(ROLES)('A codec that has no memory for a compressor, at a %s', (role) => {
  it('fails the connection: one error, 1011, and each callback gets it', () => {
    type Send = (connection: Connection, callback: (error?: Error) => void) => void;
    const sends: readonly Send[] = [
      (connection, callback) => connection.sendText(records(100), callback),
      (connection, callback) =>
        connection.sendPrepared(new PreparedMessage(nodePlatform, records(100)), callback),
      (connection, callback) => sendFragment(connection, records(100), true, callback),
    ];
    for (const send of sends) {
      for (const waits of [false, true]) {
        const codec = new CountingCodec();
        const extension = ownDeflate(codec);
        const sessions = agree([extension], [extension])[role];
        const { connection, handler } = extendedConnection(role, sessions);
        codec.createDeflater = () => {
          throw new Error('out of memory');
        };
        const errors: (Error | undefined)[] = [];
        let answer = (): void => {};
        const read = (done: (error: undefined, bytes: Uint8Array) => void): void => {
          answer = () => done(undefined, utf8(''));
        };
        if (waits) connection.sendLater(0, read, undefined, { isText: true });
        send(connection, (error) => errors.push(error));
        answer();
        expect(handler.log).toEqual(['error WS_INTERNAL']);
        expect(errors).toEqual([handler.errors[0]]);
        expect(connection.sendText('behind', (error) => errors.push(error))).toBe(false);
        expect(errors.length).toBe(2);
        const close = takeRawFrames(connection).at(-1);
        expect(close).toMatchObject({ opcode: 8, payload: hex('03 F3') });
        connection.transportClosed();
        expect(codec.deflaters.live).toBe(0);
      }
    }
  });
});

describe('Messages that an extension leaves no shorter', () => {
  it('keep the context in step: what follows does not refer to them', () => {
    const extension = ownDeflate(new CountingCodec());
    const pair = extendedPair({ client: [extension], server: [extension] });
    const messages = [
      records(1_000),
      'x',
      records(1_000),
      'short',
      records(900),
      'a',
      records(1_000),
    ];
    for (const text of messages) pair.near.connection.sendText(text);
    for (let count = 0; count < 3; count++)
      pair.near.connection.sendBinary(noise(3_000, `${count}`));
    for (const text of messages) pair.near.connection.sendText(text);
    shuttle(pair);
    expect(pair.far.handler.errors).toEqual([]);
    const texts = pair.far.handler.log.filter((line) => line.startsWith('text'));
    expect(texts).toEqual([...messages, ...messages].map((text) => `text ${JSON.stringify(text)}`));
  });
});

describe('Prepared messages', () => {
  const prepared = (length = 1_000): PreparedMessage =>
    new PreparedMessage(nodePlatform, records(length));
  const serverOn = (codec: CountingCodec, options: DeflateOptions = {}) => {
    const extension = ownDeflate(codec).configure(options);
    return extendedPair({ client: [extension], server: [extension] });
  };

  it('are compressed once for each set of parameters, however many they are sent to', () => {
    const codec = new CountingCodec();
    const message = prepared();
    const options = [{}, { level: 1 }, { maxWindowBits: 10 }, { maxWindowBits: 10, level: 1 }];
    const lengths = new Set<number>();
    for (const each of options) {
      for (let count = 0; count < 10; count++) {
        const pair = serverOn(codec, each);
        pair.near.connection.sendPrepared(message);
        const [frame] = takeRawFrames(pair.near.connection);
        expect(frame!.rsv).toBe(RSV1);
        const { output } = referenceInflateMessage(frame!.payload);
        expect(Buffer.compare(output, message.payload)).toBe(0);
        lengths.add(frame!.payload.length);
      }
    }
    expect(codec.deflateCount).toBe(options.length);
    expect(lengths.size).toBeGreaterThan(1);
  });

  it('leave the context of the connection in step, in the middle of its messages', () => {
    const pair = serverOn(new CountingCodec());
    const message = prepared();
    const expected: string[] = [];
    for (let round = 0; round < 4; round++) {
      pair.near.connection.sendText(records(800));
      pair.near.connection.sendPrepared(message);
      pair.near.connection.sendText(records(800));
      expected.push(records(800), records(1_000), records(800));
    }
    shuttle(pair);
    expect(pair.far.handler.log).toEqual(expected.map((text) => `text ${JSON.stringify(text)}`));
  });

  it('are sent as they are where they get no shorter, or are too short to be tried', () => {
    const codec = new CountingCodec();
    const pair = serverOn(codec, { threshold: 100 });
    const messages = [noise(1_000), noise(99)].map(
      (data) => new PreparedMessage(nodePlatform, data),
    );
    for (const message of messages) {
      pair.near.connection.sendPrepared(message);
      pair.near.connection.sendPrepared(message);
    }
    const frames = takeRawFrames(pair.near.connection);
    expect(frames.map(({ rsv, payload }) => [rsv, payload.length])).toEqual([
      [0, 1_000],
      [0, 1_000],
      [0, 99],
      [0, 99],
    ]);
    expect(codec.deflateCount).toBe(1);
  });

  it('are compressed by each client for itself, with its own context and its own masks', () => {
    const codec = new CountingCodec();
    const extension = ownDeflate(codec);
    const pair = extendedPair({ role: 'client', client: [extension], server: [extension] });
    const message = prepared();
    pair.near.connection.sendPrepared(message);
    pair.near.connection.sendPrepared(message);
    const [first, second] = takeRawFrames(pair.near.connection);
    expect([first!.isMasked, second!.isMasked]).toEqual([true, true]);
    expect(second!.payload.length).toBeLessThan(first!.payload.length / 4);
  });

  describe('that are long', () => {
    const heldServers = (count: number, options: ExtendedOptions = {}) => {
      const codec = new CountingCodec();
      codec.holdsLater = true;
      const extension = ownDeflate(codec);
      const sessions = () => agree([extension], [extension]).server;
      const servers = Array.from({ length: count }, () =>
        extendedConnection('server', sessions(), options),
      );
      return { codec, servers };
    };
    const message = (): PreparedMessage => prepared(LONG_MESSAGE_LENGTH * 2);

    it('are compressed by the next who waits when the first is gone, and by nobody twice', () => {
      const { codec, servers } = heldServers(3);
      const [first, second, third] = servers.map(({ connection }) => connection);
      const long = message();
      const lost: (Error | undefined)[] = [];
      for (const connection of [first!, second!, third!]) {
        connection.sendPrepared(long, (error) => lost.push(error));
      }
      first!.transportClosed();
      expect(codec.laterCount).toBe(2);
      third!.abandon();
      expect([codec.laterCount, codec.held.length]).toEqual([2, 1]);
      expect(lost.map((error) => error?.name)).toEqual(['InvalidStateError', 'InvalidStateError']);
      codec.held[0]!.answer();
      const [frame] = takeRawFrames(second!);
      expect(Buffer.compare(referenceInflateMessage(frame!.payload).output, long.payload)).toBe(0);
      expect(lost.length).toBe(3);
      expect([takeRawFrames(first!), takeRawFrames(third!)]).toEqual([[], []]);
    });

    it('reach everyone, whatever one application throws', () => {
      const fail = (): never => {
        throw new Error('of the application');
      };
      for (const fails of [false, true]) {
        const { codec, servers } = heldServers(3);
        const long = message();
        for (const { connection } of servers) {
          connection.sendPrepared(long);
          connection.sendLater(1, () => fail(), undefined, { isText: true });
        }
        for (const { handler } of servers) {
          handler.react = (line) => line.startsWith('error') && fail();
        }
        const settle = (): void =>
          fails ? codec.held[0]!.fail(new Error('zlib')) : codec.held[0]!.answer();
        expect(settle).toThrow('of the application');
        for (const { connection, handler } of servers) {
          expect(handler.log).toEqual(fails ? ['error WS_INTERNAL'] : []);
          expect(takeRawFrames(connection).map(({ opcode }) => opcode)).toEqual([fails ? 8 : 1]);
        }
      }
    });
  });

  it('cost the connection nothing when they are refused', () => {
    const codec = new CountingCodec();
    const pair = serverOn(codec);
    sendFragment(pair.near.connection, 'begun, ', false);
    expect(() => pair.near.connection.sendPrepared(prepared())).toThrow('A fragmented message');
    sendFragment(pair.near.connection, 'ended', true);
    pair.near.connection.close();
    expect(pair.near.connection.sendPrepared(prepared())).toBe(false);
    shuttle(pair);
    expect(pair.far.handler.log).toEqual(['text "begun, ended"']);
  });
});

describe.each(ROLES)('Fragments that a %s sends compressed', (role) => {
  it('have RSV1 on the first frame only, and are whole when their frame is (RFC 7692 §6.1)', () => {
    const extension = ownDeflate(new CountingCodec());
    const pair = extendedPair({
      role,
      client: [extension],
      server: [extension],
      far: { isStreaming: true },
    });
    const arrived: string[] = [];
    pair.far.handler.onMessageData = (bytes) => void arrived.push(Buffer.from(bytes).toString());
    for (const [piece, isLast] of [
      ['one, ', false],
      ['', false],
      ['two', false],
      ['', true],
    ] as const) {
      sendFragment(pair.near.connection, piece, isLast);
      const frames = takeRawFrames(pair.near.connection);
      expect(frames.map(({ rsv, opcode, fin }) => [rsv, opcode, fin])).toEqual([
        piece === 'one, ' ? [RSV1, 1, false] : [0, 0, isLast],
      ]);
      const [frame] = frames;
      pair.far.connection.receive(
        frameTo(pair.far.connection.role, {
          opcode: frame!.opcode,
          rsv: frame!.rsv,
          fin: frame!.fin,
          payload: frame!.payload,
        }),
      );
    }
    // The documented functions of zlib cannot decompress a part of a message.
    expect(arrived).toEqual(usesZlibHandle() ? ['one, ', 'two'] : ['one, two']);
  });

  it('show the peer nothing but the message, however little there is left to send', () => {
    const extension = ownDeflate(new CountingCodec());
    const pair = extendedPair({ role, client: [extension], server: [extension] });
    const { connection } = pair.near;
    connection.sendText(records(5_000, 'what lay about'));
    takeRawFrames(connection);
    for (const pieces of [
      ['', ''],
      ['', '', ''],
      ['a', ''],
      ['', 'a', '', ''],
    ]) {
      sendInFragments(connection, pieces);
    }
    const frames = takeRawFrames(connection);
    expect(Math.max(...frames.map(({ payload }) => payload.length))).toBeLessThan(10);
  });

  it('carry on the context before them and after them', () => {
    const extension = ownDeflate(new CountingCodec());
    const pair = extendedPair({ role, client: [extension], server: [extension] });
    const { connection } = pair.near;
    const texts: string[] = [];
    for (let round = 0; round < 5; round++) {
      const pieces = [records(500), records(0), records(300, 'other'), ''];
      sendInFragments(connection, pieces);
      connection.sendText(records(700));
      texts.push(pieces.join(''), records(700));
    }
    const bytes = concat(connection.takeOutput());
    connection.outputWritten();
    expect(bytes.length).toBeLessThan(1_500);
    pair.far.connection.receive(bytes);
    expect(pair.far.handler.log).toEqual(texts.map((text) => `text ${JSON.stringify(text)}`));
  });
});
