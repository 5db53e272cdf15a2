/**
 * Runs one scenario against the real nodejs-websocket and against `sanswire/nodejs-websocket`, and
 * compares what each logged; and the ends of connections that the tests of this folder share. All
 * sockets of a test are gone when it is over.
 */

import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import * as ours from '../../../src/nodejs-websocket.ts';
import { RawClient, requestLines } from '../ws/raw-peer.ts';

/** The API under test; the original is used under the same types. */
export type Library = typeof ours.default;
export type { Connection } from '../../../src/nodejs-websocket.ts';

import type { Connection, Server, ServerOptions } from '../../../src/nodejs-websocket.ts';

export const original: Library = createRequire(import.meta.url)('nodejs-websocket') as Library;
export const sanswire: Library = ours.default;

/** What happened, in order. */
export type Log = string[];

export type Scenario = (library: Library, log: Log) => Promise<void>;

/** Expects the same log of both libraries, and that something happened at all. */
export function same(name: string, scenario: Scenario): void {
  it(name, async () => {
    const logs: Log[] = [];
    for (const library of [original, sanswire]) {
      const log: Log = [];
      await scenario(library, log);
      logs.push(log);
    }
    const [expected = [], actual] = logs;
    expect(expected.length).toBeGreaterThan(0);
    expect(actual).toEqual(expected);
  });
}

/**
 * Logs the events of a connection as they come; errors by their system code only, for the sentences
 * differ.
 */
export function logEvents(log: Log, who: string, connection: Connection): void {
  connection.on('connect', () => log.push(`${who} connect state=${connection.readyState}`));
  connection.on('text', (text) => log.push(`${who} text ${JSON.stringify(text)}`));
  connection.on('pong', (data) => log.push(`${who} pong ${JSON.stringify(data)}`));
  connection.on('error', (error: NodeJS.ErrnoException) => {
    const isSystem = error.syscall !== undefined;
    log.push(`${who} error ${isSystem ? error.code : ''}`.trimEnd());
  });
  connection.on('close', (code, reason) => {
    const listed = connection.server?.connections.includes(connection) ?? false;
    log.push(`${who} close ${code} ${JSON.stringify(reason)} listed=${listed}`);
  });
}

/** Resolves when an emitter emits an event. */
export function once(
  emitter: { once(name: string, listener: (...values: unknown[]) => void): unknown },
  name: string,
): Promise<unknown[]> {
  return new Promise((resolve) => emitter.once(name, (...values) => resolve(values)));
}

/** Looks again at each turn of the event loop until something is so. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}

export interface Served {
  readonly server: Server;
  readonly port: number;
  readonly url: string;
}

/** A server on a port of its own, which the end of the test closes with all its sockets. */
export async function serve(
  library: Library,
  options: ServerOptions = {},
  onConnection: (connection: Connection) => void = () => {},
): Promise<Served> {
  const server = library.createServer(options, onConnection);
  const sockets = new Set<{ destroy(): unknown }>();
  server.socket.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  onTestFinished(() => {
    server.socket.close();
    for (const socket of sockets) socket.destroy();
  });
  const listening = once(server, 'listening');
  server.listen(0, '127.0.0.1');
  await listening;
  const { port } = server.socket.address() as AddressInfo;
  return { server, port, url: `ws://127.0.0.1:${port}/` };
}

/** Opens a client, which the end of the test destroys. */
export function dial(library: Library, ...parameters: Parameters<Library['connect']>): Connection {
  const client = library.connect(...parameters);
  onTestFinished(() => void client.socket.destroy());
  return client;
}

export interface Pair extends Served {
  readonly client: Connection;
  readonly peer: Connection;
}

/** Both ends of a connection, as soon as both are open: `client`, and `peer` at the server. */
export async function pair(
  library: Library,
  ends: { readonly server?: Library; readonly options?: ServerOptions } = {},
): Promise<Pair> {
  let peer: Connection | undefined;
  const served = await serve(ends.server ?? library, ends.options, (connection) => {
    peer = connection;
  });
  const client = dial(library, served.url);
  await once(client, 'connect');
  await until(() => peer !== undefined);
  return { ...served, client, peer: peer! };
}

/** A connection of the server, and a client that sees the bytes. */
export async function faceRaw(
  library: Library,
): Promise<{ connection: Connection; raw: RawClient }> {
  const { port, server } = await serve(library);
  const connected = once(server, 'connection');
  const raw = new RawClient(port);
  await raw.upgrade(requestLines());
  const [connection] = (await connected) as [Connection];
  return { connection, raw };
}

/** Collects a stream; resolves at its end. */
export async function collect(stream: NodeJS.ReadableStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
