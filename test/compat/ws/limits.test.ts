/** Every way to make a socket has every limit; known attacks fail. */

import { createServer } from 'node:http';
import type { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import {
  closed,
  once,
  type Server,
  type Socket,
  sanswireWs,
  serve,
  showError,
} from './libraries.ts';
import { acceptLines, frame, maskedFrame, RawClient, requestLines, serveRaw } from './raw-peer.ts';

const MAX_PAYLOAD = 100 * 1024 * 1024;
const MAX_FRAGMENTS = 4;

/** The header of a frame that announces one byte more than is allowed. */
function tooLongHeader(mask: number): Buffer {
  const header = Buffer.from([0x82, mask | 127, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(MAX_PAYLOAD + 1, 6);
  return header.subarray(0, mask === 0 ? 10 : 14);
}

/** One fragment more than {@link MAX_FRAGMENTS}, all of them empty. */
function tooManyFragments(isMasked: boolean): Buffer {
  const make = isMasked ? maskedFrame : frame;
  return Buffer.concat([make(0x02), ...Array.from({ length: MAX_FRAGMENTS }, () => make(0x00))]);
}

interface Attack {
  readonly limit: string;
  readonly options: { readonly maxFragments?: number };
  readonly bytes: (isMasked: boolean) => Buffer;
  readonly error: string;
}

const ATTACKS: readonly Attack[] = [
  {
    limit: 'maxPayload by default',
    options: {},
    bytes: (isMasked) => tooLongHeader(isMasked ? 0x80 : 0),
    error: 'RangeError WS_ERR_UNSUPPORTED_MESSAGE_LENGTH',
  },
  {
    limit: 'maxFragments when given',
    options: { maxFragments: MAX_FRAGMENTS },
    bytes: tooManyFragments,
    error: 'RangeError WS_ERR_TOO_MANY_BUFFERED_PARTS',
  },
];

/** Attacks the socket of a server, and returns the error that it reports. */
async function attackServer(port: number, server: Server, bytes: Buffer): Promise<string> {
  const connected = once(server, 'connection');
  const client = new RawClient(port);
  await client.upgrade(requestLines());
  const [socket] = (await connected) as [Socket];
  const failed = once(socket, 'error');
  client.socket.write(bytes);
  const [error] = (await failed) as [Error];
  client.socket.destroy();
  return showError(error);
}

async function withHttp(
  createWs: (http: ReturnType<typeof createServer>) => Server,
  bytes: Buffer,
): Promise<string> {
  const http = createServer().listen(0, '127.0.0.1');
  await once(http, 'listening');
  const server = createWs(http);
  const result = await attackServer((http.address() as { port: number }).port, server, bytes);
  http.close();
  return result;
}

class Subclass extends sanswireWs {}

const SERVER_PATHS: {
  readonly [path: string]: (bytes: Buffer, options: Attack['options']) => Promise<string>;
} = {
  'a server with a port': async (bytes, options) => {
    const { server, port } = await serve(sanswireWs, options);
    const result = await attackServer(port, server, bytes);
    server.close();
    return result;
  },
  'a server on an HTTP server': (bytes, options) =>
    withHttp((http) => new sanswireWs.WebSocketServer({ ...options, server: http }), bytes),
  'a server with noServer': (bytes, options) =>
    withHttp((http) => {
      const server = new sanswireWs.WebSocketServer({
        ...options,
        noServer: true,
        clientTracking: false,
      });
      http.on('upgrade', (request, socket, head) => {
        server.handleUpgrade(request, socket, head, (websocket) => {
          server.emit('connection', websocket, request);
        });
      });
      return server;
    }, bytes),
  'a subclass': async (bytes, options) => {
    const { server, port } = await serve(sanswireWs, { ...options, WebSocket: Subclass });
    const result = await attackServer(port, server, bytes);
    server.close();
    return result;
  },
  setSocket: (bytes, options) =>
    withHttp((http) => {
      const server = new sanswireWs.WebSocketServer({ noServer: true });
      http.on('upgrade', (request, socket: Duplex, head) => {
        socket.write(acceptLines(requestLines()));
        const websocket = new sanswireWs(null);
        websocket.setSocket(socket, head, options);
        server.emit('connection', websocket, request);
      });
      return server;
    }, bytes),
};

describe('the limits of sockets at a server', () => {
  for (const [path, attack] of Object.entries(SERVER_PATHS)) {
    for (const { limit, options, bytes, error } of ATTACKS) {
      it(`${path}: ${limit}`, async () => {
        expect(await attack(bytes(true), options)).toBe(error);
      });
    }
  }
});

describe('the limits of clients', () => {
  for (const { limit, options, bytes, error } of ATTACKS) {
    it(`a client: ${limit}`, async () => {
      const raw = await serveRaw((request, socket) => {
        socket.write(Buffer.concat([Buffer.from(acceptLines(request)), bytes(false)]));
      });
      const client = new sanswireWs(`ws://127.0.0.1:${raw.port}`, options);
      expect(showError((await once(client, 'error'))[0] as Error)).toBe(error);
      raw.close();
    });

    it(`createWebSocketStream: ${limit}`, async () => {
      const raw = await serveRaw((request, socket) => {
        socket.write(Buffer.concat([Buffer.from(acceptLines(request)), bytes(false)]));
      });
      const client = new sanswireWs(`ws://127.0.0.1:${raw.port}`, options);
      const stream = sanswireWs.createWebSocketStream(client);
      expect(showError((await once(stream, 'error'))[0] as Error)).toBe(error);
      raw.close();
    });
  }

  it('a response head that never ends is cut off at its bytes (CVE-2023-43669)', async () => {
    const raw = await serveRaw((_request, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\n');
      const drip = (): void => {
        if (!socket.destroyed)
          socket.write(`X-More: ${'x'.repeat(1000)}\r\n`, () => setImmediate(drip));
      };
      drip();
    });
    const client = new sanswireWs(`ws://127.0.0.1:${raw.port}`);
    const [error] = (await once(client, 'error')) as [Error];
    expect(showError(error)).toBe('Error HPE_HEADER_OVERFLOW');
    raw.close();
  });
});

describe('a limit out of range', () => {
  it('closeTimeout: fails at the constructor, of a server too', () => {
    for (const closeTimeout of [Number.NaN, -1, 2 ** 31]) {
      expect(() => new sanswireWs('ws://127.0.0.1:1', { closeTimeout })).toThrow(RangeError);
      const options = { noServer: true, closeTimeout };
      expect(() => new sanswireWs.WebSocketServer(options)).toThrow(RangeError);
    }
  });

  it('handshakeTimeout: longer than any timer is none, and not 1 ms', async () => {
    const { server, port } = await serve(sanswireWs, {
      handshakeTimeout: 2 ** 31,
      verifyClient: (_info, callback) => {
        setTimeout(callback, 20, true);
      },
    });
    const client = new RawClient(port);
    expect(await client.upgrade(requestLines())).toMatch(/^HTTP\/1\.1 101/);
    client.socket.destroy();
    server.close();
  });

  it('maxPayload of PerMessageDeflate: what is not positive is none, as in ws', async () => {
    for (const maxPayload of [-1, Number.NaN, 0]) {
      const deflate = new sanswireWs.PerMessageDeflate({ maxPayload });
      deflate.accept([{}]);
      const compressed = Buffer.from([0x4a, 0x04, 0x00]);
      const text = await new Promise((resolve, reject) => {
        deflate.decompress(compressed, true, (error, data) =>
          error === null ? resolve(String(data)) : reject(error),
        );
      });
      expect(text).toBe('a');
      deflate.cleanup();
    }
  });
});

describe('what peers have broken', () => {
  it('more headers than the default of Node do not hide Upgrade (CVE-2024-37890)', async () => {
    const { server, port } = await serve(sanswireWs);
    const many = Object.fromEntries(Array.from({ length: 1500 }, (_, at) => [`X${at}`, '']));
    const client = new RawClient(port);
    const head = await client.upgrade(requestLines({ ...many }));
    expect(head).toMatch(/^HTTP\/1\.1 101/);
    client.socket.destroy();
    server.close();
  });

  it('Pings of a peer that does not read are answered by few Pongs', async () => {
    const { server, port } = await serve(sanswireWs);
    const connected = once(server, 'connection');
    const client = new RawClient(port);
    await client.upgrade(requestLines());
    const [socket] = (await connected) as [Socket];
    client.socket.pause();
    socket.send(Buffer.alloc(32 << 20));
    const flood = Buffer.concat(
      Array.from({ length: 5000 }, () => maskedFrame(0x89, 'x'.repeat(100))),
    );
    for (let round = 0; round < 10; round++) client.socket.write(flood);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(socket.bufferedAmount).toBeLessThanOrEqual(32 << 20);
    client.socket.destroy();
    await closed(socket);
    server.close();
  });

  it('a payload and offers named __proto__ mean nothing (GHSA-5v72-xg48-5rpm)', async () => {
    const { server, port } = await serve(sanswireWs, { perMessageDeflate: true });
    const pongs: string[] = [];
    server.on('connection', (socket) => {
      socket.on('pong', (data) => pongs.push(data.toString()));
    });
    for (const offer of ['constructor', '__proto__; x', 'permessage-deflate; __proto__=1']) {
      const client = new RawClient(port);
      const head = await client.upgrade(requestLines({ 'Sec-WebSocket-Extensions': offer }));
      expect(head).toMatch(/^HTTP\/1\.1 (101|400)/);
      client.socket.end(maskedFrame(0x8a, '__proto__'));
      await client.ended;
    }
    expect(pongs).toEqual(['__proto__', '__proto__']);
    server.close();
  });

  it('an error of the socket during the handshake ends the socket, and nothing else', async () => {
    let answer: ((isVerified: boolean) => void) | undefined;
    const { server, port } = await serve(sanswireWs, {
      verifyClient: (_info, callback) => {
        answer = callback;
      },
    });
    const client = new RawClient(port);
    client.socket.write(requestLines());
    while (answer === undefined) await new Promise(setImmediate);
    client.socket.resetAndDestroy();
    await new Promise((resolve) => setTimeout(resolve, 20));
    answer(true);
    expect(server.clients.size).toBe(0);
    server.close();
  });
});
