/** What the tests of `attach` share: a server with an attachment, and clients that say little. */

import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { Client, type ClientOptions } from '../../src/api/client.ts';
import type { WebSocketError } from '../../src/errors.ts';
import { type AttachOptions, attach, type SocketSet } from '../../src/server.ts';
import { connectRaw, listen, readHead, upgradeRequest } from '../api/sockets.ts';

export interface Attached<Data> {
  readonly server: Server;
  readonly sockets: SocketSet<Data>;
  readonly port: number;
  /** What 'rejected' has told: the code, and the status if there is one. */
  readonly rejected: string[];
  readonly errors: WebSocketError[];
}

/** Serves with an attachment until the test is over. */
export async function serveAttached<Data = undefined>(
  options?: AttachOptions<Data>,
  server: Server = createServer(),
): Promise<Attached<Data>> {
  const sockets = attach<Data>(server, options);
  const noted = noteRejected(sockets);
  return { server, sockets, port: await listen(server), ...noted };
}

export function noteRejected<Data>(
  sockets: SocketSet<Data>,
): Pick<Attached<Data>, 'rejected' | 'errors'> {
  const rejected: string[] = [];
  const errors: WebSocketError[] = [];
  sockets.on('rejected', (error: WebSocketError, _request: IncomingMessage) => {
    const { status } = error as { readonly status?: number };
    rejected.push(status === undefined ? error.code : `${error.code} ${status}`);
    errors.push(error);
  });
  return { rejected, errors };
}

/** The answer to an upgrade. */
export interface Answered {
  readonly status: number;
  readonly head: string;
  readonly body: string;
  readonly socket: Socket;
}

/** Asks for an upgrade with a bare socket; a refusal is read to its end. */
export async function ask(
  port: number,
  headers: Readonly<Record<string, string | undefined>> = {},
  requestLine = 'GET / HTTP/1.1',
): Promise<Answered> {
  const socket = await connectRaw(port, true);
  socket.write(upgradeRequest(headers, requestLine));
  return readAnswer(socket);
}

export async function readAnswer(socket: Socket): Promise<Answered> {
  const [head, rest] = await readHead(socket);
  const status = Number(head.split(' ')[1]);
  let body = rest.toString('latin1');
  if (status !== 101) {
    const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? Infinity);
    if (body.length < length) {
      for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
        body += (chunk as Buffer).toString('latin1');
        if (body.length >= length) break;
      }
    }
  }
  return { status, head, body, socket };
}

/** Connects a client, which is gone when the test is over. */
export function connect(
  port: number,
  path = '/',
  protocols: readonly string[] = [],
  options: ClientOptions = {},
): Client {
  const client = new Client(`ws://127.0.0.1:${port}${path}`, protocols, options);
  client.on('error', () => {});
  onTestFinished(() => client.terminate());
  return client;
}
