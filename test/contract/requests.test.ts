/**
 * What every server makes of a request: of what the peer sent, as strict as RFC 6455 §4.2.1; of
 * what the application has edited, rewritten or made up since, what it says now.
 */

import { EventEmitter } from 'node:events';
import { createServer, IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { permessageDeflate, WebSocket } from '../../src/index.ts';
import { createServer as createNodejsServer } from '../../src/nodejs-websocket.ts';
import { createServer as createPullServer } from '../../src/pull-ws.ts';
import { WebSocketStream } from '../../src/streams.ts';
import { Server as WalveServer } from '../../src/walve.ts';
import { WebSocketServer } from '../../src/ws.ts';
import { connectRaw, listen, readHead, upgradeRequest } from '../api/sockets.ts';

const NO_BYTES = Buffer.alloc(0);
const PROTOCOLS = ['a', 'b', 'c'];
const EXTENSIONS = { extensions: [permessageDeflate] };

interface Face {
  readonly name: string;
  /** What it can agree on. */
  readonly has: readonly ('subprotocols' | 'extensions')[];
  upgrade(request: IncomingMessage, socket: Duplex): void;
}

const FACES: readonly Face[] = [
  {
    name: 'sanswire',
    has: ['subprotocols', 'extensions'],
    upgrade(request, socket) {
      const webSocket = new WebSocket(request, socket, NO_BYTES, PROTOCOLS, EXTENSIONS);
      webSocket.on('error', () => {});
    },
  },
  {
    name: 'sanswire/streams',
    has: ['subprotocols', 'extensions'],
    upgrade(request, socket) {
      const options = { protocols: PROTOCOLS, ...EXTENSIONS };
      const stream = WebSocketStream.accept(request, socket, NO_BYTES, options);
      for (const end of [stream.opened, stream.closed]) end.catch(() => {});
    },
  },
  {
    name: 'sanswire/ws',
    has: ['subprotocols', 'extensions'],
    upgrade(request, socket) {
      const server = new WebSocketServer({ noServer: true, perMessageDeflate: true });
      server.handleUpgrade(request, socket, NO_BYTES, (webSocket) => {
        webSocket.on('error', () => {});
      });
    },
  },
  {
    name: 'sanswire/pull-ws',
    has: ['subprotocols', 'extensions'],
    upgrade(request, socket) {
      const server = createServer();
      createPullServer({ server, perMessageDeflate: true }, (stream) =>
        stream.source(true, () => {}),
      );
      server.emit('upgrade', request, socket, NO_BYTES);
    },
  },
  {
    name: 'sanswire/nodejs-websocket',
    has: ['subprotocols'],
    upgrade(request, socket) {
      const server = createNodejsServer({ validProtocols: PROTOCOLS }, (connection) => {
        connection.on('error', () => {});
      });
      server.socket.emit('upgrade', request, socket, NO_BYTES);
    },
  },
  {
    name: 'sanswire/walve',
    has: [],
    upgrade(request, socket) {
      const server = new EventEmitter();
      new WalveServer().on('connect', (one) => one.on('error', () => {})).listen(server);
      server.emit('upgrade', request, socket, NO_BYTES);
    },
  },
];

const OFFER = {
  'Sec-WebSocket-Protocol': 'a, b',
  'Sec-WebSocket-Extensions': 'permessage-deflate',
};

/** Sends a request that the application changes before the server sees it. */
async function ask(
  face: Face,
  head: string,
  change: (request: IncomingMessage) => IncomingMessage | undefined = () => undefined,
  maxHeadersCount = 0,
): Promise<string> {
  const server = createServer();
  server.maxHeadersCount = maxHeadersCount;
  server.on('upgrade', (request, socket) => face.upgrade(change(request) ?? request, socket));
  const socket = await connectRaw(await listen(server));
  socket.write(Buffer.from(head, 'latin1'));
  const [response] = await readHead(socket);
  socket.destroy();
  return response;
}

const statusOf = (response: string): string => response.split(' ')[1] ?? '';
const fieldOf = (response: string, name: string): string | undefined =>
  new RegExp(`^${name}: (.*)$`, 'im').exec(response)?.[1]?.trimEnd();

describe.each(FACES)('$name', (face) => {
  const hasProtocols = face.has.includes('subprotocols');
  const hasExtensions = face.has.includes('extensions');

  describe('goes by the headers that the application has edited', () => {
    it('a subprotocol', async () => {
      const protocolOf = async (value: string | undefined): Promise<string | undefined> => {
        const response = await ask(face, upgradeRequest(OFFER), ({ headers }) => {
          headers['sec-websocket-protocol'] = value;
          return undefined;
        });
        expect(statusOf(response)).toBe('101');
        return fieldOf(response, 'sec-websocket-protocol');
      };
      expect(await protocolOf('c, a')).toBe(hasProtocols ? 'c' : undefined);
      // As the first of the peer's own list, too.
      expect(await protocolOf('b')).toBe(hasProtocols ? 'b' : undefined);
      expect(await protocolOf(undefined)).toBeUndefined();
    });

    it('an extension that was removed, or added', async () => {
      const removed = await ask(face, upgradeRequest(OFFER), ({ headers }) => {
        delete headers['sec-websocket-extensions'];
        return undefined;
      });
      expect(fieldOf(removed, 'sec-websocket-extensions')).toBeUndefined();
      const added = await ask(face, upgradeRequest(), ({ headers }) => {
        headers['sec-websocket-extensions'] = 'permessage-deflate';
        return undefined;
      });
      const wanted = hasExtensions ? 'permessage-deflate' : undefined;
      expect(fieldOf(added, 'sec-websocket-extensions')).toBe(wanted);
    });

    it('what the handshake requires', async () => {
      const edited = (edit: Record<string, unknown>, head = upgradeRequest()): Promise<string> =>
        ask(face, head, ({ headers }) => {
          Object.assign(headers, edit);
          return undefined;
        });
      const noUpgrade = upgradeRequest({ Upgrade: 'other', 'Sec-WebSocket-Version': '7' });
      const repaired = { upgrade: 'websocket', 'sec-websocket-version': 13 };
      expect(statusOf(await edited(repaired, noUpgrade))).toBe('101');
      expect(statusOf(await edited({ upgrade: undefined }))).toMatch(/^4/);
      expect(statusOf(await edited({ 'sec-websocket-key': 'short' }))).toBe('400');
      const otherKey = await edited({ 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==' });
      expect(fieldOf(otherKey, 'sec-websocket-accept')).toBe('ICX+Yqv66kxgM0FcWaLWlFLwTAI=');
      // A proxy removes these, and they have done their work.
      expect(statusOf(await edited({ host: undefined, connection: undefined }))).toBe('101');
    });
  });

  it('takes rawHeaders as pairs, as mockttp gives them', async () => {
    const response = await ask(face, upgradeRequest(OFFER), (request) => {
      const { headers, rawHeaders } = request;
      const pairs = rawHeaders.flatMap((name, at) => (at % 2 ? [] : [[name, rawHeaders[at + 1]]]));
      Object.defineProperty(request, 'rawHeaders', { value: pairs });
      expect(headers.host).toBe('127.0.0.1');
      return undefined;
    });
    expect(statusOf(response)).toBe('101');
    expect(fieldOf(response, 'sec-websocket-protocol')).toBe(hasProtocols ? 'a' : undefined);
  });

  const headers = {
    upgrade: 'websocket',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'sec-websocket-version': '13',
  };
  const NUMBERS = ['Host', 'a', 'Connection', 'upgrade', 'Sec-WebSocket-Version', 13];
  const made = (request: object): IncomingMessage => request as IncomingMessage;
  it.each<[string, () => IncomingMessage]>([
    ['an object', () => made({ method: 'GET', url: '/', headers })],
    ['an object with null', () => made({ method: 'GET', headers, rawHeaders: null, url: null })],
    ['one with a number for a URL', () => made({ method: 'GET', headers, rawHeaders: {}, url: 5 })],
    ['one with a URL', () => made({ method: 'GET', headers, url: new URL('http://a/b') })],
    ['one with numbers in rawHeaders', () => made({ method: 'GET', headers, rawHeaders: NUMBERS })],
    [
      'an IncomingMessage',
      () => Object.assign(new IncomingMessage(new Socket()), { method: 'GET', headers }),
    ],
  ])('accepts a request that was made up: %s', async (_, makeUp) => {
    expect(statusOf(await ask(face, upgradeRequest(), makeUp))).toBe('101');
    const refused = await ask(face, upgradeRequest(), () => {
      const request = makeUp();
      request.headers = { ...headers, 'sec-websocket-key': 'short' };
      return request;
    });
    expect(statusOf(refused)).toBe('400');
  });

  it.each(['', '?q', '/a b', '/\u0444', 'a', 'ws://example.com/a', 'wss://example.com'])(
    'accepts the URL %j, which the application has written',
    async (url) => {
      const response = await ask(face, upgradeRequest(), (request) => {
        request.url = url;
        return undefined;
      });
      expect(statusOf(response)).toBe('101');
    },
  );

  it('accepts an absolute target with the scheme ws', async () => {
    const head = upgradeRequest({}, 'GET ws://example.com/a?b HTTP/1.1');
    expect(statusOf(await ask(face, head))).toBe('101');
  });

  describe('refuses what the peer has repeated, which node:http may hide (RFC 9110 §5.3)', () => {
    const KEY = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==';
    it.each(['Host: 127.0.0.1', 'Host: other', KEY, 'Sec-WebSocket-Version: 13'])(
      '%s',
      async (line) => {
        const head = upgradeRequest().replace(/\r\n$/, `${line}\r\n\r\n`);
        expect(statusOf(await ask(face, head))).toMatch(/^4/);
        // Also where node:http cuts the second one off.
        expect(statusOf(await ask(face, head, undefined, 5))).toMatch(/^4/);
      },
    );
  });

  it('refuses a body, also where node:http has cut it off (RFC 9110 §7.8)', async () => {
    const head = upgradeRequest({ 'Transfer-Encoding': 'chunked' });
    expect(statusOf(await ask(face, head))).toBe('400');
    // From Node 22 on, node:http itself refuses too many headers.
    expect(statusOf(await ask(face, head, undefined, 5))).toMatch(/^4(?:00|31)$/);
    const removed = await ask(face, head, (request) => {
      delete request.headers['transfer-encoding'];
      return undefined;
    });
    expect(statusOf(removed)).toBe('400');
  });

  it('refuses a handshake whose Upgrade is cut off (CVE-2024-37890)', async () => {
    const head = upgradeRequest({ Upgrade: undefined, X: '1' });
    const full = head.replace(/\r\n$/, 'Upgrade: websocket\r\n\r\n');
    expect(statusOf(await ask(face, full, undefined, 5))).toMatch(/^4/);
  });
});
