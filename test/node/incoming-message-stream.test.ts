/**
 * An incoming message as a Readable: pieces while it arrives, backpressure, limits, and streams
 * that are left half way.
 */

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, expect, it } from 'vitest';
import { permessageDeflate } from '../../src/api/permessage-deflate.ts';
import { LIMITS } from '../../src/limits.ts';
import type { IncomingMessageStream } from '../../src/node/incoming-message-stream.ts';
import { usesZlibHandle } from '../../src/node/zlib-codec.ts';
import {
  type AnySocket,
  closed,
  endsOf,
  faceOpen,
  openPair,
  ROLES,
  settle,
  until,
} from '../api/sockets.ts';
import { failure, nextStream, readAll, write } from '../support/messages.ts';

const compressed = {
  options: { extensions: [permessageDeflate], maxLength: Infinity },
  clientOptions: { extensions: [permessageDeflate], maxLength: Infinity },
};

/** Reads every message to its end, and writes it down. */
function logStreams(socket: AnySocket): string[] {
  const log: string[] = [];
  socket.on('messagestream', async (stream) => {
    const content = await readAll(stream);
    log.push(`${stream.isText ? 'text' : 'binary'} ${content}`);
  });
  return log;
}

describe.each(ROLES)('An incoming message stream of the %s', (role) => {
  it('begins with the message, and gives its pieces as they come', async () => {
    const { socket, peer } = await faceOpen(role);
    const begun = nextStream(socket);
    peer.send({ opcode: 'text', fin: false, payload: 'one' });
    const stream = await begun;
    expect([stream.isText, stream.isBinary]).toEqual([true, false]);
    expect((await once(stream, 'data'))[0]).toEqual(Buffer.from('one'));
    peer.send({ opcode: 'continuation', fin: false, payload: 'two' });
    expect((await once(stream, 'data'))[0]).toEqual(Buffer.from('two'));
    peer.send({ opcode: 'continuation', payload: '' });
    await once(stream, 'end');
  });

  it('takes the place of message and data events, while there is a listener', async () => {
    const [socket, peer] = endsOf(await openPair(), role);
    const whole: unknown[] = [];
    socket.on('message', ({ data }) => whole.push(data));
    socket.on('data', (data) => whole.push(data));
    const begun = nextStream(socket);
    for (const text of ['a', 'b', 'c']) peer.send(text);
    expect(String(await readAll(await begun))).toBe('a');
    await until(() => whole.length === 4);
    expect(whole).toEqual(['b', 'b', 'c', 'c']);
    const log = logStreams(socket);
    peer.send(Buffer.from('d'));
    peer.send('');
    await until(() => log.length === 2);
    expect(log.sort()).toEqual(['binary d', 'text ']);
    expect(whole.length).toBe(4);
  });

  it.each(['addListener', 'prependListener', 'addEventListener', 'once'] as const)(
    'is asked for with %s, too',
    async (method) => {
      const [socket, peer] = endsOf(await openPair(), role);
      const stream = new Promise<IncomingMessageStream>((resolve) => {
        const listen = socket[method] as AnySocket['on'];
        listen.call(socket, 'messagestream', resolve as () => void);
      });
      peer.send('a');
      expect(String(await readAll(await stream))).toBe('a');
    },
  );

  it('can be asked for before the connection is open', async () => {
    const log: string[][] = [];
    const { peer } = await faceOpen(role, { onSocket: (socket) => log.push(logStreams(socket)) });
    peer.send({ opcode: 'binary', payload: 'early' });
    await until(() => log[0]?.length === 1);
    expect(log).toEqual([['binary early']]);
  });

  it('gives whole characters after setEncoding', async () => {
    const { socket, peer } = await faceOpen(role);
    const begun = nextStream(socket);
    const bytes = Buffer.from('é😀');
    peer.send({ opcode: 'text', fin: false, payload: bytes.subarray(0, 1) });
    const stream = (await begun).setEncoding('utf8');
    const pieces: unknown[] = [];
    stream.on('data', (piece) => pieces.push(piece));
    for (const byte of bytes.subarray(1)) {
      peer.send({ opcode: 'continuation', fin: false, payload: Buffer.of(byte) });
    }
    peer.send({ opcode: 'continuation', payload: '' });
    await once(stream, 'end');
    expect(pieces).toEqual(['é', '😀']);
  });

  it('stops the socket while nobody reads, and reads on', async () => {
    const [socket, peer] = endsOf(await openPair(), role);
    const begun = nextStream(socket);
    const bytes = randomBytes(4 * 2 ** 20);
    peer.send(bytes);
    const stream = await begun;
    await until(() => socket.isPaused);
    await settle();
    expect(stream.readableLength).toBeLessThanOrEqual(stream.readableHighWaterMark + 2 ** 16);
    expect((await readAll(stream)).equals(bytes)).toBe(true);
    expect(socket.isPaused).toBe(false);
  });

  it('does not take back a pause of the application', async () => {
    const [socket, peer] = endsOf(await openPair(), role);
    const begun = nextStream(socket);
    const bytes = randomBytes(2 ** 20);
    peer.send(bytes);
    const stream = await begun;
    await until(() => socket.isPaused);
    socket.pause();
    stream.resume();
    await settle();
    expect(socket.isPaused).toBe(true);
    expect(stream.readableEnded).toBe(false);
    socket.resume();
    await once(stream, 'end');
  });

  it('stops the socket when too many streams are not read, and loses none', async () => {
    const [socket, peer] = endsOf(await openPair(), role);
    const streams: IncomingMessageStream[] = [];
    socket.on('messagestream', (stream) => streams.push(stream));
    for (let count = 0; count < 50; count++) peer.send(`${count}`);
    await until(() => socket.isPaused);
    await settle();
    expect(streams.length).toBe(LIMITS.openMessageStreams.default);
    const contents: string[] = [];
    for (let count = 0; count < 50; count++) {
      await until(() => streams.length > count);
      contents.push(String(await readAll(streams[count]!)));
    }
    expect(contents).toEqual(Array.from({ length: 50 }, (_, count) => `${count}`));
  });

  it('is bounded by maxLength: 1009', async () => {
    const options = { maxLength: 10 };
    const { socket, peer } = await faceOpen(role, {
      serverOptions: options,
      clientOptions: options,
    });
    const begun = nextStream(socket);
    peer.send({ opcode: 'text', fin: false, payload: '12345678' });
    const stream = await begun;
    const destroyed = failure(stream);
    peer.send({ opcode: 'continuation', fin: false, payload: '123' });
    expect((await destroyed).code).toBe('WS_MESSAGE_TOO_LONG');
    await peer.untilFrame('close 1009');
  });

  // The documented functions of zlib want a message whole.
  it.runIf(usesZlibHandle())('is decompressed as it comes, with backpressure', async () => {
    const [socket, peer] = endsOf(await openPair(compressed), role);
    const begun = nextStream(socket);
    const text = 'the same words over and over '.repeat(100_000);
    peer.send(text);
    const stream = await begun;
    await until(() => socket.isPaused);
    await settle();
    expect(stream.readableLength).toBeLessThanOrEqual(stream.readableHighWaterMark + 2 ** 16);
    expect(String(await readAll(stream))).toBe(text);
  });

  it('passes streams on from one connection to another', async () => {
    const [socket, peer] = endsOf(await openPair(compressed), role);
    socket.on('messagestream', (incoming) => {
      void pipeline(incoming, socket.createMessageStream({ binary: incoming.isBinary }));
    });
    const answers: unknown[] = [];
    peer.on('message', ({ data }) => answers.push(data));
    const bytes = randomBytes(2 ** 20);
    peer.send(bytes);
    peer.send('text');
    await until(() => answers.length === 2);
    expect(bytes.equals(answers[0] as Buffer)).toBe(true);
    expect(answers[1]).toBe('text');
  });

  describe('that is not read to its end', () => {
    it('is thrown away when destroyed without an error, and the connection goes on', async () => {
      const [socket, peer] = endsOf(await openPair(), role);
      const log: string[] = [];
      socket.once('messagestream', (stream) => stream.destroy());
      socket.on('message', ({ data }) => log.push(String(data)));
      peer.send(randomBytes(2 ** 20));
      peer.send('next');
      await until(() => log.length === 1);
      expect(log).toEqual(['next']);
      expect(socket.isPaused).toBe(false);
    });

    it('is thrown away when a loop over it is left', async () => {
      const [socket, peer] = endsOf(await openPair(), role);
      const log: string[] = [];
      socket.once('messagestream', async (stream) => {
        for await (const _piece of stream) break;
      });
      socket.on('message', ({ data }) => log.push(String(data)));
      peer.send(randomBytes(2 ** 20));
      peer.send('next');
      await until(() => log.length === 1);
    });

    it('is thrown away when the signal of a pipeline is aborted', async () => {
      const [socket, peer] = endsOf(await openPair(), role);
      const log: string[] = [];
      const controller = new AbortController();
      socket.on('message', ({ data }) => log.push(String(data)));
      const begun = nextStream(socket);
      const message = peer.createMessageStream();
      await write(message, 'a part');
      const sink = new Writable({ write: (_chunk, _encoding, callback) => callback() });
      const passing = pipeline(await begun, sink, { signal: controller.signal });
      controller.abort();
      await expect(passing).rejects.toThrow('aborted');
      message.end('the rest');
      peer.send('next');
      await until(() => log.length === 1);
    });

    it('fails the connection with 1011 when a transform behind it throws', async () => {
      const [socket, peer] = endsOf(await openPair(), role);
      const error = once(socket, 'error');
      const theirs = closed(peer);
      const begun = nextStream(socket);
      peer.send(randomBytes(2 ** 20));
      const broken = new Transform({
        transform: (_chunk, _encoding, callback) => callback(new Error('my bug')),
      });
      const sink = new Writable({ write: (_chunk, _encoding, callback) => callback() });
      await expect(pipeline(await begun, broken, sink)).rejects.toThrow('my bug');
      expect((await error)[0].error).toMatchObject({
        code: 'WS_INTERNAL',
        cause: { message: 'my bug' },
      });
      expect(await theirs).toMatchObject({ code: 1011 });
    });

    it.each(['terminate', 'close'] as const)(
      'is destroyed with an error when the peer does %s',
      async (method) => {
        const [socket, peer] = endsOf(await openPair(), role);
        const begun = nextStream(socket);
        const message = peer.createMessageStream().on('error', () => {});
        await write(message, 'a part');
        const stream = await begun;
        const destroyed = failure(stream);
        if (method === 'terminate') peer.terminate();
        else message.destroy();
        expect(await destroyed).toBeInstanceOf(Error);
        expect(stream.readableEnded).toBe(false);
      },
    );

    it('is destroyed when the peer closes in the middle of it (RFC 6455 §5.5.1)', async () => {
      const { socket, peer } = await faceOpen(role);
      const begun = nextStream(socket);
      peer.send({ opcode: 'text', fin: false, payload: 'a part' });
      const stream = await begun;
      const destroyed = failure(stream);
      peer.send({ opcode: 'close' });
      peer.socket.end();
      expect((await destroyed).code).toBe('WS_ABORTED');
    });

    it('is destroyed when text turns out to be none: 1007', async () => {
      const { socket, peer } = await faceOpen(role);
      const begun = nextStream(socket);
      peer.send({ opcode: 'text', fin: false, payload: 'a part' });
      const destroyed = failure(await begun);
      peer.send({ opcode: 'continuation', fin: false, payload: Buffer.of(0xff) });
      expect((await destroyed).code).toBe('WS_INVALID_TEXT');
      await peer.untilFrame('close 1007');
    });

    it('is destroyed by our own close()', async () => {
      const [socket, peer] = endsOf(await openPair(), role);
      const begun = nextStream(socket);
      const message = peer.createMessageStream().on('error', () => {});
      await write(message, 'a part');
      const destroyed = failure(await begun);
      socket.close(4000);
      expect((await destroyed).code).toBe('WS_INVALID_STATE');
      expect(await closed(socket)).toMatchObject({ code: 4000, wasClean: true });
    });

    it('does not end the process when nobody listens for its error', async () => {
      const [socket, peer] = endsOf(await openPair(), role);
      const begun = nextStream(socket);
      const message = peer.createMessageStream().on('error', () => {});
      await write(message, 'a part');
      const stream = await begun;
      const over = new Promise((resolve) => stream.on('close', resolve));
      peer.terminate();
      await over;
      await expect(readAll(stream)).rejects.toThrow('closed with 1006');
    });

    it('can still be read when the connection closed behind a whole message', async () => {
      const [socket, peer] = endsOf(await openPair(), role);
      const begun = nextStream(socket);
      peer.send('all of it');
      peer.close();
      const stream = await begun;
      await closed(socket);
      expect(String(await readAll(stream))).toBe('all of it');
    });
  });
});
