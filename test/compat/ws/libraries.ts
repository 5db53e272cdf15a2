/**
 * Runs one scenario against the real `ws` and against `sanswire/ws`, and compares what each logged:
 * events in order, error classes and codes, statuses, bytes. A scenario logs only what a program or
 * a peer can observe.
 */

import { createRequire } from 'node:module';
import { expect, it } from 'vitest';
import * as ours from '../../../src/ws.ts';

/** The API under test; the real library is used under the same types. */
export type Library = typeof ours.WebSocket;
export type Socket = InstanceType<Library>;
export type Server = InstanceType<Library['WebSocketServer']>;

export const realWs: Library = createRequire(import.meta.url)('ws') as Library;
export const sanswireWs: Library = ours.WebSocket;

/** What happened, in order. */
export type Log = string[];

export type Scenario = (library: Library, log: Log) => Promise<void> | void;

/** Runs a scenario and returns its log. */
export async function play(library: Library, scenario: Scenario): Promise<Log> {
  const log: Log = [];
  await scenario(library, log);
  return log;
}

/** Expects the same log of both libraries, and that something happened at all. */
export function same(name: string, scenario: Scenario): void {
  it(name, async () => {
    const [expected, actual] = await Promise.all([
      play(realWs, scenario),
      play(sanswireWs, scenario),
    ]);
    expect(expected.length).toBeGreaterThan(0);
    expect(actual).toEqual(expected);
  });
}

/** Describes a value for a log: the kind of bytes, and what they are. */
export function show(value: unknown): string {
  if (Buffer.isBuffer(value)) return `Buffer<${value.toString('latin1')}>`;
  if (value instanceof ArrayBuffer) return `ArrayBuffer<${Buffer.from(value).toString('latin1')}>`;
  if (value instanceof Blob) return `Blob<${value.size}>`;
  if (Array.isArray(value)) return `[${value.map(show).join(' ')}]`;
  if (value instanceof Error) return showError(value);
  return JSON.stringify(value) ?? String(value);
}

/** Describes an error by what programs test: its class and its code. */
export function showError(error: Error | undefined | null): string {
  if (error === undefined || error === null) return 'no error';
  const { code } = error as { code?: string };
  return `${error.constructor.name}${code === undefined ? '' : ` ${code}`}`;
}

/** Logs the events of a socket as they come. */
export function logEvents(log: Log, who: string, socket: Socket): void {
  const add = (text: string): void => void log.push(`${who} ${text} state=${socket.readyState}`);
  socket.on('open', () => add('open'));
  socket.on('message', (data, isBinary) => add(`message ${show(data)} ${isBinary}`));
  socket.on('ping', (data) => add(`ping ${show(data)}`));
  socket.on('pong', (data) => add(`pong ${show(data)}`));
  socket.on('error', (error) => add(`error ${showError(error)}`));
  socket.on('close', (code, reason) => add(`close ${code} ${show(reason)}`));
}

/** Resolves when an emitter emits an event. */
export function once(
  emitter: { once(name: string, listener: (...values: unknown[]) => void): unknown },
  name: string,
): Promise<unknown[]> {
  return new Promise((resolve) => emitter.once(name, (...values) => resolve(values)));
}

/** A server on a port of its own. */
export async function serve(
  library: Library,
  options: ConstructorParameters<Library['WebSocketServer']>[0] = {},
): Promise<{ server: Server; port: number; url: string }> {
  const server = new library.WebSocketServer({ port: 0, host: '127.0.0.1', ...options });
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return { server, port, url: `ws://127.0.0.1:${port}` };
}

/** Both ends of a connection, as soon as both are open. */
export async function pair(
  library: Library,
  serverOptions: ConstructorParameters<Library['WebSocketServer']>[0] = {},
  clientOptions: object = {},
): Promise<{ server: Server; client: Socket; peer: Socket }> {
  const { server, url } = await serve(library, serverOptions);
  const connected = once(server, 'connection');
  const client = new library(url, clientOptions);
  const [[peer]] = await Promise.all([connected, once(client, 'open')]);
  return { server, client, peer: peer as Socket };
}

/** Resolves when both ends have closed. */
export async function closed(...sockets: Socket[]): Promise<void> {
  await Promise.all(
    sockets.map((socket) =>
      socket.readyState === 3 ? undefined : new Promise((done) => socket.once('close', done)),
    ),
  );
}
