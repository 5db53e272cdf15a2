import { createServer, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { awaitTurn } from '../../src/node/owed-responses.ts';
import { connectRaw, listen, readHead, settle, until, upgradeRequest } from '../api/sockets.ts';
import { patiently } from '../support/event-log.ts';

const NEVER = 2 ** 30;
const LENGTH = 2 ** 22;
const REQUESTS = `GET /a HTTP/1.1\r\nHost: a\r\n\r\n${upgradeRequest()}`;

interface Upgraded {
  readonly socket: Socket;
  readonly response: ServerResponse;
  readonly client: Socket;
}

/** Brings a server to an upgrade behind a request that is not answered yet. */
async function upgraded(): Promise<Upgraded> {
  let response: ServerResponse | undefined;
  let socket: Socket | undefined;
  const server = createServer((_, owed) => {
    response = owed;
  });
  server.on('upgrade', (_, transport) => {
    socket = transport as Socket;
  });
  const client = await connectRaw(await listen(server));
  client.write(REQUESTS);
  await until(() => socket !== undefined && response !== undefined);
  return { socket: socket!, response: response!, client };
}

function wait(socket: Socket, log: string[], request?: object) {
  return awaitTurn(
    { socket, request, timeoutMs: NEVER },
    {
      proceed: () => log.push('proceed'),
      lost: (error) => log.push(`lost ${error?.code}`),
    },
  );
}

const listeners = (socket: Socket): number[] =>
  ['close', 'drain', 'error'].map((name) => socket.listenerCount(name));

describe('Waiting for owed responses', () => {
  it('is over within the call where none is owed', () => {
    const log: string[] = [];
    wait(new PassThrough() as unknown as Socket, log);
    expect(log).toEqual(['proceed']);
  });

  it('does not wait for what the application answers the upgrade itself with', async () => {
    const log: string[] = [];
    const { socket, response } = await upgraded();
    response.end();
    wait(socket, log);
    await until(() => log.length > 0);
    const own = new ServerResponse({ ...response.req, upgrade: true } as never);
    own.assignSocket(socket);
    wait(socket, log);
    expect(log).toEqual(['proceed', 'proceed']);
  });

  it('does not wait for the response to the request that is answered', async () => {
    const log: string[] = [];
    const { socket, response } = await upgraded();
    wait(socket, log, response.req);
    expect(log).toEqual(['proceed']);
  });

  it('lasts as long as the response, and leaves no listener', async () => {
    const log: string[] = [];
    const { socket, response } = await upgraded();
    const before = listeners(socket);
    wait(socket, log);
    response.write('first');
    await settle();
    expect(log).toEqual([]);
    response.end();
    await until(() => log.length > 0);
    expect(log).toEqual(['proceed']);
    // node:http has taken its own away, too.
    expect(listeners(socket).every((count, at) => count <= before[at]!)).toBe(true);
  });

  it('does not stall a response that is longer than the buffers of the socket', async () => {
    const log: string[] = [];
    const { socket, response, client } = await upgraded();
    let received = 0;
    client.on('data', (chunk: Buffer) => {
      received += chunk.length;
    });
    wait(socket, log);
    const chunks = Array.from({ length: LENGTH / 2 ** 16 }, () => Buffer.alloc(2 ** 16));
    Readable.from(chunks, { objectMode: false }).pipe(response);
    await patiently(
      until(() => log.length > 0),
      () => `after ${received} bytes`,
    );
    expect(log).toEqual(['proceed']);
    await until(() => received > LENGTH);
  });

  it('is over with the socket', async () => {
    const log: string[] = [];
    const { socket, client } = await upgraded();
    wait(socket, log);
    client.resetAndDestroy();
    await until(() => log.length > 0);
    expect(log).toEqual(['lost WS_TRANSPORT_ERROR']);
  });

  it('is over with a response that was destroyed before its turn', async () => {
    const log: string[] = [];
    const responses: ServerResponse[] = [];
    let socket: Socket | undefined;
    const server = createServer((_, response) => void responses.push(response));
    server.on('upgrade', (_, transport) => {
      socket = transport as Socket;
    });
    const client = await connectRaw(await listen(server));
    client.write(`GET /a HTTP/1.1\r\nHost: a\r\n\r\n${REQUESTS}`);
    await until(() => socket !== undefined);
    wait(socket!, log);
    responses[1]!.destroy();
    responses[0]!.end('first');
    const [head] = await readHead(client);
    expect(head).toMatch(/ 200 /);
    await until(() => log.length > 0);
    expect(log).toEqual(['lost WS_TRANSPORT_ERROR']);
  });

  it('is given up once, on the next tick, and destroys the socket', async () => {
    const log: string[] = [];
    const { socket } = await upgraded();
    const giveUp = wait(socket, log);
    giveUp(undefined);
    giveUp(undefined);
    expect(log).toEqual([]);
    await settle();
    expect([log, socket.destroyed]).toEqual([['lost undefined'], true]);
  });
});
