/** What is known to differ from `ws`, one test each: docs/migrating-ws.md has the same list. */

import { execFile } from 'node:child_process';
import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { TLS_CERT, TLS_KEY } from '../../node/connecting.ts';
import {
  closed,
  type Library,
  once,
  pair,
  play,
  realWs,
  type Scenario,
  sanswireWs,
  serve,
  show,
  showError,
} from './libraries.ts';
import { acceptLines, frame, maskedFrame, RawClient, requestLines, serveRaw } from './raw-peer.ts';

/** Expects another log of each library. */
function differs(name: string, scenario: Scenario, ws: string[], sanswire: string[]): void {
  it(name, async () => {
    expect(await play(realWs, scenario), 'ws').toEqual(ws);
    expect(await play(sanswireWs, scenario), 'sanswire/ws').toEqual(sanswire);
  });
}

/** The answer of a server to a request, and to the bytes behind it. */
async function ask(
  library: Library,
  request: string,
  bytes: Buffer = Buffer.alloc(0),
  options: object = {},
): Promise<{ head: string; status: string; close: Buffer }> {
  const { server, port } = await serve(library, options);
  server.on('connection', (socket) => socket.on('error', () => {}));
  const client = new RawClient(port);
  const head = await client.upgrade(request);
  client.socket.end(bytes);
  await client.ended;
  server.close();
  return { head, status: head.split(' ')[1] ?? '', close: client.bytes };
}

/** Requests with a header that is left out, changed, or added behind the others. */
const withoutHost = requestLines({ Host: undefined });
const withLine = (line: string): string => requestLines().replace(/\r\n$/, `${line}\r\n\r\n`);
const withExtensions = (value: string): string => withLine(`Sec-WebSocket-Extensions: ${value}`);
const many = (count: number, name: string, separator: string): string =>
  Array.from({ length: count }, (_, index) => `${name}${index}`).join(separator);

const REFUSED: readonly (readonly [reason: string, requests: readonly string[]])[] = [
  ['HTTP/1.0 has no Upgrade (RFC 9110 §7.8)', [requestLines({}, 'GET / HTTP/1.0')]],
  [
    'a request has one valid Host (RFC 6455 §4.2.1)',
    [withoutHost, withLine('Host: localhost'), requestLines({ Host: 'a/b' })],
  ],
  [
    'a request has no body (RFC 9110 §7.8)',
    [withLine('Content-Length: 5'), withLine('Transfer-Encoding: chunked')],
  ],
  [
    'a version is spelled as RFC 6455 §4.1 does',
    ['013', '0xd', '1.3e1', '08'].map((value) => requestLines({ 'Sec-WebSocket-Version': value })),
  ],
  [
    'window bits are plain digits (RFC 7692 §7.1.2)',
    ['08', '1e1', '+10'].map((bits) =>
      withExtensions(`permessage-deflate; server_max_window_bits=${bits}`),
    ),
  ],
  [
    'the number of extensions and of their parameters is limited',
    [withExtensions(many(33, 'x', ',')), withExtensions(`x;${many(33, 'p', ';')}`)],
  ],
];

const ACCEPTED: readonly (readonly [reason: string, requests: readonly string[]])[] = [
  [
    'Upgrade is a list (RFC 9110 §7.8)',
    ['websocket, h2c', 'h2c, websocket'].map((value) => requestLines({ Upgrade: value })),
  ],
  [
    'a list may have empty elements (RFC 9110 §5.6.1)',
    [withLine('Sec-WebSocket-Protocol: a,,b'), withExtensions('x, ,y'), withExtensions('x,')],
  ],
  [
    'there may be whitespace around the equals sign of a parameter (RFC 6455 §9.1)',
    [withExtensions('permessage-deflate; server_max_window_bits = 10')],
  ],
  [
    'more than 1,000 headers count',
    [`${requestLines({ Upgrade: undefined }).trimEnd()}\r\n${many(1000, 'x', ':\r\n')}:\r\n`].map(
      (head) => `${head}Upgrade: websocket\r\n\r\n`,
    ),
  ],
];

