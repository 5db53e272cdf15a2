/**
 * toDuplex: a socket as a Node Duplex, in pipelines, at its ends, and when something goes wrong.
 */

import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { type Duplex, PassThrough, Readable, Transform } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { describe, expect, it } from 'vitest';
import { Client } from '../../src/api/client.ts';
import { permessageDeflate } from '../../src/api/permessage-deflate.ts';
import { type DuplexOptions, toDuplex } from '../../src/streams.ts';
import {
  type AnySocket,
  closed,
  endsOf,
  faceOpen,
  openPair,
  ROLES,
  type Role,
  serve,
  settle,
  until,
} from '../api/sockets.ts';
import { closePayload, frameTo } from '../support/frames.ts';
import { failure, readAll } from '../support/messages.ts';

/** Two sockets that are connected, of which one is a Duplex. */
async function duplexAndPeer(
  role: Role,
  options: DuplexOptions = {},
): Promise<{ duplex: Duplex; socket: AnySocket; peer: AnySocket }> {
  const [socket, peer] = endsOf(await openPair(), role);
  // When the test is over, the connection is cut.
  const duplex = toDuplex(socket, options).on('error', () => {});
  return { duplex, socket, peer };
}

describe('toDuplex of a client that is connecting', () => {
  it('sends what was written, and closes behind it, when it is ended at once', async () => {
    const messages: unknown[] = [];
    const { url, accepted } = await serve({
      onSocket: (socket) => socket.on('message', ({ data }) => messages.push(data)),
    });
    const duplex = toDuplex(new Client(url));
    duplex.end('written before the handshake');
    await finished(duplex.resume());
    expect((await closed(accepted[0]!)).code).toBe(1000);
    expect(messages).toEqual([Buffer.from('written before the handshake')]);
  });

  it('is destroyed with the error when the connection fails', async () => {
    const { server, url } = await serve();
    server.close();
    const duplex = toDuplex(new Client(url));
    duplex.end('lost');
    expect(await failure(duplex)).toBeInstanceOf(Error);
  });
});

