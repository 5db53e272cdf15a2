/** Sockets that share a session of HTTP/2: a slow reader is no other's business. */

import { constants } from 'node:http2';
import { describe, expect, it } from 'vitest';
import { Client } from '../../src/api/client.ts';
import type { WebSocket } from '../../src/api/websocket.ts';
import { openSession, serveHttp2 } from './http2-sockets.ts';
import { type AnySocket, next, until } from './sockets.ts';

const COUNT = 100;
/** More than a session may queue in Node: maxSessionMemory is 10 MB. */
const LENGTH = 20_000_000;
const ROUNDS = 10;

/** Opens sockets of one session; of the first, both ends are here, and the others echo. */
async function share() {
  let slow: WebSocket | undefined;
  const { port, url, accepted } = await serveHttp2({
    onSocket: (socket, request) => {
      if (request.url === '/slow') slow = socket;
      else socket.on('message', ({ data }) => socket.send(data));
    },
  });
  const session = await openSession({ port });
  const open = async (path = ''): Promise<Client> => {
    const client = new Client(`${url}${path}`, { http2: session });
    await next(client, 'open');
    return client;
  };
  const first = await open('slow');
  const others = await Promise.all(Array.from({ length: COUNT - 1 }, () => open()));
  return { slow: { client: first, server: slow! }, others, accepted, session, open };
}

/** Sends messages to and fro. */
async function converse(client: Client): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    const message = next<{ data: Buffer }>(client, 'message');
    client.send(Buffer.alloc(10_000, round));
    expect((await message).data.length).toBe(10_000);
  }
}

describe.each(['client', 'server'] as const)('A slow %s among 100 sockets of a session', (role) => {
  it('holds up no other, keeps none out, and gets all in the end', async () => {
    const { slow, others, accepted, open } = await share();
    expect(accepted).toHaveLength(COUNT);
    const [reader, writer]: [AnySocket, AnySocket] =
      role === 'client' ? [slow.client, slow.server] : [slow.server, slow.client];
    reader.pause();
    for (let count = 0; count < 2; count++) writer.send(Buffer.alloc(LENGTH / 2, 1));
    await Promise.all(others.map(converse));
    await converse(await open());
    expect(writer.bufferedAmount).toBe(LENGTH);
    let length = 0;
    reader.on('message', ({ data }) => {
      length += (data as Buffer).length;
    });
    reader.resume();
    await until(() => length === LENGTH);
    await until(() => writer.bufferedAmount === 0);
  });
});

describe('A window of a session', () => {
  it('is as wide at a client, whose session is of the application', async () => {
    const { session } = await share();
    expect(session.state.effectiveLocalWindowSize).toBe(4_194_304);
  });

  it('is left alone where the application has made it wider', async () => {
    const { port, url } = await serveHttp2();
    const session = await openSession({ port });
    session.setLocalWindowSize(8_000_000);
    const client = new Client(url, { http2: session });
    await next(client, 'open');
    expect(session.state.effectiveLocalWindowSize).toBe(8_000_000);
  });
});

describe('A session that ends', () => {
  it('ends all of its sockets with 1006, once each', async () => {
    const { slow, others, accepted, session } = await share();
    const codes: number[] = [];
    const sockets: AnySocket[] = [slow.client, ...others, ...accepted];
    for (const socket of sockets) socket.on('close', ({ code }) => codes.push(code));
    session.destroy(undefined, constants.NGHTTP2_NO_ERROR);
    await until(() => sockets.every(({ readyState }) => readyState === 3));
    expect(codes).toEqual(sockets.map(() => 1006));
  });
});