describe('requests', () => {
  for (const [list, ws, sanswire] of [
    [REFUSED, '101', '400'],
    [ACCEPTED, '400', '101'],
  ] as const) {
    for (const [reason, requests] of list) {
      differs(
        `get ${sanswire}: ${reason}`,
        async (library, log) => {
          for (const request of requests) {
            const options = { perMessageDeflate: true };
            const { status } = await ask(library, request, undefined, options);
            // Node itself answers 431 to too many headers from version 22 on.
            log.push(status.replace('431', '400'));
          }
        },
        requests.map(() => ws),
        requests.map(() => sanswire),
      );
    }
  }

  differs(
    'with another method are told which is allowed (RFC 9110 §15.5.6)',
    async (library, log) => {
      const { head } = await ask(library, requestLines({}, 'POST / HTTP/1.1'));
      log.push(/^allow: .*$/im.exec(head)?.[0] ?? 'nothing');
    },
    ['nothing'],
    ['Allow: GET'],
  );

  differs(
    'that offer a smaller window are granted it, also for clientMaxWindowBits: false',
    async (library, log) => {
      const offer = withExtensions('permessage-deflate; client_max_window_bits=10');
      const options = { perMessageDeflate: { clientMaxWindowBits: false } };
      const { head } = await ask(library, offer, undefined, options);
      log.push(/^sec-websocket-extensions: (.*)$/im.exec(head)?.[1] ?? '');
    },
    ['permessage-deflate'],
    ['permessage-deflate; client_max_window_bits=10'],
  );

  differs(
    'that offer a window of 15 bits are answered without one: it is no restriction',
    async (library, log) => {
      const offer = withExtensions('permessage-deflate; client_max_window_bits=15');
      const { head } = await ask(library, offer, undefined, { perMessageDeflate: true });
      log.push(/^sec-websocket-extensions: (.*)$/im.exec(head)?.[1] ?? '');
    },
    ['permessage-deflate; client_max_window_bits=15'],
    ['permessage-deflate'],
  );
});

describe('responses', () => {
  const outcome = async (library: Library, extensions: string, options = {}): Promise<string> => {
    const raw = await serveRaw((request, socket) => {
      socket.write(acceptLines(request, { 'Sec-WebSocket-Extensions': extensions }));
    });
    const client = new library(`ws://127.0.0.1:${raw.port}`, options);
    client.on('error', () => {});
    const event = await Promise.race(
      ['open', 'close'].map((name) => once(client, name).then(() => name)),
    );
    client.terminate();
    raw.close();
    return event;
  };
  const NAME = 'permessage-deflate';

  differs(
    'may have empty elements, and whitespace around the equals sign of a parameter',
    async (library, log) => {
      for (const answer of [`${NAME},`, `${NAME}; server_max_window_bits = 10`]) {
        log.push(await outcome(library, answer));
      }
    },
    ['close', 'close'],
    ['open', 'open'],
  );

  differs(
    'fail with window bits that are not plain digits, or when an extension is accepted twice',
    async (library, log) => {
      for (const answer of [`${NAME}; server_max_window_bits=08`, `${NAME}, ${NAME}`]) {
        log.push(await outcome(library, answer));
      }
    },
    ['open', 'open'],
    ['close', 'close'],
  );

  differs(
    'may ask the client for no context takeover, whatever its options (RFC 7692 §7.1.1.2)',
    async (library, log) => {
      const options = { perMessageDeflate: { clientNoContextTakeover: false } };
      log.push(await outcome(library, `${NAME}; client_no_context_takeover`, options));
    },
    ['close'],
    ['open'],
  );
});