describe.each(ROLES)('toDuplex at the %s', (role) => {
  it('reads messages as bytes, and sends chunks as binary messages', async () => {
    const { duplex, peer } = await duplexAndPeer(role);
    const messages: unknown[] = [];
    peer.on('message', ({ data }) => messages.push(data));
    peer.send('téxt');
    peer.send(Buffer.from('bytes'));
    peer.send('');
    const chunks: Buffer[] = [];
    duplex.on('data', (chunk: Buffer) => chunks.push(chunk));
    duplex.write('string');
    duplex.write(Buffer.from('buffer'));
    await until(() => chunks.length === 2 && messages.length === 2);
    expect(chunks).toEqual([Buffer.from('téxt'), Buffer.from('bytes')]);
    expect(messages).toEqual([Buffer.from('string'), Buffer.from('buffer')]);
  });

  it('keeps text, binary and empty messages apart in object mode', async () => {
    const { duplex, peer } = await duplexAndPeer(role, { objectMode: true });
    const messages: unknown[] = [];
    peer.on('message', ({ data }) => messages.push(data));
    for (const message of ['text', Buffer.from('bytes'), '', Buffer.alloc(0)]) peer.send(message);
    const chunks: unknown[] = [];
    duplex.on('data', (chunk) => chunks.push(chunk));
    for (const chunk of ['a', Buffer.from('b'), '', Uint8Array.of(99)]) duplex.write(chunk);
    await until(() => chunks.length === 4 && messages.length === 4);
    expect(chunks).toEqual(['text', Buffer.from('bytes'), '', Buffer.alloc(0)]);
    expect(messages).toEqual(['a', Buffer.from('b'), '', Buffer.from('c')]);
  });

  it('refuses objects that are no messages', async () => {
    const { duplex, peer } = await duplexAndPeer(role, { objectMode: true });
    const theirs = closed(peer);
    duplex.write({ not: 'a message' });
    expect(await failure(duplex)).toBeInstanceOf(TypeError);
    expect(await theirs).toMatchObject({ code: 1011 });
  });

  it('carries a pipeline to its end: finished at both sides, code 1000', async () => {
    const { duplex, peer } = await duplexAndPeer(role);
    const theirs = closed(peer);
    const content = randomBytes(3 * 2 ** 20);
    const other = toDuplex(peer);
    const received = readAll(other);
    await pipeline(
      Readable.from([content.subarray(0, 2 ** 20), content.subarray(2 ** 20)]),
      duplex,
    );
    expect((await received).equals(content)).toBe(true);
    expect(await theirs).toMatchObject({ code: 1000, wasClean: true });
    await finished(other.resume());
  });

  it('stops the socket while nobody reads', async () => {
    const { duplex, socket, peer } = await duplexAndPeer(role);
    const content = randomBytes(8 * 2 ** 20);
    for (let at = 0; at < content.length; at += 2 ** 18)
      peer.send(content.subarray(at, at + 2 ** 18));
    peer.close(1000);
    await until(() => socket.isPaused);
    await settle();
    expect(peer.bufferedAmount).toBeGreaterThan(2 ** 20);
    const hash = createHash('sha256').update(content).digest('hex');
    const received = createHash('sha256').update(await readAll(duplex));
    expect(received.digest('hex')).toBe(hash);
  });

  it('holds its writer back while the peer does not read', async () => {
    const { duplex, socket, peer } = await duplexAndPeer(role);
    peer.pause();
    const chunk = randomBytes(2 ** 18);
    let isWritten = true;
    let count = 0;
    while (isWritten) {
      isWritten = false;
      count++;
      duplex.write(chunk, () => {
        isWritten = true;
      });
      await settle();
    }
    expect(socket.bufferedAmount).toBeLessThanOrEqual(chunk.length);
    const other = toDuplex(peer);
    peer.resume();
    duplex.end();
    expect((await readAll(other)).length).toBe(count * chunk.length);
  });

  it('can be made while connecting', async () => {
    const { url } = await serve({
      onSocket: (socket) => socket.on('message', ({ data }) => socket.send(data)),
    });
    const duplex = toDuplex(new Client(url));
    duplex.write('early');
    expect(String((await once(duplex, 'data'))[0])).toBe('early');
    duplex.end();
    await finished(duplex.resume());
  });

  it('passes through permessage-deflate', async () => {
    const extensions = [permessageDeflate];
    const pair = await openPair({ options: { extensions }, clientOptions: { extensions } });
    const [socket, peer] = endsOf(pair, role);
    const received = readAll(toDuplex(peer));
    const words = 'the same words over and over '.repeat(10_000);
    toDuplex(socket).end(words);
    expect(String(await received)).toBe(words);
  });

  describe('at its end', () => {
    it('ends when the peer closes with 1000 or without a code', async () => {
      for (const code of [1000, undefined]) {
        const { duplex, peer } = await duplexAndPeer(role);
        peer.send('last');
        peer.close(code);
        expect(String(await readAll(duplex))).toBe('last');
        await finished(duplex);
      }
    });

    it('ends also when nobody reads, so that finished() and pipelines into it settle', async () => {
      const { duplex, peer } = await duplexAndPeer(role);
      peer.close(1000);
      await finished(duplex);
      expect(duplex.destroyed).toBe(true);
    });

    it.each([4000, 3000])(
      'is destroyed with an error when the peer closes with %i',
      async (code) => {
        const { duplex, peer } = await duplexAndPeer(role);
        const error = failure(duplex);
        peer.close(code, 'a reason');
        expect(await error).toMatchObject({
          name: 'WebSocketError',
          closeCode: code,
          reason: 'a reason',
        });
      },
    );

    it('is destroyed with an error when the connection is lost', async () => {
      const { duplex, peer } = await duplexAndPeer(role);
      const error = failure(duplex);
      peer.terminate();
      expect(await error).toBeInstanceOf(Error);
    });

    it('is destroyed with the error of a peer that breaks the rules', async () => {
      const { socket, peer } = await faceOpen(role);
      const error = failure(toDuplex(socket));
      peer.send({ opcode: 3 });
      expect((await error).code).toBe('WS_UNKNOWN_OPCODE');
    });

    it('still reads after end() what the peer sent before its own Close', async () => {
      const { socket, peer } = await faceOpen(role);
      const duplex = toDuplex(socket);
      const received = readAll(duplex);
      duplex.end('question');
      await peer.untilFrame('close 1000');
      expect(duplex.writableFinished).toBe(false);
      peer.send({ opcode: 'text', payload: 'answer' });
      peer.send({ opcode: 'close', payload: Buffer.of(3, 232) });
      peer.socket.end();
      expect(String(await received)).toBe('answer');
      await finished(duplex);
    });

    it('leaves it to the peer to close with allowHalfOpen', async () => {
      const { duplex, socket, peer } = await duplexAndPeer(role, { allowHalfOpen: true });
      const received = readAll(duplex);
      duplex.end('question');
      await finished(duplex, { readable: false });
      expect(socket.readyState).toBe(1);
      peer.send('answer');
      peer.close(1000);
      expect(String(await received)).toBe('answer');
      await finished(duplex);
    });

    it('is refused a socket that is closed', async () => {
      const [socket] = endsOf(await openPair(), role);
      socket.terminate();
      await closed(socket);
      expect((await failure(toDuplex(socket))).message).toContain('closed already');
    });

    it('refuses writes after the peer has closed', async () => {
      const { duplex, peer } = await duplexAndPeer(role, { allowHalfOpen: true });
      peer.close(1000);
      await once(duplex.resume(), 'end');
      const error = failure(duplex);
      duplex.write('too late');
      expect((await error).code).toBe('WS_INVALID_STATE');
    });

    it('is destroyed with an error when the peer answers end() with 1011', async () => {
      const { socket, peer } = await faceOpen(role, { holdsOpen: true });
      const duplex = toDuplex(socket);
      const error = failure(duplex);
      duplex.end('question');
      await peer.untilFrame('close 1000');
      peer.send({ opcode: 'close', payload: closePayload(1011, 'oh no') });
      peer.socket.end();
      expect(await error).toMatchObject({ closeCode: 1011, reason: 'oh no' });
    });

    it.each(['end', 'resetAndDestroy'] as const)(
      'throws in a loop when the peer does %s without a Close',
      async (how) => {
        const { socket, peer } = await faceOpen(role);
        const messages: unknown[] = [];
        const loop = (async () => {
          for await (const message of toDuplex(socket, { objectMode: true })) {
            messages.push(message);
          }
        })();
        peer.send({ opcode: 'text', payload: 'part 1' });
        await until(() => messages.length === 1);
        (peer.socket as Socket)[how]();
        await expect(loop).rejects.toThrow();
        expect(messages).toEqual(['part 1']);
      },
    );

    it('is destroyed within closeTimeout when nobody reads and the transport is gone', async () => {
      const options = { closeTimeout: 20 };
      const { socket, peer } = await faceOpen(role, {
        serverOptions: options,
        clientOptions: options,
      });
      const duplex = toDuplex(socket, { objectMode: true });
      const error = failure(duplex);
      const message = frameTo(role, { opcode: 'text', payload: 'x' });
      peer.write(Buffer.concat(Array.from({ length: 100 }, () => message)));
      await until(() => socket.isPaused);
      (peer.socket as Socket).destroy();
      // A paused socket learns of it when it writes.
      await until(() => socket.send('anything') === false);
      expect(await error).toBeInstanceOf(Error);
      expect(socket.readyState).toBe(3);
    });

    it('ends with the connection when the peer never answers: closeTimeout', async () => {
      const options = { closeTimeout: 20 };
      const { socket } = await faceOpen(role, {
        serverOptions: options,
        clientOptions: options,
        holdsOpen: true,
      });
      const duplex = toDuplex(socket);
      const error = failure(duplex);
      duplex.end();
      expect(await error).toMatchObject({ name: 'WebSocketError', closeCode: 1006 });
    });
  });

  describe('when destroyed', () => {
    it('closes with 1001 without an error', async () => {
      const { duplex, peer } = await duplexAndPeer(role);
      const theirs = closed(peer);
      duplex.destroy();
      expect(await theirs).toMatchObject({ code: 1001, wasClean: true });
    });

    it('closes with 1001 when a loop over it is left', async () => {
      const { duplex, peer } = await duplexAndPeer(role);
      const theirs = closed(peer);
      peer.send('a');
      for await (const _chunk of duplex) break;
      expect(await theirs).toMatchObject({ code: 1001 });
    });

    it('closes with 1001 when its signal is aborted', async () => {
      const controller = new AbortController();
      const { duplex, peer } = await duplexAndPeer(role, { signal: controller.signal });
      const theirs = closed(peer);
      const error = failure(duplex);
      controller.abort();
      expect((await error).name).toBe('AbortError');
      expect(await theirs).toMatchObject({ code: 1001 });
    });

    it('closes with 1011 with an error', async () => {
      const { duplex, peer } = await duplexAndPeer(role);
      const theirs = closed(peer);
      duplex.on('error', () => {}).destroy(new Error('my bug'));
      expect(await theirs).toMatchObject({ code: 1011, reason: '' });
    });

    it('closes with 1011 when a transform behind it throws', async () => {
      const { duplex, peer } = await duplexAndPeer(role);
      const theirs = closed(peer);
      const broken = new Transform({
        transform: (_chunk, _encoding, callback) => callback(new Error('my bug')),
      });
      peer.send('a');
      await expect(pipeline(duplex, broken, new PassThrough())).rejects.toThrow('my bug');
      expect(await theirs).toMatchObject({ code: 1011 });
    });

    it('does not wait for a peer that is stuck, nor keep it', async () => {
      const options = { closeTimeout: 20 };
      const [socket, peer] = endsOf(await openPair({ options, clientOptions: options }), role);
      peer.pause();
      const duplex = toDuplex(socket);
      const chunk = randomBytes(2 ** 20);
      while (duplex.write(chunk) || socket.bufferedAmount === 0) await settle();
      const ours = closed(socket);
      duplex.on('error', () => {}).destroy(new Error('enough'));
      await once(duplex, 'close').catch(() => {});
      expect(await ours).toMatchObject({ code: 1006 });
      expect(socket.readyState).toBe(3);
    });
  });
});

describe('toDuplex of a client whose connection cannot be established', () => {
  it('is destroyed with the error', async () => {
    const { server, url } = await serve();
    server.removeAllListeners('upgrade').on('upgrade', (_request, socket) => socket.destroy());
    const duplex = toDuplex(new Client(url));
    expect((await failure(duplex)).code).toBe('WS_TRANSPORT_ERROR');
  });
});

describe('toDuplex of something else', () => {
  it.each([undefined, {}, 'ws://localhost/'])('says what it takes: %j', (socket) => {
    expect(() => toDuplex(socket as never)).toThrow(TypeError);
    expect(() => toDuplex(socket as never)).toThrow(/takes a WebSocket or Client of sanswire/);
  });
});
