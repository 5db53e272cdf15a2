/** What a server answers to a handshake: the statuses, bodies' kind and headers of `ws`. */

import { createServer, type IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { MemoryDuplex } from '../../support/memory-duplex.ts';
import { type Log, once, type Server, same, sanswireWs, serve, showError } from './libraries.ts';
import { KEY, RawClient, requestLines } from './raw-peer.ts';

/** What both libraries decide of a response head: the status line and the headers, unordered. */
function logHead(log: Log, head: string): void {
  const [status = '', ...headers] = head.split('\r\n');
  log.push(status);
  const names = headers
    .map((line) => line.replace(/^(Content-Length|Date): .*/, '$1'))
    .filter((line) => !/^(Allow|Keep-Alive)/i.test(line));
  log.push(...names.sort());
}

interface ClientInfo {
  origin: string;
  secure: boolean;
  req: IncomingMessage;
}

async function ask(port: number, request: string): Promise<string> {
  const client = new RawClient(port);
  const head = await client.upgrade(request);
  client.socket.destroy();
  return head;
}

const REQUESTS: { readonly [name: string]: string } = {
  'a request that keeps the rules': requestLines(),
  'version 8': requestLines({ 'Sec-WebSocket-Version': '8' }),
  'another method': requestLines({}, 'POST / HTTP/1.1'),
  'another protocol to upgrade to': requestLines({ Upgrade: 'h2c' }),
  'no key': requestLines({ 'Sec-WebSocket-Key': undefined }),
  'a key of the wrong length': requestLines({ 'Sec-WebSocket-Key': 'Zm9v' }),
  'no version': requestLines({ 'Sec-WebSocket-Version': undefined }),
  'version 12': requestLines({ 'Sec-WebSocket-Version': '12' }),
  subprotocols: requestLines({ 'Sec-WebSocket-Protocol': 'a, b' }),
  'a subprotocol twice': requestLines({ 'Sec-WebSocket-Protocol': 'a, a' }),
  'subprotocols that are no tokens': requestLines({ 'Sec-WebSocket-Protocol': 'a b' }),
  'an empty list of subprotocols': requestLines({ 'Sec-WebSocket-Protocol': '' }),
  'extensions, which are off': requestLines({ 'Sec-WebSocket-Extensions': 'permessage-deflate' }),
  'malformed extensions, which are off': requestLines({ 'Sec-WebSocket-Extensions': ';;' }),
};

/** Shapes that peers and proxies send, or that attackers try. */
const SHAPES: { readonly [part: string]: readonly string[] } = {
  methods: ['HEAD', 'OPTIONS', 'get', 'FOO'].map((method) => `${method} / HTTP/1.1`),
  targets: [
    ...['*', 'ws://a/b', 'wss://a', 'http://a', 'https://a:1/', 'ftp://a/', 'http://u@a/'],
    ...['http:///a', 'http://a:b/', '/a#b', '//a', '/?', '/%', '?q', 'a', '/\x7f', '/\xe9'],
  ].map((target) => `GET ${target} HTTP/1.1`),
  Connection: [
    'keep-alive, Upgrade',
    'upgrade,close',
    ',Upgrade,',
    'UPGRADE',
    'close',
    'Upgrade;x',
  ],
  Upgrade: ['WebSocket', '', 'websockets', 'websocket/13', '"websocket"', 'websocket websocket'],
  Host: ['a', 'a:', 'a:80', '[::1]', '[::1]:80', 'a_b', '*'],
  'Content-Length': ['0', '00', '', '-1'],
  Expect: ['100-continue'],
  'Sec-WebSocket-Key': ['', `${KEY}, ${KEY}`, `"${KEY}"`, 'AAAAAAAAAAAAAAAAAAAAAA==', 'A==='],
  'Sec-WebSocket-Version': ['', '7', '25', '-13', '13, 8', '"13"', '13;'],
  'Sec-WebSocket-Protocol': ['a\t,\tb', 'a, A', 'a;b', '"a"', '__proto__', ',', '\xe9', 'a=b'],
  'Sec-WebSocket-Extensions': [
    'x;a=',
    'x;a=""',
    'x;a="b c"',
    'x;a;a',
    'x;a="\\b"',
    'x;=b',
    '__proto__;x',
  ],
  Origin: ['null', '', 'http://a'],
};

describe('the answer to all shapes of', () => {
  for (const [part, shapes] of Object.entries(SHAPES)) {
    same(part, async (library, log) => {
      const { server, port } = await serve(library, { perMessageDeflate: true });
      // Whether or not node:http takes it for an upgrade.
      server.on('wsClientError', (_error, socket) => socket.end('HTTP/1.1 400 Refused\r\n\r\n'));
      for (const shape of shapes) {
        const isLine = shape.endsWith(' HTTP/1.1');
        const request = isLine ? requestLines({}, shape) : requestLines({ [part]: shape });
        const [status = ''] = (await ask(port, request)).split('\r\n');
        log.push(`${shape} => ${status}`);
      }
      server.close();
    });
  }
});

describe('the answer to', () => {
  for (const [name, request] of Object.entries(REQUESTS)) {
    same(name, async (library, log) => {
      const { server, port } = await serve(library);
      logHead(log, await ask(port, request));
      server.close();
    });
    same(`${name}, where wsClientError is listened to`, async (library, log) => {
      const { server, port } = await serve(library);
      server.on('wsClientError', (error, socket, received) => {
        log.push(`wsClientError ${showError(error)} ${received.url}`);
        socket.end('HTTP/1.1 418 Own Answer\r\n\r\n');
      });
      log.push((await ask(port, request)).split('\r\n')[0] ?? '');
      server.close();
    });
  }

  same('a plain request to a server of its own', async (library, log) => {
    const { server, port } = await serve(library);
    const response = await fetch(`http://127.0.0.1:${port}/`);
    log.push(`${response.status} ${response.headers.get('content-type')} ${await response.text()}`);
    server.close();
  });
});

const DEFLATE_OFFERS = [
  'permessage-deflate',
  'permessage-deflate; client_max_window_bits',
  'permessage-deflate; client_max_window_bits=10',
  'permessage-deflate; server_max_window_bits=10',
  'permessage-deflate; server_no_context_takeover; client_no_context_takeover',
  'permessage-deflate; unknown',
  'permessage-deflate; server_max_window_bits=7',
  'permessage-deflate; server_max_window_bits',
  'permessage-deflate; client_max_window_bits="10"',
  'permessage-deflate; server_no_context_takeover=1',
  'permessage-deflate; client_max_window_bits; client_max_window_bits',
  'permessage-deflate; server_no_context_takeover, permessage-deflate',
  'foo, permessage-deflate',
  'foo',
  ';;',
];
const DEFLATE_OPTIONS: readonly object[] = [
  {},
  { serverNoContextTakeover: true, clientNoContextTakeover: true },
  { serverNoContextTakeover: false },
  { serverMaxWindowBits: 11, clientMaxWindowBits: 12 },
];

describe('the answer to offers of compression', () => {
  for (const options of DEFLATE_OPTIONS) {
    same(`with ${JSON.stringify(options)}`, async (library, log) => {
      const { server, port } = await serve(library, { perMessageDeflate: options });
      for (const offer of DEFLATE_OFFERS) {
        const head = await ask(port, requestLines({ 'Sec-WebSocket-Extensions': offer }));
        const [status] = head.split('\r\n');
        const extensions = /^sec-websocket-extensions: (.*)$/im.exec(head)?.[1] ?? 'none';
        log.push(`${offer} => ${status} ${extensions.split('; ').sort().join('; ')}`);
      }
      server.close();
    });
  }
});

describe('verifyClient', () => {
  same('lets in and refuses by its result', async (library, log) => {
    const { server, port } = await serve(library, {
      verifyClient: (info: ClientInfo) => {
        log.push(`${info.origin} ${info.secure} ${info.req.url}`);
        return info.req.url === '/in';
      },
    });
    const headers = { Origin: 'http://example.com' };
    logHead(log, await ask(port, requestLines(headers, 'GET /in HTTP/1.1')));
    logHead(log, await ask(port, requestLines(headers, 'GET /out HTTP/1.1')));
    server.close();
  });

  same('refuses by a call, with code, message and headers', async (library, log) => {
    const { server, port } = await serve(library, {
      verifyClient: (info, callback) => {
        setTimeout(() => {
          if (info.req.url === '/in') callback(true);
          else if (info.req.url === '/plain') callback(false);
          else callback(false, 403, 'go away', { 'X-Reason': 'because', 'Retry-After': 120 });
        }, 5);
      },
    });
    for (const path of ['/in', '/plain', '/out']) {
      logHead(log, await ask(port, requestLines({}, `GET ${path} HTTP/1.1`)));
    }
    server.close();
  });

  same('refuses with values of any type', async (library, log) => {
    const answers: readonly unknown[][] = [
      [false, '403'],
      [0, 404, ''],
      [null, 302, 'elsewhere', { Location: 'http://a/' }],
      [false, 418, Buffer.from('tea'), { 'X-A': null, 'X-B': true, 'X-C': 5 }],
    ];
    for (const answer of answers) {
      const { server, port } = await serve(library, {
        verifyClient: (_info, callback) => (callback as (...values: unknown[]) => void)(...answer),
      });
      log.push(await ask(port, requestLines()));
      server.close();
    }
    log.forEach((head, index) => {
      log[index] = head.split('\r\n').sort().join(' ');
    });
  });

  it('ends the socket when the refusal cannot be written', async () => {
    let error: unknown;
    const { server, port } = await serve(sanswireWs, {
      verifyClient: (_info, callback) => {
        try {
          callback(false, 99);
        } catch (thrown) {
          error = thrown;
        }
      },
    });
    expect(await ask(port, requestLines())).toBe('');
    expect(error).toBeInstanceOf(RangeError);
    server.close();
  });

  it('may give the Upgrade of a 426, which is there once', async () => {
    const { server, port } = await serve(sanswireWs, {
      verifyClient: (_info, callback) => callback(false, 426, '', { Upgrade: 'websocket' }),
    });
    const head = await ask(port, requestLines());
    expect(head).toMatch(/^HTTP\/1\.1 426 /);
    expect(head.match(/^Upgrade: .*$/gm)).toEqual(['Upgrade: websocket']);
    server.close();
  });

  it('a key under another spelling of its name is that of the request', async () => {
    const server = new sanswireWs.WebSocketServer({ noServer: true });
    const headers = { Upgrade: 'websocket', 'Sec-WebSocket-Version': 13, 'Sec-WebSocket-Key': KEY };
    const stream = new MemoryDuplex();
    server.handleUpgrade({ method: 'GET', headers } as never, stream, Buffer.alloc(0), () => {});
    expect(Buffer.from(stream.written).toString()).toContain(
      'Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
    );
  });

  same('sees the origin of version 8', async (library, log) => {
    const { server, port } = await serve(library, {
      verifyClient: (info: { origin: string }) => {
        log.push(`${info.origin}`);
        return true;
      },
    });
    const headers = { 'Sec-WebSocket-Version': '8', 'Sec-WebSocket-Origin': 'http://old' };
    logHead(log, await ask(port, requestLines(headers)));
    server.close();
  });
});

describe('handleProtocols', () => {
  for (const [name, choose] of Object.entries({
    'chooses the last': (protocols: Set<string>) => [...protocols].at(-1) ?? false,
    'chooses none': () => false as const,
  })) {
    same(name, async (library, log) => {
      const { server, port } = await serve(library, {
        handleProtocols: (protocols, request) => {
          log.push(`${[...protocols]} ${request.url}`);
          return choose(protocols);
        },
      });
      server.on('connection', (socket) => log.push(`connection ${socket.protocol}`));
      logHead(log, await ask(port, requestLines({ 'Sec-WebSocket-Protocol': 'a, b' })));
      logHead(log, await ask(port, requestLines()));
      server.close();
    });
  }
});

describe('what is served', () => {
  same('path: the path alone, whatever the query', async (library, log) => {
    const { server, port } = await serve(library, { path: '/chat' });
    for (const target of ['/chat', '/chat?x=1', '/chat/', '/', '/chats']) {
      const head = await ask(port, requestLines({}, `GET ${target} HTTP/1.1`));
      log.push(`${target} ${head.split('\r\n')[0]}`);
    }
    server.close();
  });

  same('shouldHandle may be overridden', async (library, log) => {
    const { server, port } = await serve(library);
    server.shouldHandle = (request) => request.url === '/mine';
    for (const target of ['/mine', '/other']) {
      const head = await ask(port, requestLines({}, `GET ${target} HTTP/1.1`));
      log.push(`${target} ${head.split('\r\n')[0]}`);
    }
    server.close();
  });

  same('completeUpgrade may be overridden', async (library, log) => {
    class Own extends library.WebSocketServer {
      override completeUpgrade(...values: Parameters<Server['completeUpgrade']>): void {
        log.push(`complete ${values.length} ${values[1]} ${[...values[2]]} ${values[3].url}`);
        super.completeUpgrade(...values);
      }
    }
    const server = new Own({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    logHead(log, await ask(port, requestLines({ 'Sec-WebSocket-Protocol': 'a, b' })));
    server.close();
  });

  same('headers: listeners may change the lines', async (library, log) => {
    const { server, port } = await serve(library);
    server.on('headers', (headers, request) => {
      log.push(`${headers.length} ${headers[0]} ${request.url}`);
      headers.push('Set-Cookie: a=b', 'X-Own: 1');
    });
    logHead(log, await ask(port, requestLines()));
    server.close();
  });

  same('headers: an emit of its own hears of the lines, too', async (library, log) => {
    class Own extends library.WebSocketServer {
      override emit(name: string | symbol, ...values: unknown[]): boolean {
        if (name === 'headers') (values[0] as string[]).push('X-Own: 1');
        return super.emit(name, ...values);
      }
    }
    const server = new Own({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    logHead(log, await ask(port, requestLines()));
    server.close();
  });

  it('copies no bag of options', async () => {
    const { server, port } = await serve(sanswireWs, { maxPayload: 5 });
    let copies = 0;
    server.options = new Proxy(server.options, {
      ownKeys(options) {
        copies++;
        return Reflect.ownKeys(options);
      },
    });
    const limits: unknown[] = [];
    server.on('connection', (websocket) => limits.push(websocket._receiver?._maxPayload));
    await ask(port, requestLines());
    server.options.maxPayload = 6;
    await ask(port, requestLines());
    server.close();
    expect({ copies, limits }).toEqual({ copies: 0, limits: [5, 6] });
  });

  it('a class of sockets that passes no options on has the limits of the server', async () => {
    class Own extends sanswireWs {
      constructor() {
        super(null);
      }
    }
    const { server, port } = await serve(sanswireWs, { maxPayload: 5, WebSocket: Own as never });
    const limits: unknown[] = [];
    server.on('connection', (websocket) => limits.push(websocket._receiver?._maxPayload));
    await ask(port, requestLines());
    server.close();
    expect(limits).toEqual([5]);
  });

  same('several servers on one HTTP server, each with noServer', async (library, log) => {
    const http = createServer();
    const servers: Record<string, Server> = {
      '/foo': new library.WebSocketServer({ noServer: true }),
      '/bar': new library.WebSocketServer({ noServer: true }),
    };
    http.on('upgrade', (request, socket, head) => {
      const server = servers[request.url ?? ''];
      if (server === undefined) {
        socket.destroy();
        return;
      }
      server.handleUpgrade(request, socket, head, (websocket, same) => {
        log.push(`done ${request.url} ${websocket.readyState} ${same === request}`);
        server.emit('connection', websocket, request, 'extra');
      });
    });
    for (const [path, server] of Object.entries(servers)) {
      server.on('connection', (_websocket, request, extra?: unknown) => {
        log.push(`connection ${path} ${request.url} ${extra} ${server.clients.size}`);
      });
    }
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    const { port } = http.address() as { port: number };
    for (const path of ['/foo', '/bar', '/baz']) {
      const head = await ask(port, requestLines({}, `GET ${path} HTTP/1.1`));
      log.push(head.split('\r\n')[0] ?? '');
    }
    http.close();
  });
});