describe('refusals', () => {
  const refuse = async (library: Library, log: string[], ...values: unknown[]): Promise<void> => {
    const server = new library.WebSocketServer({
      noServer: true,
      verifyClient: (_info, callback) => {
        const answer = callback as (...all: unknown[]) => void;
        try {
          answer(false, ...values);
        } catch (error) {
          log.push(showError(error as Error));
        }
      },
    });
    const http = createServer().listen(0, '127.0.0.1');
    await once(http, 'listening');
    http.on('upgrade', (request, socket, head) => {
      server.handleUpgrade(request, socket, head, () => {});
      // Where nothing was answered, ws leaves the socket.
      setImmediate(() => socket.end());
    });
    const client = new RawClient((http.address() as { port: number }).port);
    const head = await client.upgrade(requestLines());
    log.push(...head.split('\r\n').filter((line) => line !== '' && !/^content-length/i.test(line)));
    client.socket.destroy();
    http.close();
  };

  const STATUS = ['HTTP/1.1 403 Forbidden', 'Connection: close'];
  differs(
    'have a field for each element of an array, and their own Connection and Content-Type',
    (library, log) => {
      const headers = { 'X-A': ['1', '2'], connection: 'keep-alive', 'content-type': 'text/plain' };
      return refuse(library, log, 403, 'x', headers);
    },
    [
      ...STATUS,
      'Content-Type: text/html',
      ...['X-A: 1,2', 'connection: keep-alive', 'content-type: text/plain'],
    ],
    [...STATUS, 'X-A: 1', 'X-A: 2', 'content-type: text/plain'],
  );

  differs(
    'throw for a status that refuses nothing, and for a header with a line break',
    async (library, log) => {
      await refuse(library, log, 200, 'x');
      await refuse(library, log, 403, 'x', { 'X-A': 'a\r\nX-B: b' });
    },
    [
      ...['HTTP/1.1 200 OK', 'Connection: close', 'Content-Type: text/html'],
      ...[...STATUS, 'Content-Type: text/html', 'X-A: a', 'X-B: b'],
    ],
    ['RangeError', 'TypeError'],
  );

  differs(
    'have their headers in an order of their own',
    async (library, log) => {
      const { head } = await ask(library, requestLines({ 'Sec-WebSocket-Key': undefined }));
      log.push((head.match(/^[\w-]+(?=:)/gm) ?? []).join(' '));
    },
    ['Connection Content-Type Content-Length'],
    ['Connection Content-Length Content-Type'],
  );

  differs(
    'have values beyond ASCII in Latin-1 (RFC 9110 §5.5)',
    (library, log) => refuse(library, log, 403, 'x', { 'Content-Type': 'ü' }),
    [...STATUS, 'Content-Type: Ã¼'],
    [...STATUS, 'Content-Type: ü'],
  );

  it('are those of the first call of verifyClient’s callback', async () => {
    const { server, port } = await serve(sanswireWs, {
      verifyClient: (_info, callback) => {
        callback(true);
        callback(true);
        callback(false);
      },
    });
    const client = new RawClient(port);
    expect(await client.upgrade(requestLines())).toMatch(/^HTTP\/1\.1 101/);
    client.socket.destroy();
    server.close();
  });
});

describe('handshakes', () => {
  differs(
    'a subprotocol that the client did not offer is not sent to it',
    async (library, log) => {
      const request = requestLines({ 'Sec-WebSocket-Protocol': 'a' });
      const options = { handleProtocols: () => 'b' };
      log.push((await ask(library, request, undefined, options)).status);
    },
    ['101'],
    ['500'],
  );

  it('a hole in the lines of the response is a header without a name', async () => {
    const { server, port } = await serve(sanswireWs);
    server.on('headers', (headers) => {
      headers[20] = 'X-A: b';
    });
    const client = new RawClient(port);
    let answer = '';
    client.socket.on('data', (chunk: Buffer) => {
      answer += String(chunk);
    });
    expect(await client.upgrade(requestLines())).toMatch(/^HTTP\/1\.1 500/);
    await client.ended;
    expect(answer).toMatch(/The name of a header must be a token: ""$/);
    client.socket.destroy();
    server.close();
  });

  it('a header with a line break is not sent (CVE-2026-1527)', async () => {
    const { server, port } = await serve(sanswireWs);
    server.on('headers', (headers) => headers.push('X-A: b\r\nSet-Cookie: c'));
    const client = new RawClient(port);
    expect(await client.upgrade(requestLines())).toMatch(/^HTTP\/1\.1 500/);
    client.socket.destroy();
    server.close();
  });

  it('verifyClient that never answers is given up: 408', async () => {
    const { server, port } = await serve(sanswireWs, {
      handshakeTimeout: 30,
      verifyClient: (_info, _callback) => {},
    });
    const client = new RawClient(port);
    expect(await client.upgrade(requestLines())).toMatch(/^HTTP\/1\.1 408/);
    client.socket.destroy();
    server.close();
  });

  it('a redirect with a listener drops credentials, and never leads to a Unix socket', async () => {
    const { server, url } = await serve(sanswireWs);
    let location = url;
    const http = createServer().listen(0, '127.0.0.1');
    http.on('upgrade', (_request, socket) => {
      socket.end(`HTTP/1.1 302 Found\r\nLocation: ${location}\r\n\r\n`);
    });
    await once(http, 'listening');
    const first = `ws://127.0.0.1:${(http.address() as { port: number }).port}`;
    const options = { followRedirects: true, headers: { Authorization: 'Basic x' } };
    const connected = once(server, 'connection');
    const client = new sanswireWs(first, options);
    client.on('redirect', () => {});
    const [, request] = (await connected) as [unknown, { headers: Record<string, string> }];
    expect(request.headers['authorization']).toBeUndefined();
    if (client.readyState === 0) await once(client, 'open');
    client.terminate();
    location = 'ws+unix:/tmp/x.sock:/';
    const [error] = await once(new sanswireWs(first, options), 'error');
    expect(showError(error as Error)).toBe('SyntaxError');
    http.close();
    server.close();
  });

  differs(
    'a Location may have a fragment (RFC 9110 §10.2.2)',
    async (library, log) => {
      const raw = await serveRaw((request, socket) => {
        log.push(request.split(' ', 2).join(' '));
        socket.end('HTTP/1.1 302 Found\r\nLocation: /there#part\r\nConnection: close\r\n\r\n');
      });
      const options = { followRedirects: true, maxRedirects: 1 };
      const client = new library(`ws://127.0.0.1:${raw.port}`, options);
      await once(
        client.on('error', () => {}),
        'close',
      );
      raw.close();
    },
    ['GET /'],
    ['GET /', 'GET /there'],
  );

  differs(
    'a redirect whose request a listener aborts has failed',
    async (library, log) => {
      const raw = await serveRaw((_, socket) => {
        socket.end('HTTP/1.1 302 Found\r\nLocation: /there\r\nConnection: close\r\n\r\n');
      });
      const client = new library(`ws://127.0.0.1:${raw.port}`, { followRedirects: true });
      client.on('error', (error) => log.push(error.message.replace(/: .*/, '')));
      client.on('redirect', (_, request) => {
        request.abort();
        // Here ws waits.
        setImmediate(() => client.close());
      });
      await closed(client);
      raw.close();
    },
    ['WebSocket was closed before the connection was established'],
    ['The transport failed'],
  );

  it('a socket without an address needs no options', () => {
    expect(() => new realWs(null)).toThrow(TypeError);
    expect(new sanswireWs(null).readyState).toBe(0);
  });
});

