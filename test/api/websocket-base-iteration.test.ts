/** `for await (const message of socket)` and `await using`, at both ends. */

import { describe, expect, it } from 'vitest';
import { Client } from '../../src/api/client.ts';
import {
  closed,
  endsOf,
  face,
  faceOpen,
  openPair,
  ROLES,
  serve,
  settle,
  until,
} from './sockets.ts';

describe.each(ROLES)('Iteration at the %s', (role) => {
  it('gives the messages in order, and ends when the connection has closed', async () => {
    const [socket, peer] = endsOf(await openPair(), role);
    peer.send('a');
    peer.send(Buffer.from('b'));
    peer.send('');
    peer.close();
    const messages: string[] = [];
    for await (const message of socket) messages.push(String(message));
    expect(messages).toEqual(['a', 'b', '']);
  });

  it('throws the error when the connection fails', async () => {
    const { socket, peer } = await faceOpen(role);
    peer.send({ opcode: 'text', payload: 'a' });
    peer.send({ opcode: 3 });
    const messages: unknown[] = [];
    const loop = async () => {
      for await (const message of socket) messages.push(message);
    };
    await expect(loop()).rejects.toMatchObject({ code: 'WS_UNKNOWN_OPCODE' });
    expect(messages).toEqual(['a']);
  });

  it('ends at once on a closed connection', async () => {
    const [socket, peer] = endsOf(await openPair(), role);
    peer.close();
    await closed(socket);
    for await (const message of socket) expect.unreachable(String(message));
  });

  it('can begin before the open event', async () => {
    const messages: unknown[] = [];
    const { peer } = await face(role, {
      onSocket: async (socket) => {
        for await (const message of socket) messages.push(message);
        messages.push('end');
      },
    });
    peer.send({ opcode: 'text', payload: 'a' });
    peer.send({ opcode: 'close' });
    peer.socket.end();
    await until(() => messages.includes('end'));
    expect(messages).toEqual(['a', 'end']);
  });

  it('holds the peer back while it lags behind, and loses nothing', async () => {
    const { socket, peer } = await faceOpen(role);
    const iterator = socket[Symbol.asyncIterator]();
    for (let count = 0; count < 100; count++) peer.send({ opcode: 'text', payload: `${count}` });
    await until(() => socket.isPaused);
    expect(socket.isPaused).toBe(true);
    for (let count = 0; count < 100; count++) {
      expect(await iterator.next()).toEqual({ value: `${count}`, done: false });
    }
    expect(socket.isPaused).toBe(false);
  });

  it('leaves the connection open when the loop is left, and can begin again', async () => {
    const [socket, peer] = endsOf(await openPair(), role);
    peer.send('1');
    for await (const message of socket) {
      expect(message).toBe('1');
      break;
    }
    expect(socket.readyState).toBe(1);
    peer.send('2');
    for await (const message of socket) {
      expect(message).toBe('2');
      break;
    }
  });

  it('can be done by several at a time, and beside listeners', async () => {
    const [socket, peer] = endsOf(await openPair(), role);
    const log: string[] = [];
    const loop = async (name: string) => {
      for await (const message of socket) log.push(`${name} ${message}`);
    };
    const loops = [loop('one'), loop('two')];
    socket.on('message', ({ data }) => log.push(`listener ${data}`));
    peer.send('a');
    peer.close();
    await Promise.all(loops);
    expect(log.sort()).toEqual(['listener a', 'one a', 'two a']);
  });

  it('may send from inside the loop', async () => {
    const [socket, peer] = endsOf(await openPair(), role);
    const echo = async () => {
      for await (const message of socket) socket.send(message);
    };
    const echoing = echo();
    const answers: unknown[] = [];
    peer.on('message', ({ data }) => answers.push(data));
    for (let count = 0; count < 50; count++) peer.send(`${count}`);
    await until(() => answers.length === 50);
    peer.close();
    await echoing;
    expect(answers).toEqual(Array.from({ length: 50 }, (_, count) => `${count}`));
  });
});

describe.each(ROLES)('Disposal at the %s', (role) => {
  it('closes the connection, and waits for its end', async () => {
    const [socket, peer] = endsOf(await openPair(), role);
    const theirs = closed(peer);
    await socket[Symbol.asyncDispose]();
    expect(socket.readyState).toBe(3);
    expect(await theirs).toMatchObject({ code: 1005, wasClean: true });
    await socket[Symbol.asyncDispose]();
  });

  it('does not fail with the connection', async () => {
    const { socket, peer } = await faceOpen(role);
    peer.send({ opcode: 3 });
    await socket[Symbol.asyncDispose]();
    expect(socket.readyState).toBe(3);
  });

  it('waits for the end of a closing handshake that has begun', async () => {
    const [socket] = endsOf(await openPair(), role);
    socket.close(4000);
    await socket[Symbol.asyncDispose]();
    expect(socket.readyState).toBe(3);
  });
});

describe('Disposal of a client that is connecting', () => {
  it('gives the connection up', async () => {
    const { url, accepted } = await serve();
    const client = new Client(url);
    await client[Symbol.asyncDispose]();
    expect(client.readyState).toBe(3);
    await settle();
    expect(accepted).toEqual([]);
  });
});
