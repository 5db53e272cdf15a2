/**
 * An outgoing message as a Writable: fragments, turns, text, compression, and what becomes of one
 * that is given up.
 */

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { describe, expect, it } from 'vitest';
import { Client } from '../../src/api/client.ts';
import { permessageDeflate } from '../../src/api/permessage-deflate.ts';
import {
  FRAGMENT_MAX_LENGTH,
  OutgoingMessageStream,
} from '../../src/node/outgoing-message-stream.ts';
import {
  type AnySocket,
  closed,
  endsOf,
  faceOpen,
  openPair,
  ROLES,
  serve,
  settle,
  until,
} from '../api/sockets.ts';
import { failure, write } from '../support/messages.ts';

const deflate = { options: { extensions: [permessageDeflate] } };
const compressed = { ...deflate, clientOptions: { extensions: [permessageDeflate] } };

describe.each(ROLES)('An outgoing message stream of the %s', (role) => {
  it('sends each chunk as a fragment, and an empty one at the end (RFC 6455 §5.4)', async () => {
    const { socket, peer } = await faceOpen(role);
    const message = socket.createMessageStream();
    await write(message, 'one');
    await write(message, Buffer.from('two'));
    message.end('three');
    await finished(message);
    expect(await peer.untilFrame('continuation ""')).toEqual([
      'binary -fin "one"',
      'continuation -fin "two"',
      'continuation -fin "three"',
      'continuation ""',
    ]);
  });

  it('is an empty message when nothing is written', async () => {
    const [socket, peer] = endsOf(await openPair(), role);
    const messages: unknown[] = [];
    peer.on('message', ({ data }) => messages.push(data));
    socket.createMessageStream({ binary: false }).end();
    socket.createMessageStream().end();
    await until(() => messages.length === 2);
    expect(messages).toEqual(['', Buffer.alloc(0)]);
  });

  it('divides a chunk that is longer than a fragment may be', async () => {
    const [socket, peer] = endsOf(await openPair(), role);
    const bytes = randomBytes(FRAGMENT_MAX_LENGTH * 3 + 5);
    const received = once(peer, 'message');
    const message = socket.createMessageStream();
    message.end(bytes);
    const [{ data }] = await received;
    expect(bytes.equals(data as Buffer)).toBe(true);
  });

  it('waits for the connection to open, in its turn', async () => {
    const sendAll = (socket: AnySocket): void => {
      socket.send('before');
      socket.createMessageStream({ binary: false }).end('streamed');
      socket.send('after');
    };
    const messages: unknown[] = [];
    const listen = (socket: AnySocket): unknown =>
      socket.on('message', ({ data }) => messages.push(data));
    const { url } = await serve({ onSocket: role === 'server' ? sendAll : listen });
    const client = new Client(url);
    if (role === 'server') listen(client);
    else sendAll(client);
    await until(() => messages.length === 3);
    expect(messages).toEqual(['before', 'streamed', 'after']);
  });

  it('lets other messages wait, in the order of the calls, and control frames pass', async () => {
    const [socket, peer] = endsOf(await openPair(), role);
    const messages: string[] = [];
    peer.on('message', ({ data }) => messages.push(String(data)));
    const first = socket.createMessageStream({ binary: false });
    await write(first, 'a1 ');
    socket.send('b');
    const second = socket.createMessageStream({ binary: false });
    const written = write(second, 'c1 ');
    socket.send('d');
    const ponged = new Promise<void>((resolve) => socket.ping('x', () => resolve()));
    await ponged;
    expect(messages).toEqual([]);
    first.end('a2');
    await written;
    await until(() => messages.length === 2);
    second.end('c2');
    await until(() => messages.length === 4);
    expect(messages).toEqual(['a1 a2', 'b', 'c1 c2', 'd']);
  });

  it('tells senders that wait behind it to stop, and when to go on', async () => {
    const options = { highWaterMark: 1000 };
    const pair = await openPair({ options, clientOptions: options });
    const [socket, peer] = endsOf(pair, role);
    const message = socket.createMessageStream();
    await write(message, 'x');
    expect(socket.send('y'.repeat(999))).toBe(true);
    expect(socket.send('z')).toBe(false);
    const drained = once(socket, 'drain');
    const received = once(peer, 'message');
    message.end();
    await drained;
    await received;
  });

  it('drops a connection whose waiting messages go over maxBufferedAmount', async () => {
    const options = { maxBufferedAmount: 1000 };
    const pair = await openPair({ options, clientOptions: options });
    const [socket] = endsOf(pair, role);
    const message = socket.createMessageStream();
    await write(message, 'x');
    const destroyed = failure(message);
    expect(socket.send('y'.repeat(1001))).toBe(false);
    expect((await destroyed).code).toBe('WS_BUFFERED_AMOUNT_EXCEEDED');
  });

  it('holds its writer back while the peer reads nothing', async () => {
    const [socket, peer] = endsOf(await openPair(), role);
    peer.pause();
    const message = socket.createMessageStream();
    const chunk = randomBytes(64 * 1024);
    let count = 0;
    let isWritten = true;
    while (isWritten) {
      isWritten = false;
      count++;
      message.write(chunk, () => {
        isWritten = true;
      });
      await settle();
    }
    expect(socket.bufferedAmount).toBeLessThanOrEqual(chunk.length);
    const received = once(peer, 'message');
    peer.resume();
    message.end();
    const [{ data }] = await received;
    expect((data as Buffer).length).toBe(count * chunk.length);
  });

  describe('of text', () => {
    it('joins surrogates that chunks divide, and replaces lone ones', async () => {
      const [socket, peer] = endsOf(await openPair(), role);
      const received = once(peer, 'message');
      const message = socket.createMessageStream({ binary: false });
      for (const chunk of ['a\ud83d', '\ude00', '\ud83d']) message.write(chunk);
      message.end();
      expect((await received)[0].data).toBe('a😀\ufffd');
    });

    it('takes bytes that are cut within a character', async () => {
      const [socket, peer] = endsOf(await openPair(), role);
      const received = once(peer, 'message');
      const message = socket.createMessageStream({ binary: false });
      for (const byte of Buffer.from('é😀')) message.write(Buffer.of(byte));
      message.end();
      expect((await received)[0].data).toBe('é😀');
    });

    it.each([
      ['bytes that are no UTF-8', Buffer.of(0xff), false],
      ['an end within a character', Buffer.of(0xc3), true],
    ])('refuses %s (RFC 6455 §8.1)', async (_name, bytes, isAtEnd) => {
      const [socket, peer] = endsOf(await openPair(), role);
      const message = socket.createMessageStream({ binary: false });
      const destroyed = failure(message);
      message.write('valid');
      message.write(bytes);
      if (isAtEnd) message.end();
      expect(await destroyed).toBeInstanceOf(TypeError);
      expect(await closed(peer)).toMatchObject({ code: 1011 });
    });
  });

  describe('with permessage-deflate', () => {
    it('compresses its fragments, and keeps the window for what follows', async () => {
      const pair = await openPair(compressed);
      const [socket, peer] = endsOf(pair, role);
      const messages: string[] = [];
      peer.on('message', ({ data }) => messages.push(String(data)));
      const text = 'the same words over and over '.repeat(2000);
      for (const round of ['first ', 'second ']) {
        const message = socket.createMessageStream({ binary: false });
        message.write(round);
        message.end(text);
        socket.send(`${round}whole`);
      }
      await until(() => messages.length === 4);
      expect(messages).toEqual([`first ${text}`, 'first whole', `second ${text}`, 'second whole']);
    });

    it('does not overtake a long message that is compressed in the thread pool', async () => {
      const [socket, peer] = endsOf(await openPair(compressed), role);
      const lengths: number[] = [];
      peer.on('message', ({ data }) => lengths.push((data as Buffer).length));
      socket.send(randomBytes(300_000));
      socket.createMessageStream().end('streamed');
      socket.send(randomBytes(100_000));
      socket.createMessageStream().end('streamed too');
      await until(() => lengths.length === 4);
      expect(lengths).toEqual([300_000, 8, 100_000, 12]);
    });

    it('lets others have their turn while its source is never out of chunks', async () => {
      const [socket, peer] = endsOf(await openPair(compressed), role);
      const received = once(peer, 'message');
      let turns = 0;
      let isDone = false;
      const count = (): void => {
        turns++;
        if (!isDone) setImmediate(count);
      };
      count();
      const chunk = Buffer.alloc(64 * 1024);
      await pipeline(Readable.from(Array(64).fill(chunk)), socket.createMessageStream());
      isDone = true;
      expect(turns).toBeGreaterThanOrEqual(32);
      await received;
    });

    it('can be empty, and end with an empty chunk', async () => {
      const [socket, peer] = endsOf(await openPair(compressed), role);
      const messages: string[] = [];
      peer.on('message', ({ data }) => messages.push(String(data)));
      socket.createMessageStream().end();
      const message = socket.createMessageStream();
      message.write('a');
      message.write('');
      message.end('');
      await until(() => messages.length === 2);
      expect(messages).toEqual(['', 'a']);
    });
  });

  describe('that is not completed', () => {
    it.each([
      ['with an error', new Error('the disk is gone')],
      ['without one', undefined],
    ])('fails the connection with 1011 when destroyed %s', async (_name, cause) => {
      const [socket, peer] = endsOf(await openPair(), role);
      const messages: unknown[] = [];
      peer.on('message', ({ data }) => messages.push(data));
      const error = once(socket, 'error');
      const theirs = closed(peer);
      const message = socket.createMessageStream();
      await write(message, 'a part');
      socket.send('behind it');
      message.on('error', () => {}).destroy(cause);
      expect((await error)[0].error).toMatchObject({ code: 'WS_INTERNAL' });
      if (cause !== undefined) expect((await error)[0].error.cause).toBe(cause);
      expect(await theirs).toMatchObject({ code: 1011 });
      expect(messages).toEqual([]);
    });

    it('fails the connection when what is piped into it fails', async () => {
      const [socket, peer] = endsOf(await openPair(), role);
      const theirs = closed(peer);
      const source = Readable.from(
        (async function* () {
          yield 'a part';
          throw new Error('the source failed');
        })(),
      );
      await expect(pipeline(source, socket.createMessageStream())).rejects.toThrow('the source');
      expect(await theirs).toMatchObject({ code: 1011 });
    });

    it('fails the connection when its signal is aborted', async () => {
      const [socket, peer] = endsOf(await openPair(), role);
      const theirs = closed(peer);
      const controller = new AbortController();
      const message = socket.createMessageStream({ signal: controller.signal });
      await write(message, 'a part');
      const destroyed = failure(message);
      controller.abort();
      expect((await destroyed).name).toBe('AbortError');
      expect(await theirs).toMatchObject({ code: 1011 });
    });

    it('leaves no trace when it had not begun', async () => {
      const [socket, peer] = endsOf(await openPair(), role);
      const received = once(peer, 'message');
      const active = socket.createMessageStream();
      await write(active, 'first');
      const waiting = socket.createMessageStream();
      waiting.on('error', () => {}).write('second');
      socket.createMessageStream().destroy();
      waiting.destroy(new Error('changed my mind'));
      active.end();
      expect(String((await received)[0].data)).toBe('first');
      const next = once(peer, 'message');
      socket.send('third');
      expect((await next)[0].data).toBe('third');
    });

    it('delays close() until it ends', async () => {
      const [socket, peer] = endsOf(await openPair(), role);
      const received = once(peer, 'message');
      const message = socket.createMessageStream();
      await write(message, 'one ');
      socket.close(4000, 'done');
      expect(socket.readyState).toBe(2);
      expect(socket.send('too late')).toBe(false);
      const theirs = closed(peer);
      message.end('two');
      expect(String((await received)[0].data)).toBe('one two');
      expect(await theirs).toMatchObject({ code: 4000, reason: 'done', wasClean: true });
    });

    it('is given up by close() after closeTimeout', async () => {
      const options = { closeTimeout: 20 };
      const pair = await openPair({ options, clientOptions: options });
      const [socket, peer] = endsOf(pair, role);
      const message = socket.createMessageStream();
      await write(message, 'never ends');
      const destroyed = failure(message);
      const theirs = closed(peer);
      socket.close();
      expect((await destroyed).code).toBe('WS_INVALID_STATE');
      expect(await theirs).toMatchObject({ code: 1006 });
    });

    it('is destroyed with an error when the connection is lost', async () => {
      const [socket, peer] = endsOf(await openPair(), role);
      const message = socket.createMessageStream();
      await write(message, 'a part');
      const waiting = socket.createMessageStream();
      waiting.write('behind');
      const failures = Promise.all([failure(message), failure(waiting)]);
      peer.terminate();
      for (const error of await failures) expect(error).toBeInstanceOf(Error);
    });

    it('does not end the process when the connection is lost and nobody listens', async () => {
      const [socket, peer] = endsOf(await openPair(), role);
      const message = socket.createMessageStream();
      await write(message, 'a part');
      const over = new Promise((resolve) => message.on('close', resolve));
      peer.terminate();
      await over;
      expect(message.destroyed).toBe(true);
    });

    it('does not end the process when what is piped into it is no text', async () => {
      const [socket, peer] = endsOf(await openPair(), role);
      const message = socket.createMessageStream({ binary: false });
      Readable.from([Buffer.of(0xff)]).pipe(message);
      await new Promise((resolve) => message.on('close', resolve));
      expect(message.errored).toBeInstanceOf(TypeError);
      peer.close();
      await closed(socket);
    });

    it('is refused on a connection that is closing', async () => {
      const [socket] = endsOf(await openPair(), role);
      socket.close();
      const message = socket.createMessageStream();
      const destroyed = failure(message);
      message.write('too late');
      expect((await destroyed).code).toBe('WS_INVALID_STATE');
      await closed(socket);
    });
  });
});

