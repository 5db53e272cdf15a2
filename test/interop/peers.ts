/**
 * WebSockets of several makers behind one face: what the interop tests ask of either end of a
 * connection.
 *
 * A maker has a client, a server, or both. Every message is kept as it came, text as a string and
 * binary as a Buffer.
 */

import type { IncomingHttpHeaders } from 'node:http';
import type { Server as NetServer } from 'node:net';
import { onTestFinished } from 'vitest';

/** What is to be negotiated, and how to reach the server. */
export interface Settings {
  readonly protocols?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly isSecure?: boolean;
}

/** How a connection ended, as this end was told. */
export interface Ending {
  readonly code: number;
  readonly reason: string;
}

/** One end of an open connection. */
export interface End {
  readonly protocol: string;
  readonly messages: (string | Buffer)[];
  readonly closed: Promise<Ending>;
  /** The request's headers, at a server. */
  readonly requestHeaders?: IncomingHttpHeaders;
  send(data: string | Uint8Array): void;
  /** Sends a message in fragments, where the maker can. */
  sendFragments?(pieces: readonly (string | Uint8Array)[]): void;
  /** Sends a Ping, where the maker can, and waits for its Pong. */
  ping?(payload: string): Promise<unknown>;
  close(code?: number, reason?: string): void;
}

export interface Listening {
  readonly url: string;
  /** The ends in the order of their requests. */
  readonly ends: End[];
}

/** Who made an implementation, and what it can be. */
export interface Maker {
  readonly name: string;
  readonly connect?: (url: string, settings: Settings) => Promise<End>;
  readonly listen?: (settings: Settings) => Promise<Listening>;
  /** Whether the client can send headers of the application. */
  readonly sendsHeaders: boolean;
  /** Whether the client can be told which certificates to trust. */
  readonly trustsFixture: boolean;
  readonly sendsPings: boolean;
  readonly sendsFragments: boolean;
}

/** The makers differ in what they call the bytes of a message. */
export function toMessage(data: unknown): string | Buffer {
  if (typeof data === 'string') return data;
  if (data instanceof ArrayBuffer) return Buffer.from(data);
  if (ArrayBuffer.isView(data)) return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  throw new TypeError(`No message: ${Object.prototype.toString.call(data)}`);
}

/** Destroys the sockets that a server still has when the test is over. */
export function endWithTest(server: NetServer): void {
  const sockets = new Set<{ destroy(): void }>();
  server.on('connection', (socket) => sockets.add(socket));
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
}
