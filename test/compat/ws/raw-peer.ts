/** Peers that speak bytes: a client and a server that send what no WebSocket library would. */

import { createHash } from 'node:crypto';
import { connect, createServer, type Socket } from 'node:net';

export const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

/** A request for an upgrade, line by line, so that a test can leave one out or change it. */
export function requestLines(
  changes: { readonly [name: string]: string | undefined } = {},
  line = 'GET / HTTP/1.1',
): string {
  const headers: Record<string, string | undefined> = {
    Host: 'localhost',
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Key': KEY,
    'Sec-WebSocket-Version': '13',
    ...changes,
  };
  const lines = Object.entries(headers)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${value}`);
  return `${[line, ...lines].join('\r\n')}\r\n\r\n`;
}

/** What a server sent until it closed the connection, or until enough had come. */
export class RawClient {
  readonly socket: Socket;
  readonly ended: Promise<void>;
  #bytes: Buffer = Buffer.alloc(0);
  #waiting: (() => void)[] = [];

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    this.socket.on('data', (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      for (const wake of this.#waiting.splice(0)) wake();
    });
    this.socket.on('error', () => {});
    this.ended = new Promise((resolve) => {
      const wakeAll = (): void => {
        for (const wake of this.#waiting.splice(0)) wake();
        resolve();
      };
      this.socket.on('end', wakeAll);
      this.socket.on('close', wakeAll);
    });
  }

  /** Sends a request and waits for the head of the response. */
  async upgrade(request: string, andThen: Uint8Array = new Uint8Array(0)): Promise<string> {
    this.socket.write(Buffer.concat([Buffer.from(request, 'latin1'), andThen]));
    for (;;) {
      const end = this.#bytes.indexOf('\r\n\r\n');
      if (end >= 0) {
        const head = this.#bytes.subarray(0, end).toString('latin1');
        this.#bytes = this.#bytes.subarray(end + 4);
        return head;
      }
      if (this.socket.readableEnded || this.socket.destroyed) return '';
      await new Promise<void>((wake) => this.#waiting.push(wake));
    }
  }

  /** The bytes behind the head. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  /** Waits for some bytes behind the head. */
  async read(length: number): Promise<Buffer> {
    while (this.#bytes.length < length && !this.socket.readableEnded && !this.socket.destroyed) {
      await new Promise<void>((wake) => this.#waiting.push(wake));
    }
    const bytes = this.#bytes.subarray(0, length);
    this.#bytes = this.#bytes.subarray(length);
    return bytes;
  }
}

/** A frame of a client: masked, with a key of zeros, so that the payload stays readable. */
export function maskedFrame(firstByte: number, payload: string | Uint8Array = ''): Buffer {
  const bytes = Buffer.from(payload as string, 'latin1');
  return Buffer.concat([header(firstByte, bytes.length, 0x80), Buffer.alloc(4), bytes]);
}

/** A frame of a server. */
export function frame(firstByte: number, payload: string | Uint8Array = ''): Buffer {
  const bytes = Buffer.from(payload as string, 'latin1');
  return Buffer.concat([header(firstByte, bytes.length, 0), bytes]);
}

function header(firstByte: number, length: number, mask: number): Buffer {
  if (length < 126) return Buffer.from([firstByte, mask | length]);
  if (length < 65_536) return Buffer.from([firstByte, mask | 126, length >> 8, length & 0xff]);
  const head = Buffer.from([firstByte, mask | 127, 0, 0, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(length, 6);
  return head;
}

/** A server that answers the bytes of a test to each request, and is told of the rest. */
export async function serveRaw(
  answer: (request: string, socket: Socket) => void,
): Promise<{ port: number; close: () => void }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let head = '';
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      if (head.endsWith('\r\n\r\n')) return;
      head += chunk.toString('latin1');
      if (head.endsWith('\r\n\r\n')) answer(head, socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    port,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** The 101 that a request is waiting for, with changes. */
export function acceptLines(
  request: string,
  changes: { readonly [name: string]: string | undefined } = {},
): string {
  const key = /sec-websocket-key: (.*)\r/i.exec(request)?.[1] ?? '';
  const accept = createHash('sha1')
    .update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64');
  const headers: Record<string, string | undefined> = {
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Accept': accept,
    ...changes,
  };
  const lines = Object.entries(headers)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${value}`);
  return `${['HTTP/1.1 101 Switching Protocols', ...lines].join('\r\n')}\r\n\r\n`;
}