describe('An outgoing message stream with a least length of fragments', () => {
  /** A stream, and the fragments that leave it: a line each, `…` where more follow. */
  function gathering(minFragmentLength: number, binary = true) {
    const fragments: string[] = [];
    const abandoned: Error[] = [];
    const stream = new OutgoingMessageStream(
      {
        requestTurn: (taker) => taker.takeTurn(),
        sendPiece: (_taker, bytes, isLast, _isText, callback) => {
          fragments.push(`${Buffer.from(bytes).toString()}${isLast ? '' : '…'}`);
          callback?.();
          return true;
        },
        leaveTurn: (_taker, cause) => {
          if (cause !== undefined && fragments.at(-1)?.endsWith('…')) abandoned.push(cause);
        },
      },
      { binary },
      minFragmentLength,
    );
    return { stream, fragments, abandoned };
  }

  it('gathers chunks until they are as long, and ends with what is left', async () => {
    const { stream, fragments } = gathering(4);
    for (const chunk of ['ab', 'c', 'def', 'ghijkl', 'm']) stream.write(chunk);
    stream.end();
    await finished(stream);
    expect(fragments).toEqual(['abcdef…', 'ghijkl…', 'm']);
  });

  it('divides a long chunk into fragments that are all as long, and not much longer', async () => {
    for (const minLength of [1, FRAGMENT_MAX_LENGTH, FRAGMENT_MAX_LENGTH * 4]) {
      const { stream, fragments } = gathering(minLength);
      const length = FRAGMENT_MAX_LENGTH * 20 + 5;
      stream.write(Buffer.alloc(length, 'x'));
      stream.end();
      await finished(stream);
      expect(fragments.pop()).toBe('');
      const lengths = fragments.map((fragment) => fragment.length - 1);
      expect(lengths.reduce((sum, each) => sum + each, 0)).toBe(length);
      expect(Math.min(...lengths)).toBeGreaterThanOrEqual(minLength);
      expect(Math.max(...lengths)).toBeLessThan(Math.max(minLength, FRAGMENT_MAX_LENGTH) * 2);
    }
  });

  it('sends a message that never gets as long in one frame', async () => {
    const { stream, fragments } = gathering(100);
    stream.write('a');
    stream.end('b');
    await finished(stream);
    expect(fragments).toEqual(['ab']);
  });

  it('lets the writer use its memory again once it was called back', async () => {
    const { stream, fragments } = gathering(100);
    const memory = Buffer.from('first');
    await write(stream, memory);
    memory.fill('x');
    stream.end('!');
    await finished(stream);
    expect(fragments).toEqual(['first!']);
  });

  it('sends text, too, with a character that chunks divide', async () => {
    const { stream, fragments } = gathering(3, false);
    stream.write('a\ud83d');
    stream.write('\ude00');
    stream.end('\ud800');
    await finished(stream);
    expect(fragments).toEqual(['a😀…', '\ufffd']);
  });

  it('leaves no trace when it is destroyed before its first fragment', async () => {
    const { stream, fragments, abandoned } = gathering(100);
    await write(stream, 'gathered');
    stream.destroy();
    await once(stream, 'close');
    expect([fragments, abandoned]).toEqual([[], []]);
  });

  it('fails the message when it is destroyed after it', async () => {
    const { stream, abandoned } = gathering(1);
    await write(stream, 'sent');
    const over = new Promise((resolve) => stream.on('close', resolve));
    stream.destroy(new Error('lost'));
    await over;
    expect(abandoned).toEqual([new Error('lost')]);
  });
});

describe('A write that waits for the turn of its message', () => {
  it.each([
    ['its stream is destroyed', (_: Client, message: OutgoingMessageStream) => message.destroy()],
    ['the connection is dropped', (client: Client) => client.terminate()],
  ])('is called back once, with an error, when %s', async (_, end) => {
    const { client } = await openPair();
    client.createMessageStream().write('a message that does not end');
    const message = client.createMessageStream();
    const outcomes: string[] = [];
    message.write('first', (error) => outcomes.push(`first ${error?.name}`));
    message.write('second', (error) => outcomes.push(`second ${error?.name}`));
    end(client, message);
    await until(() => outcomes.length === 2);
    await settle();
    expect(outcomes).toEqual([
      'first InvalidStateError',
      expect.stringMatching(/^second .*Error$/),
    ]);
  });
});
