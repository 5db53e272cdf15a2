/** AbortSignal in every phase, socket errors in every state: one error, one close, no crash. */

import { getEventListeners } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { Client } from '../../src/api/client.ts';
import {
  type AnySocket,
  closed,
  face,
  faceOpen,
  listen,
  logEvents,
  openPair,
  ROLES,
  serve,
  settle,
  until,
} from './sockets.ts';

const ABORTED = ['error WS_ABORTED', 'end', 'close 1006 ""'];

function withSignal(signal: AbortSignal) {
  return { serverOptions: { signal }, clientOptions: { signal } };
}

describe.each(ROLES)('An AbortSignal at the %s', (role) => {
  it('drops an open connection, with its reason as cause', async () => {
    const controller = new AbortController();
    const { socket, peer, log } = await faceOpen(role, withSignal(controller.signal));
    let cause: unknown;
    socket.on('error', ({ error }) => {
      cause = error.cause;
    });
    const reason = new Error('enough');
    controller.abort(reason);
    await closed(socket);
    await peer.untilEnd();
    expect(peer.frames).toEqual([]);
    expect(log).toEqual(['open', ...ABORTED]);
    expect(cause).toBe(reason);
  });

  it('drops a connection that is closing', async () => {
    const controller = new AbortController();
    const { socket, peer, log } = await faceOpen(role, withSignal(controller.signal));
    socket.close();
    await peer.untilFrame('close');
    controller.abort();
    await closed(socket);
    expect(log).toEqual(['open', ...ABORTED]);
  });

  it('drops a connection that is paused', async () => {
    const controller = new AbortController();
    const { socket, peer, log } = await faceOpen(role, withSignal(controller.signal));
    socket.pause();
    peer.send({ opcode: 'text', payload: 'unread' });
    await settle();
    controller.abort();
    await closed(socket);
    expect(log).toEqual(['open', ...ABORTED]);
  });

  it('does nothing to a connection that is closed, and is let go of', async () => {
    const controller = new AbortController();
    const { socket, peer, log } = await faceOpen(role, withSignal(controller.signal));
    peer.socket.end();
    await closed(socket);
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
    controller.abort();
    await settle();
    expect(log).toEqual(['open', 'end', 'close 1006 ""']);
  });

  it('drops a connection in the tick of its constructor', async () => {
    const controller = new AbortController();
    const log: string[] = [];
    const onSocket = (socket: AnySocket): void => {
      socket.on('close', () => log.push(`close ${socket.readyState}`));
      socket.on('error', ({ error }) => log.push((error as { code?: string }).code ?? ''));
      controller.abort();
    };
    const facing = face(role, { ...withSignal(controller.signal), onSocket });
    facing.catch(() => {});
    await until(() => log.includes('close 3'));
    expect(log).toEqual(['WS_ABORTED', 'close 3']);
  });

  it('that is aborted beforehand lets nothing open', async () => {
    const log: string[] = [];
    const onSocket = (socket: AnySocket): void => {
      socket.on('open', () => log.push('open'));
      socket.on('error', ({ error }) => log.push((error as { code?: string }).code ?? ''));
      socket.on('close', () => log.push('close'));
      expect(socket.readyState).toBe(0);
    };
    const facing = face(role, { ...withSignal(AbortSignal.abort()), onSocket });
    facing.catch(() => {});
    await until(() => log.includes('close'));
    expect(log).toEqual(['WS_ABORTED', 'close']);
  });

  it('ends a `for await` loop with the error', async () => {
    const controller = new AbortController();
    const { socket } = await faceOpen(role, withSignal(controller.signal));
    const next = socket[Symbol.asyncIterator]().next();
    controller.abort();
    await expect(next).rejects.toMatchObject({ code: 'WS_ABORTED' });
  });

  it('connects to nobody when it is no signal', async () => {
    let count = 0;
    const createConnection = (): never => {
      count++;
      throw new Error('unreachable');
    };
    for (const signal of [{}, 'x'] as unknown as AbortSignal[]) {
      const create = () => new Client('ws://localhost/', [], { signal, createConnection });
      expect(create).toThrow(TypeError);
    }
    await settle();
    expect(count).toBe(0);
  });

  it('refuses what is no signal by name', () => {
    expect(() => new Client('ws://127.0.0.1:1/', [], { signal: {} as AbortSignal })).toThrow(
      /signal/,
    );
  });
});