describe('options out of range', () => {
  const server = (perMessageDeflate: object) => (library: Library) =>
    new library.WebSocketServer({ noServer: true, perMessageDeflate });
  const client = (options: object) => (library: Library) => {
    const socket = new library('ws://127.0.0.1:1', options);
    socket.on('error', () => {}).terminate();
  };
  const CASES: readonly (readonly [string, (library: Library) => void])[] = [
    ['RangeError', server({ clientMaxWindowBits: 16 })],
    ['TypeError', server({ threshold: 'x' })],
    ['RangeError', server({ zlibDeflateOptions: { level: 99 } })],
    ['RangeError', client({ perMessageDeflate: { clientMaxWindowBits: 7 } })],
    ['TypeError', client({ closeTimeout: 'x' })],
    ['RangeError', client({ closeTimeout: -1 })],
    ['TypeError', client({ generateMask: 5 })],
  ];

  differs(
    'are errors of the constructor',
    (library, log) => {
      for (const [, construct] of CASES) {
        try {
          construct(library);
          log.push('accepted');
        } catch (error) {
          log.push((error as Error).name);
        }
      }
    },
    CASES.map(() => 'accepted'),
    CASES.map(([name]) => name),
  );
});

describe('options of a client', () => {
  differs(
    'that ask the server for something make two offers',
    async (library, log) => {
      const { server, url } = await serve(library);
      const connected = once(server, 'connection');
      const client = new library(url, { perMessageDeflate: { serverNoContextTakeover: true } });
      const [, request] = (await connected) as [unknown, IncomingMessage];
      log.push(String(request.headers['sec-websocket-extensions']?.split(',').length));
      client.on('error', () => {}).terminate();
      server.close();
    },
    ['1'],
    ['2'],
  );

  differs(
    'that are wrong have errors of the same class, but not the codes of node:http',
    (library, log) => {
      const wrong = [{ origin: 'a\r\nb' }, { headers: { 'a b': '1' } }, { handshakeTimeout: -1 }];
      for (const options of wrong) {
        try {
          new library('ws://127.0.0.1:1', options).on('error', () => {});
        } catch (error) {
          log.push(showError(error as Error));
        }
      }
    },
    [
      'TypeError ERR_INVALID_CHAR',
      'TypeError ERR_INVALID_HTTP_TOKEN',
      'RangeError ERR_OUT_OF_RANGE',
    ],
    ['TypeError', 'TypeError', 'RangeError'],
  );

  /** Logs a header of the request that each set of options makes, or what is thrown. */
  async function logHeaders(library: Library, log: string[], name: string, all: object[]) {
    const { server, url } = await serve(library);
    for (const options of all) {
      try {
        const connected = once(server, 'connection');
        const client = new library(url, options);
        const [, request] = (await connected) as [unknown, IncomingMessage];
        log.push(request.headers[name] === undefined ? 'absent' : 'sent');
        client.on('error', () => {}).terminate();
      } catch (error) {
        log.push((error as Error).name);
      }
    }
    server.close();
  }

  differs(
    'are absent when undefined or null',
    async (library, log) => {
      await logHeaders(library, log, 'sec-websocket-extensions', [
        { perMessageDeflate: undefined },
        { perMessageDeflate: null },
        { protocolVersion: undefined },
        { handshakeTimeout: null },
        { protocols: null },
      ]);
      await logHeaders(library, log, 'x-own', [
        { headers: { 'X-Own': undefined } },
        { headers: { 'X-Own': null } },
      ]);
    },
    ['absent', 'absent', 'RangeError', 'TypeError', 'SyntaxError', 'TypeError', 'sent'],
    ['absent', 'absent', 'sent', 'sent', 'sent', 'absent', 'absent'],
  );

  differs(
    'do not leave Host out (RFC 6455 §4.1), nor announce a body',
    async (library, log) => {
      const raw = await serveRaw((request, socket) => {
        log.push(...(request.match(/^(?:host|content-length)/gim) ?? []));
        socket.destroy();
      });
      const options = { setHost: false, headers: { 'Content-Length': '0' } };
      const client = new library(`ws://127.0.0.1:${raw.port}`, options);
      await once(
        client.on('error', () => {}),
        'close',
      );
      raw.close();
    },
    ['Content-Length'],
    ['Host'],
  );

  differs(
    'have no trailing dot in the server name of TLS (RFC 6066 §3), and ask for HTTP/1.1',
    async (library, log) => {
      const server = createSecureServer({ key: TLS_KEY, cert: TLS_CERT }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const secured = once(server, 'secureConnection');
      const { port } = server.address() as { port: number };
      const lookup = (_: string, __: object, callback: (...values: unknown[]) => void): void =>
        callback(null, [{ address: '127.0.0.1', family: 4 }]);
      const options = { ca: TLS_CERT, lookup } as object;
      const client = new library(`wss://localhost.:${port}`, options);
      const [socket] = (await secured) as [{ servername: string; alpnProtocol: string | false }];
      log.push(`${socket.servername} ${socket.alpnProtocol}`);
      client.on('error', () => {}).terminate();
      server.close();
    },
    ['localhost. false'],
    ['localhost http/1.1'],
  );
});

describe('frames', () => {
  differs(
    'a length that is not in the fewest bytes fails the connection (RFC 6455 §5.2)',
    async (library, log) => {
      const notMinimal = Buffer.from('81fe00010000000078', 'hex');
      const frames = Buffer.concat([notMinimal, maskedFrame(0x88, '\x03\xe8')]);
      const { close } = await ask(library, requestLines(), frames);
      log.push(close.subarray(2, 4).toString('hex'));
    },
    ['03e8'],
    ['03ea'],
  );

  differs(
    'a 64-bit length with its first bit set is a protocol error, not too long (RFC 6455 §5.2)',
    async (library, log) => {
      const { close } = await ask(
        library,
        requestLines(),
        Buffer.from('82ffffffffffffffffff00000000', 'hex'),
      );
      log.push(close.subarray(2, 4).toString('hex'));
    },
    ['03f1'],
    ['03ea'],
  );

  differs(
    'the Close frame after a violation says what was wrong',
    async (library, log) => {
      const { close } = await ask(library, requestLines(), maskedFrame(0x83));
      log.push(String(close.length > 4));
    },
    ['false'],
    ['true'],
  );

  differs(
    'compressed data that breaks off is invalid (RFC 7692 §7.2.2)',
    async (library, log) => {
      const request = withExtensions('permessage-deflate');
      const options = { perMessageDeflate: true };
      const { close } = await ask(library, request, maskedFrame(0xc1), options);
      log.push(close.subarray(2, 4).toString('hex'));
    },
    [''],
    ['03ef'],
  );

  differs(
    'a Ping behind our own Close frame is answered (RFC 6455 §5.5.2)',
    async (library, log) => {
      const { server, port } = await serve(library);
      server.on('connection', (socket) => socket.close());
      const client = new RawClient(port);
      await client.upgrade(requestLines());
      client.socket.end(Buffer.concat([maskedFrame(0x89), maskedFrame(0x88)]));
      await client.ended;
      log.push(client.bytes.toString('hex'));
      server.close();
    },
    ['8800'],
    ['88008a00'],
  );

  differs(
    'skipUTF8Validation is for text, not for close reasons',
    async (library, log) => {
      const bytes = maskedFrame(0x88, '\x03\xe8\xc3\x28');
      const { close } = await ask(library, requestLines(), bytes, { skipUTF8Validation: true });
      log.push(close.subarray(2, 4).toString('hex'));
    },
    ['03e8'],
    ['03ef'],
  );

  differs(
    'text that is not UTF-8 fails at the first wrong byte, not at its end (RFC 6455 §8.1)',
    async (library, log) => {
      const { close } = await ask(library, requestLines(), maskedFrame(0x01, '\xff'));
      log.push(close.subarray(2, 4).toString('hex'));
    },
    [''],
    ['03ef'],
  );

  differs(
    'masking is not an option: a client masks, a server does not (RFC 6455 §5.1)',
    async (library, log) => {
      const { server, client, peer } = await pair(library);
      peer.on('error', (error) => log.push(showError(error)));
      peer.on('message', (data) => log.push(show(data)));
      client.send('text', { mask: false });
      await Promise.race([once(peer, 'message'), once(peer, 'error')]);
      client.terminate();
      server.close();
    },
    ['RangeError WS_ERR_EXPECTED_MASK'],
    ['Buffer<text>'],
  );

  // As Autobahn 9.3.1 sends it: 4 MiB in fragments of 64 bytes, and an empty one.
  const manyFragments = (make: typeof frame): Buffer => {
    const fragment = make(0x00, 'x'.repeat(64));
    return Buffer.concat([
      make(0x02, 'x'.repeat(64)),
      ...Array.from({ length: 65_535 }, () => fragment),
      make(0x80),
    ]);
  };

  differs(
    'a client takes a message in more fragments than 16,384',
    async (library, log) => {
      const raw = await serveRaw((request, socket) => {
        socket.write(Buffer.concat([Buffer.from(acceptLines(request)), manyFragments(frame)]));
      });
      const client = new library(`ws://127.0.0.1:${raw.port}`);
      client.on('error', (error) => log.push(showError(error)));
      client.on('message', (data) => log.push(String((data as Buffer).length)));
      await Promise.race([once(client, 'message'), once(client, 'error')]);
      client.terminate();
      raw.close();
    },
    ['RangeError WS_ERR_TOO_MANY_BUFFERED_PARTS'],
    ['4194304'],
  );

  differs(
    'a server takes a message in more fragments than 16,384',
    async (library, log) => {
      const { server, port } = await serve(library);
      const ended = new Promise<void>((resolve) => {
        server.on('connection', (socket) => {
          socket.on('error', (error) => resolve(void log.push(showError(error))));
          socket.on('message', (data) => resolve(void log.push(String((data as Buffer).length))));
        });
      });
      const client = new RawClient(port);
      await client.upgrade(requestLines());
      client.socket.write(manyFragments(maskedFrame));
      await ended;
      client.socket.destroy();
      server.close();
    },
    ['RangeError WS_ERR_TOO_MANY_BUFFERED_PARTS'],
    ['4194304'],
  );

  differs(
    'a message in pieces costs no more than a whole one, so maxBufferedChunks is never exceeded',
    async (library, log) => {
      const raw = await serveRaw((request, socket) => {
        socket.write(acceptLines(request));
        const bytes = frame(0x82, 'x'.repeat(100));
        let at = 0;
        const drip = (): void => {
          if (at < bytes.length) socket.write(bytes.subarray(at, ++at), () => setTimeout(drip, 2));
        };
        setTimeout(drip, 10);
      });
      const client = new library(`ws://127.0.0.1:${raw.port}`, { maxBufferedChunks: 5 });
      client.on('error', (error) => log.push(showError(error)));
      client.on('message', (data) => log.push(String((data as Buffer).length)));
      await Promise.race([once(client, 'message'), once(client, 'error')]);
      client.terminate();
      raw.close();
    },
    ['RangeError WS_ERR_TOO_MANY_BUFFERED_PARTS'],
    ['100'],
  );
});

describe('sockets', () => {
  differs(
    'a message in fragments is one Buffer with binaryType "fragments"',
    async (library, log) => {
      const { server, client, peer } = await pair(library);
      client.binaryType = 'fragments';
      peer.send(Buffer.from('one'), { fin: false });
      peer.send(Buffer.from('two'));
      log.push(show((await once(client, 'message'))[0]));
      client.terminate();
      server.close();
    },
    ['[Buffer<one> Buffer<two>]'],
    ['[Buffer<onetwo>]'],
  );

  differs(
    'threshold always counts, and compress is for whole messages',
    async (library, log) => {
      const options = { perMessageDeflate: true };
      const { server, client, peer } = await pair(library, options, options);
      const firstBytes: string[] = [];
      peer._socket?.on('data', (data: Buffer) => firstBytes.push((data[0] ?? 0).toString(16)));
      client.send('short');
      await once(peer, 'message');
      client.send('x'.repeat(2000), { compress: false, fin: false });
      client.send('x'.repeat(2000));
      await once(peer, 'message');
      log.push(firstBytes.slice(0, 2).join(' '));
      client.terminate();
      server.close();
    },
    ['c1 1'],
    ['81 41'],
  );

  it('bufferedAmount counts payloads without headers until they are written', async () => {
    const { server, client } = await pair(sanswireWs);
    client.send('written at once');
    expect(client.bufferedAmount).toBe(0);
    client.send('12345');
    expect(client.bufferedAmount).toBe(5);
    await new Promise(setImmediate);
    expect(client.bufferedAmount).toBe(0);
    client.terminate();
    server.close();
  });

  it('the first message of a turn is a write, and those behind it are one', async () => {
    const { server, client, peer } = await pair(sanswireWs);
    let writes = 0;
    const stream = client._socket as { write(...values: unknown[]): boolean };
    const { write } = stream;
    stream.write = function (this: unknown, ...values: unknown[]) {
      writes++;
      return write.apply(this, values);
    };
    const heard = new Promise<void>((resolve) => {
      let count = 0;
      peer.on('message', () => ++count === 100 && resolve());
    });
    for (let index = 0; index < 100; index++) client.send('x');
    await heard;
    expect(writes).toBe(2);
    client.terminate();
    server.close();
  });

  differs(
    'an option that is undefined or null is absent, not false',
    async (library, log) => {
      for (const absent of [undefined, null]) {
        const options = { noServer: true, clientTracking: absent, autoPong: absent } as object;
        const server = new library.WebSocketServer(options);
        log.push(`${server.clients !== undefined} ${server.options.autoPong}`);
      }
    },
    ['false undefined', 'false null'],
    ['true true', 'true true'],
  );

  /** Logs the code and reason that a peer gets for the arguments of close(), or what is thrown. */
  async function logClose(library: Library, log: string[], code: number, reason: unknown) {
    const { server, client, peer } = await pair(library);
    peer.on('error', () => {});
    const ended = once(peer, 'close');
    try {
      client.close(code, reason as string);
      const [received, text] = await ended;
      log.push(`${received} ${text}`);
    } catch (error) {
      log.push((error as Error).name);
    }
    client.terminate();
    server.close();
  }

  differs(
    'close() takes integers, and sends reasons as text',
    async (library, log) => {
      await logClose(library, log, 1000.5, '');
      await logClose(library, log, 1000, 5);
      await logClose(library, log, 1000, null);
      await logClose(library, log, 1000, {});
      await logClose(library, log, 1000, Buffer.from([0xff]));
    },
    ['1000 ', '1000 ', 'TypeError', '1000 ', '1006 '],
    ['TypeError', '1000 5', '1000 ', 'TypeError', '1000 \ufffd'],
  );

  differs(
    'the callback of what was sent gets undefined, and terminate() calls it at once',
    async (library, log) => {
      const { server, client } = await pair(library);
      let isTerminating = false;
      const answered = new Promise<void>((resolve) => {
        client.send('x', (error) => resolve(void log.push(`${error} ${isTerminating}`)));
      });
      isTerminating = true;
      client.terminate();
      isTerminating = false;
      await answered;
      server.close();
    },
    ['null false'],
    ['undefined true'],
  );

  differs(
    'isPaused is false once the connection is dropped',
    async (library, log) => {
      const { server, client } = await pair(library);
      client.pause();
      client.terminate();
      await closed(client);
      log.push(String(client.isPaused));
      server.close();
    },
    ['true'],
    ['false'],
  );

  differs(
    'addEventListener ignores what cannot be called',
    (library, log) => {
      const socket = new library(null as unknown as string, undefined, {});
      for (const listener of [5, {}]) socket.addEventListener('open', listener as () => void);
      log.push(String(socket.listenerCount('open')));
    },
    ['2'],
    ['0'],
  );

  differs(
    'a SharedArrayBuffer stays as it is when a client sends it',
    async (library, log) => {
      const { server, client } = await pair(
        library,
        {},
        { generateMask: (m: Buffer) => m.fill(1) },
      );
      const shared = new SharedArrayBuffer(2);
      client.send(shared as unknown as Buffer);
      log.push(Buffer.from(shared).toString('hex'));
      client.terminate();
      server.close();
    },
    ['0101'],
    ['0000'],
  );

  differs(
    'members that ws uses itself are not there, and a server has its path',
    (library, log) => {
      const { Receiver, Sender, PerMessageDeflate } = library;
      const prototypes = [library, Receiver, Sender, PerMessageDeflate].map((one) => one.prototype);
      const names = ['emitClose', 'startLoop', 'dispatch', 'normalizeParams'];
      log.push(names.map((name, index) => name in (prototypes[index] as object)).join());
      const socket = new library(null as unknown as string, undefined, {});
      log.push(
        String(['_req', '_readyState', '_closeCode', '_closeTimer'].some((n) => n in socket)),
      );
      log.push(String('path' in new library.WebSocketServer({ noServer: true })));
    },
    ['true,true,true,true', 'true', 'false'],
    ['false,false,false,false', 'false', 'true'],
  );

  differs(
    'PerMessageDeflate throws an Error, and its params are those of the answer',
    (library, log) => {
      const make = (): InstanceType<Library['PerMessageDeflate']> =>
        new library.PerMessageDeflate({ clientMaxWindowBits: 10 });
      try {
        make().accept([{ client_max_window_bits: ['7'] }]);
      } catch (error) {
        log.push((error as Error).name);
      }
      log.push(JSON.stringify(make().accept([{}])));
    },
    ['TypeError', '{"client_max_window_bits":10}'],
    ['Error', '{}'],
  );

  it('pause() holds back at once also what has been read', async () => {
    const { server, client, peer } = await pair(sanswireWs);
    const heard: string[] = [];
    client.on('message', (data) => {
      heard.push(String(data));
      client.pause();
    });
    for (const text of ['1', '2', '3']) peer.send(text);
    await once(client, 'message');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(heard).toEqual(['1']);
    client.terminate();
    await closed(client);
    server.close();
  });

  it('a listener that throws ends the connection with 1011, uncaught', async () => {
    const program = `
      const { WebSocket, WebSocketServer } = require('sanswire/ws');
      process.on('uncaughtException', (error) => console.log('uncaught', error.message));
      const server = new WebSocketServer({ port: 0 }, () => {
        const client = new WebSocket('ws://localhost:' + server.address().port);
        client.on('open', () => client.send('x'));
        client.on('close', (code) => { console.log(code); server.close(); });
      });
      server.on('connection', (socket) => {
        socket.on('message', () => { throw new Error('own'); });
        socket.on('error', () => console.log('an error event'));
      });`;
    const root = fileURLToPath(new URL('../../..', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', program], { cwd: root });
    expect(stdout).toBe('uncaught own\n1011\n');
  });

  it('an error without a listener is uncaught, and close follows', async () => {
    const program = (name: string): string => `
      const WebSocket = require('${name}');
      process.on('uncaughtException', (error) => console.log('uncaught', error.code));
      new WebSocket('ws://127.0.0.1:1').on('close', (code) => console.log(code));`;
    const root = fileURLToPath(new URL('../../..', import.meta.url));
    const outputs = ['ws', 'sanswire/ws'].map(async (name) => {
      const options = { cwd: root };
      return promisify(execFile)(process.execPath, ['-e', program(name)], options);
    });
    const [real, own] = await Promise.all(outputs);
    expect(real?.stdout).toBe('uncaught ECONNREFUSED\n');
    expect(own?.stdout.trim().split('\n').sort()).toEqual(['1006', 'uncaught ECONNREFUSED']);
  });

  it('errors carry what Sanswire knows as their cause', async () => {
    const raw = await serveRaw((request, socket) => {
      socket.write(Buffer.concat([Buffer.from(acceptLines(request)), frame(0xa1)]));
    });
    const [error] = (await once(new sanswireWs(`ws://127.0.0.1:${raw.port}`), 'error')) as [Error];
    expect(error.cause).toMatchObject({ code: 'WS_RESERVED_BIT', section: 'RFC 6455 §5.2' });
    raw.close();
  });
});
