/** How a client opens its connection, and how that fails, as in `ws`. */

import { createServer, type IncomingMessage } from 'node:http';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { ClientOptions } from '../../../src/compat/ws/options.ts';
import {
  closed,
  logEvents,
  once,
  type Socket,
  same,
  sanswireWs,
  serve,
  showError,
} from './libraries.ts';
import { acceptLines, serveRaw } from './raw-peer.ts';

/** Logs how a connection attempt ends, with the message where programs are known to test it. */
async function logEnd(log: string[], client: Socket): Promise<void> {
  logEvents(log, 'client', client);
  client.on('error', (error) => {
    if (/^Unexpected server|^WebSocket was closed|^Opening|^Maximum/.test(error.message)) {
      log.push(error.message);
    }
  });
  await closed(client);
}

describe('new WebSocket', () => {
  const wrong: readonly unknown[][] = [
    ['foo'],
    ['/path'],
    ['ftp://localhost'],
    ['ws://localhost/#fragment'],
    ['ws+unix:'],
    [undefined],
    ['ws://localhost', ['a', 'a']],
    ['ws://localhost', 'a b'],
    ['ws://localhost', ['']],
    ['ws://localhost', null],
    ['ws://localhost', 5],
    ['ws://localhost', true],
    ['ws://localhost', ''],
    ['ws://localhost', 'a,b'],
    ['ws://localhost', [5]],
    ['ws://localhost', null, { protocols: ['a'] }],
    ['ws://localhost', { protocols: ['a', 'a'] }],
    ['ws://localhost', { protocols: '' }],
    ['ws://localhost', { protocols: 5 }],
    ['ws://localhost', [], { protocolVersion: 7 }],
    ['ws://localhost', [], { handshakeTimeout: '500' }],
    ['ws://localhost', [], { handshakeTimeout: -1 }],
    ['ws://localhost', [], { handshakeTimeout: true }],
    ['ws://localhost', { headers: { 'X-A': 'b\r\nc' } }],
  ];
  for (const values of wrong) {
    same(`throws for ${JSON.stringify(values)}`, (library, log) => {
      try {
        new (library as new (...values: unknown[]) => Socket)(...values).on('error', () => {});
        log.push('made');
      } catch (error) {
        log.push((error as Error).constructor.name);
      }
    });
  }

  same('takes a URL, protocols in any form, and options second or third', async (library, log) => {
    const { server, url } = await serve(library);
    server.on('connection', (socket, request) => {
      const offered = request.headers['sec-websocket-protocol']?.replace(/, /g, ',');
      log.push(`${socket.protocol} ${offered} ${request.url}`);
      log.push(`${request.headers.origin} ${request.headers['x-own']} ${socket.url}`);
    });
    const options = { origin: 'http://here', headers: { 'X-Own': '1' } };
    const clients = [
      () => new library(new URL(`${url}/a?b=c`)),
      () => new library(url.replace('ws:', 'http:'), 'one'),
      () => new library(url, ['one', 'two'], options),
      () => new library(url, options),
      () => new library(url, [], options),
      () => new library(url, { ...options, protocols: ['one', 'two'] }),
      () => new library(url, { protocols: 'one' }),
      () => new library(url, undefined, { protocols: ['one'] }),
      () => new library(url, { protocols: undefined }),
      () => new library(url, [], { protocols: ['one'] }),
      () => new library(url, ['two'], { protocols: ['one'] }),
    ];
    for (const open of clients) {
      const client = open();
      log.push(client.url.replace(/\d{4,}/, 'port'), String(client.readyState));
      await once(client, 'open');
      log.push(`${client.protocol} ${client.extensions} ${client.readyState}`);
      client.terminate();
      await once(client, 'close');
    }
    server.close();
  });

  same('sends these headers', async (library, log) => {
    const raw = await serveRaw((request, socket) => {
      const lines = request.trim().split('\r\n');
      const stable = lines.map((line) =>
        line.replace(/(Key: ).*|(Host: ).*/, '$1$2').replace(/, /g, ','),
      );
      log.push(...stable.sort());
      socket.destroy();
    });
    const url = `ws://user:pass@127.0.0.1:${raw.port}/path?query`;
    const headers = { 'X-Own': 'value', Connection: 'keep-alive', Upgrade: 'h2c' };
    const client = new library(url, ['a', 'b'], { origin: 'http://x', headers });
    await logEnd(log, client);
    raw.close();
  });

  const odd: readonly ClientOptions[] = [
    { origin: '' },
    { origin: 'http://x', headers: { origin: 'http://y' } },
    Object.create({ origin: 'http://x' }) as ClientOptions,
    { headers: { 'Sec-WebSocket-Foo': 'x', 'X-A': ['a', 'b'] } },
    { protocolVersion: 8, origin: 'http://x', headers: { 'sec-websocket-origin': 'http://y' } },
    { agent: false, auth: 'a:b' },
    { maxHeaderSize: 0 },
    { followRedirects: true, maxRedirects: Number.POSITIVE_INFINITY },
    { highWaterMark: 10, allowHalfOpen: true, emitClose: true } as ClientOptions,
    { objectMode: true } as ClientOptions,
    { readable: true, decodeStrings: false } as ClientOptions,
    ...['origin', 'finishRequest', 'generateMask', 'createConnection', 'agent', 'lookup', 'signal']
      .map((name) => ({ [name]: null }) as ClientOptions)
      .concat([{ headers: null as unknown as undefined }]),
  ];
  for (const options of odd) {
    same(`takes ${inspect(options)}`, async (library, log) => {
      const { server, url } = await serve(library);
      server.on('connection', (socket, request) => {
        const stable = Object.entries(request.headers).filter(([name]) => !/host|-key/.test(name));
        log.push(inspect(stable.sort()));
        socket.terminate();
      });
      await logEnd(log, new library(url, options));
      server.close();
    });
  }

  same('takes an address with an empty fragment', async (library, log) => {
    const { server, url } = await serve(library);
    const client = new library(`${url}/a?b#`);
    const [, request] = (await once(server, 'connection')) as [unknown, IncomingMessage];
    log.push(`${request.url} ${client.url === `${url}/a?b#`}`);
    await once(client, 'open');
    client.terminate();
    server.close();
  });

  same('gives up when the signal is aborted', async (library, log) => {
    const client = new library('ws://127.0.0.1:1', { signal: AbortSignal.abort() });
    client.on('error', (error) => log.push(`${error.name} ${(error as { code?: string }).code}`));
    await closed(client);
  });

  it.each([5, 'x', {}])('refuses the signal %j before anything is opened', (signal) => {
    const options = { signal } as unknown as ClientOptions;
    expect(() => new sanswireWs('ws://127.0.0.1:1/', options)).toThrow(/must be an AbortSignal/);
  });

  it('refuses what is no function as generateMask', () => {
    const options = { generateMask: 5 } as unknown as ClientOptions;
    expect(() => new sanswireWs('ws://127.0.0.1:1/', options)).toThrow(/must be a function/);
  });

  same('fails with an AbortError when its signal is aborted', async (library, log) => {
    const signal = AbortSignal.abort('enough');
    const client = new library('ws://127.0.0.1:1/', { signal });
    client.on('error', (error: NodeJS.ErrnoException) => {
      log.push(`${error.name} ${error.code} ${error.message} ${error.cause}`);
    });
    await closed(client);
  });

  same('asks for version 8 with the origin of its name', async (library, log) => {
    const raw = await serveRaw((request, socket) => {
      log.push(/sec-websocket-version: .*/i.exec(request)?.[0] ?? '');
      log.push(/sec-websocket-origin: .*/i.exec(request)?.[0] ?? '');
      socket.write(acceptLines(request));
    });
    const client = new library(`ws://127.0.0.1:${raw.port}`, {
      protocolVersion: 8,
      origin: 'http://x',
    });
    await once(client, 'open');
    client.terminate();
    raw.close();
  });

  same('connects to a Unix socket', async (library, log) => {
    const path = join(tmpdir(), `ws-${process.pid}-${Math.random().toString(36).slice(2)}.sock`);
    const http = createServer().listen(path);
    await once(http, 'listening');
    const server = new library.WebSocketServer({ server: http });
    server.on('connection', (_socket, request) => {
      log.push(`${request.url} ${request.headers.host}`);
    });
    const client = new library(`ws+unix:${path}:/where?how`);
    log.push(client.url.replace(path, 'path'));
    await once(client, 'open');
    client.close();
    await once(client, 'close');
    http.close();
  });

  same('createConnection makes the socket', async (library, log) => {
    const { server, port, url } = await serve(library);
    const client = new library(url, {
      createConnection: () => {
        log.push('createConnection');
        return connectTcp({ port, host: '127.0.0.1' });
      },
    });
    await once(client, 'open');
    client.terminate();
    server.close();
  });

  same('generateMask fills the masking keys', async (library, log) => {
    const raw = await serveRaw((request, socket) => {
      socket.write(acceptLines(request));
      socket.on('data', (data) => log.push(data.toString('latin1')));
    });
    const client = new library(`ws://127.0.0.1:${raw.port}`, {
      generateMask: (mask) => void mask.fill(0),
    });
    await once(client, 'open');
    client.send('readable');
    while (log.length === 0) await new Promise(setImmediate);
    client.terminate();
    raw.close();
  });

  same('finishRequest changes and ends the request', async (library, log) => {
    const { server, url } = await serve(library);
    server.on('connection', (_socket, request) => log.push(`${request.headers['x-late']}`));
    const client = new library(url, {
      finishRequest: (request, websocket) => {
        log.push(`finish ${websocket instanceof library}`);
        setTimeout(() => {
          request.setHeader('X-Late', 'yes');
          request.end();
        }, 5);
      },
    });
    await once(client, 'open');
    client.terminate();
    server.close();
  });
});

describe('a response that is not a 101', () => {
  for (const status of [200, 302, 401, 404, 503]) {
    same(`${status} is an error and a close`, async (library, log) => {
      const http = createServer().listen(0, '127.0.0.1');
      http.on('upgrade', (_request, socket) => {
        socket.end(`HTTP/1.1 ${status} X\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno`);
      });
      await once(http, 'listening');
      const client = new library(`ws://127.0.0.1:${(http.address() as { port: number }).port}`);
      await logEnd(log, client);
      http.close();
    });
  }

  same('is handed to unexpected-response, where that is listened to', async (library, log) => {
    const http = createServer().listen(0, '127.0.0.1');
    http.on('upgrade', (_request, socket) => {
      socket.end('HTTP/1.1 401 X\r\nX-A: b\r\nContent-Length: 4\r\n\r\nbody');
    });
    await once(http, 'listening');
    const client = new library(`ws://127.0.0.1:${(http.address() as { port: number }).port}`);
    client.on('unexpected-response', (request, response) => {
      log.push(`${response.statusCode} ${response.headers['x-a']} ${typeof request.destroy}`);
      response.on('data', (data) => log.push(String(data)));
      response.on('end', () => {
        log.push(`state ${client.readyState}`);
        client.terminate();
      });
    });
    await logEnd(log, client);
    http.close();
  });

  for (const how of ['close', 'terminate'] as const) {
    same(`lets its socket go, read to the end, after ${how}()`, async (library, log) => {
      let isGone: Promise<unknown> | undefined;
      const raw = await serveRaw((_request, socket) => {
        socket.write('HTTP/1.1 503 X\r\nConnection: keep-alive\r\nContent-Length: 4\r\n\r\nbody');
        isGone = once(socket, 'close');
      });
      const client = new library(`ws://127.0.0.1:${raw.port}`);
      client.on('unexpected-response', (_request, response) => {
        response.resume().on('end', () => client[how]());
      });
      await logEnd(log, client);
      await isGone;
      log.push('gone');
      raw.close();
    });
  }

  same('emits upgrade with the response', async (library, log) => {
    const { server, url } = await serve(library);
    server.on('headers', (headers) => headers.push('X-Own: 1'));
    const client = new library(url);
    client.on('upgrade', (response) => {
      log.push(`upgrade ${response.statusCode} ${response.headers['x-own']} ${client.readyState}`);
    });
    await once(client, 'open');
    client.terminate();
    server.close();
  });
});

describe('a 101 that breaks a rule is an error and a close', () => {
  const changes: { readonly [name: string]: Record<string, string | undefined> } = {
    'a wrong Sec-WebSocket-Accept': { 'Sec-WebSocket-Accept': 'nonsense' },
    'no Sec-WebSocket-Accept': { 'Sec-WebSocket-Accept': undefined },
    'another Upgrade': { Upgrade: 'h2c' },
    'a subprotocol that was not offered': { 'Sec-WebSocket-Protocol': 'other' },
    'an extension that was not offered': { 'Sec-WebSocket-Extensions': 'other' },
    'a parameter of permessage-deflate that is not valid': {
      'Sec-WebSocket-Extensions': 'permessage-deflate; server_max_window_bits=7',
    },
    'malformed extensions': { 'Sec-WebSocket-Extensions': 'permessage-deflate; =' },
  };
  for (const [name, change] of Object.entries(changes)) {
    same(name, async (library, log) => {
      const raw = await serveRaw((request, socket) => socket.write(acceptLines(request, change)));
      await logEnd(log, new library(`ws://127.0.0.1:${raw.port}`));
      raw.close();
    });
  }

  same('none of the subprotocols offered', async (library, log) => {
    const raw = await serveRaw((request, socket) => socket.write(acceptLines(request)));
    await logEnd(log, new library(`ws://127.0.0.1:${raw.port}`, ['a']));
    raw.close();
  });
});

describe('giving up while connecting', () => {
  for (const method of ['close', 'terminate'] as const) {
    same(`${method}() at once`, async (library, log) => {
      const { server, url } = await serve(library);
      const client = new library(url);
      const end = logEnd(log, client);
      client[method]();
      log.push(`state ${client.readyState}`);
      client[method]();
      await end;
      server.close();
    });

    same(`${method}() in finishRequest`, async (library, log) => {
      const { server, url } = await serve(library);
      const client = new library(url, {
        finishRequest: (request, websocket) => {
          request.end();
          (websocket as typeof client)[method]();
        },
      });
      await logEnd(log, client);
      server.close();
      await once(server, 'close');
    });

    same(`${method}() in the upgrade event`, async (library, log) => {
      const { server, url } = await serve(library);
      const client = new library(url);
      client.on('upgrade', () => client[method]());
      await logEnd(log, client);
      server.close();
    });
  }

  same('handshakeTimeout', async (library, log) => {
    const raw = await serveRaw(() => {});
    await logEnd(log, new library(`ws://127.0.0.1:${raw.port}`, { handshakeTimeout: 50 }));
    raw.close();
  });

  same('a server that is not there', async (library, log) => {
    await logEnd(log, new library('ws://127.0.0.1:1'));
  });

  same('a server that hangs up', async (library, log) => {
    const raw = await serveRaw((_request, socket) => socket.destroy());
    await logEnd(log, new library(`ws://127.0.0.1:${raw.port}`));
    raw.close();
  });

  same('a server that speaks no HTTP', async (library, log) => {
    const raw = await serveRaw((_request, socket) => socket.end('nonsense\r\n\r\n'));
    await logEnd(log, new library(`ws://127.0.0.1:${raw.port}`));
    raw.close();
  });

  same('sends, Pings and Pongs are errors until the connection is open', async (library, log) => {
    const { server, url } = await serve(library);
    const client = new library(url);
    for (const method of ['send', 'ping', 'pong'] as const) {
      try {
        client[method]('too early');
      } catch (error) {
        log.push(`${showError(error as Error)} ${(error as Error).message}`);
      }
    }
    client.pause();
    client.resume();
    log.push(`${client.isPaused}`);
    await once(client, 'open');
    client.terminate();
    server.close();
  });
});

describe('redirects', () => {
  async function redirector(
    target: (request: IncomingMessage) => string,
  ): Promise<{ url: string; close: () => void }> {
    const http = createServer().listen(0, '127.0.0.1');
    http.on('upgrade', (request, socket) => {
      socket.end(`HTTP/1.1 302 Found\r\nLocation: ${target(request)}\r\n\r\n`);
    });
    await once(http, 'listening');
    return {
      url: `ws://127.0.0.1:${(http.address() as { port: number }).port}`,
      close: () => http.close(),
    };
  }

  same('are followed where that is asked for, without the credentials', async (library, log) => {
    const { server, url } = await serve(library);
    server.on('connection', (_socket, request) => {
      const { authorization, cookie } = request.headers;
      log.push(`${request.url} ${authorization} ${cookie} ${request.headers['x-own']}`);
    });
    const first = await redirector((request) => `${url}${request.url}`);
    const client = new library(`${first.url}/there`, {
      followRedirects: true,
      headers: { Authorization: 'Basic x', Cookie: 'a=b', 'X-Own': '1' },
    });
    await once(client, 'open');
    log.push(String(client.url === `${url}/there`));
    client.terminate();
    first.close();
    server.close();
  });

  same('are told to redirect listeners', async (library, log) => {
    const { server, url } = await serve(library);
    server.on('connection', (_socket, request) => log.push(`${request.headers['x-late']}`));
    const first = await redirector(() => url);
    const client = new library(first.url, { followRedirects: true });
    client.on('redirect', (to, request) => {
      log.push(`redirect ${to === `${url}/`} ${typeof request.setHeader}`);
      request.setHeader('X-Late', 'set');
    });
    await once(client, 'open');
    client.terminate();
    first.close();
    server.close();
  });

  for (const maxRedirects of [0, 1.5, 2]) {
    same(`end after maxRedirects: ${maxRedirects}`, async (library, log) => {
      let count = 0;
      const loop = await redirector(() => `/again${++count}`);
      await logEnd(log, new library(loop.url, { followRedirects: true, maxRedirects }));
      log.push(`${count} requests`);
      loop.close();
    });
  }

  same('are an error where none is allowed, whoever listens', async (library, log) => {
    const loop = await redirector(() => '/again');
    const client = new library(loop.url, { followRedirects: true, maxRedirects: 0 });
    client.on('unexpected-response', () => log.push('unexpected'));
    await logEnd(log, client);
    loop.close();
  });

  same('to nowhere are errors', async (library, log) => {
    const first = await redirector(() => 'ws://');
    await logEnd(log, new library(first.url, { followRedirects: true }));
    first.close();
  });
});