describe('An AbortSignal while a client connects', () => {
  it('gives the connection up: no socket stays', async () => {
    const sockets: Socket[] = [];
    const port = await listen(createServer((socket) => sockets.push(socket)));
    const controller = new AbortController();
    const client = new Client(`ws://127.0.0.1:${port}/`, [], { signal: controller.signal });
    const log = logEvents(client);
    await until(() => sockets.length === 1);
    controller.abort();
    expect(log).toEqual([]);
    await closed(client);
    sockets[0]?.resume();
    await until(() => sockets[0]?.destroyed === true);
    expect(log).toEqual(ABORTED);
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
  });

  it('tells the callbacks of what waits', async () => {
    const port = await listen(createServer(() => {}));
    const controller = new AbortController();
    const client = new Client(`ws://127.0.0.1:${port}/`, [], { signal: controller.signal });
    const told: unknown[] = [];
    client.send('never', (error) => told.push(error?.name));
    controller.abort();
    await closed(client);
    expect(told).toEqual(['WebSocketError']);
    expect(client.bufferedAmount).toBe(5);
  });
});

describe.each(ROLES)('An error of the transport at the %s', (role) => {
  const reset = (peer: { readonly socket: unknown }): void => {
    (peer.socket as Socket).resetAndDestroy();
  };

  it('is one error and one close while open', async () => {
    const { socket, peer, log } = await faceOpen(role);
    reset(peer);
    await closed(socket);
    await settle();
    expect(log).toEqual(['open', 'error WS_TRANSPORT_ERROR', 'end', 'close 1006 ""']);
  });

  it('is one error and one close while closing', async () => {
    const { socket, peer, log } = await faceOpen(role);
    socket.close();
    await peer.untilFrame('close');
    reset(peer);
    await closed(socket);
    await settle();
    expect(log).toEqual(['open', 'error WS_TRANSPORT_ERROR', 'end', 'close 1006 ""']);
  });

  it('adds nothing to a failure', async () => {
    const { socket, peer, log } = await faceOpen(role, { holdsOpen: true });
    peer.send({ opcode: 3 });
    await until(() => log.length === 2);
    reset(peer);
    await closed(socket);
    await settle();
    expect(log).toEqual(['open', 'error WS_UNKNOWN_OPCODE', 'end', 'close 1006 ""']);
  });

  it('while much waits to be sent tells each callback once', async () => {
    const { socket, peer } = await faceOpen(role);
    peer.socket.pause();
    let count = 0;
    for (let index = 0; index < 20; index++) socket.send(Buffer.alloc(1 << 20), () => count++);
    await settle();
    reset(peer);
    await closed(socket);
    await settle();
    expect(count).toBe(20);
  });

  it('needs no listener', async () => {
    const { socket, peer } = await faceOpen(role);
    socket.removeAllListeners();
    reset(peer);
    await until(() => socket.readyState === 3);
  });

  it('names what went wrong, and keeps the cause', async () => {
    const { socket, peer } = await faceOpen(role);
    let error: Error | undefined;
    socket.on('error', (event) => {
      error = event.error;
    });
    reset(peer);
    await closed(socket);
    expect(error?.message).toMatch(/ECONNRESET|EPIPE/);
    expect(error?.cause).toBeInstanceOf(Error);
  });
});

describe('A socket that both sides drop at once', () => {
  it('is one close at each', async () => {
    const { client, server } = await openPair();
    const [ours, theirs] = [logEvents(client), logEvents(server)];
    client.terminate();
    server.terminate();
    await Promise.all([closed(client), closed(server)]);
    await settle();
    expect(ours.filter((line) => line.startsWith('close'))).toHaveLength(1);
    expect(theirs.filter((line) => line.startsWith('close'))).toHaveLength(1);
  });

  it('that both close at once is clean at each', async () => {
    const { client, server } = await openPair();
    client.close(4000, 'client');
    server.close(4001, 'server');
    const [ours, theirs] = await Promise.all([closed(client), closed(server)]);
    expect(ours).toMatchObject({ code: 4001, reason: 'server', wasClean: true });
    expect(theirs).toMatchObject({ code: 4000, reason: 'client', wasClean: true });
  });

  it('is kept open by no server that has closed', async () => {
    const { server: http, accepted, url } = await serve();
    const client = new Client(url);
    await until(() => accepted.length === 1 && client.readyState === 1);
    const shut = new Promise((resolve) => http.close(resolve));
    accepted[0]?.close(1000);
    await closed(client);
    await shut;
  });
});
