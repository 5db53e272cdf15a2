/**
 * The server's EventSource on real sockets: HTTP/1.1 and HTTP/2, hostile strings, clients that
 * vanish or do not read.
 */

import { once } from 'node:events';
import {
  createServer,
  get,
  IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  ServerResponse,
} from 'node:http';
import {
  connect as connectHttp2,
  createServer as createHttp2Server,
  type Http2Server,
  type Http2ServerResponse,
} from 'node:http2';
import { type AddressInfo, connect, Socket } from 'node:net';
import { PassThrough, Readable, Stream } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { TLSSocket } from 'node:tls';
import { createGunzip } from 'node:zlib';
import { EventSource as UndiciEventSource } from 'undici';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { EventSource } from '../../src/api/event-source.ts';
import { lastEventIdOf, requestUrl } from '../../src/api/event-source-http.ts';
import type { EventSourceOptions } from '../../src/api/event-source-options.ts';
import type { ErrorEvent, WebSocketEvent } from '../../src/api/events.ts';
import { LimitExceededError } from '../../src/errors.ts';
import { LIMITS } from '../../src/limits.ts';
import { compressResponse } from '../support/compressing-response.ts';
import { collectUncaught } from '../support/uncaught-exceptions.ts';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  vi.useRealTimers();
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

type Exchange = [request: IncomingMessage, response: ServerResponse];

async function listen(server: Server | Http2Server): Promise<number> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  cleanups.push(() => {
    server.close();
    if ('closeAllConnections' in server) server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

/** Gathers the text of a stream as it arrives. */
function collect(stream: Readable): { text: string } {
  const received = { text: '' };
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    received.text += chunk;
  });
  return received;
}

function logEvents(source: EventSource): string[] {
  const log: string[] = [];
  source.on('open', () => log.push('open'));
  source.on('error', (event: ErrorEvent) => log.push(`error ${event.message}`));
  source.on('close', () => log.push('close'));
  return log;
}

/** A source and its client, which reads; `ended` resolves when the client has the whole stream. */
async function openPair(
  options?: EventSourceOptions,
  headers: OutgoingHttpHeaders = {},
  path = '/events',
  prepare?: (response: ServerResponse) => void,
) {
  const server = createServer();
  const port = await listen(server);
  const request = get({ host: '127.0.0.1', port, path, headers, agent: false });
  request.on('error', () => {});
  const [message, reply] = await once(server, 'request');
  prepare?.(reply);
  const source = new EventSource(message, reply, options);
  const log = logEvents(source);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.on('error', () => {});
  const isCompressed = response.headers['content-encoding'] === 'gzip';
  const received = collect(isCompressed ? response.pipe(createGunzip()) : response);
  const ended = new Promise((resolve) => response.once('end', resolve));
  return { source, response, received, ended, log };
}

/** Sends a request to a server; returns the response, which is read. */
async function visit(server: Server): Promise<IncomingMessage> {
  const request = get({ port: await listen(server), host: '127.0.0.1', agent: false });
  request.on('error', () => {});
  const [response] = await once(request, 'response');
  return response.on('error', () => {}).resume();
}

/** A source whose client reads everything, whatever becomes of it. */
async function openRead() {
  const server = createServer();
  visit(server).catch(() => {});
  const [request, response] = await once(server, 'request');
  const source = new EventSource(request, response);
  return { source, response: response as ServerResponse, log: logEvents(source) };
}

/** Sends requests at once over a bare socket, which does not read until it is told to. */
async function requestUnread(...targets: string[]) {
  const server = createServer();
  const client = connect({ port: await listen(server), host: '127.0.0.1' });
  client.pause().on('error', () => {});
  cleanups.push(() => client.destroy());
  for (const target of targets) client.write(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
  const requests: { request: IncomingMessage; response: ServerResponse }[] = [];
  server.on('request', (request, response) => requests.push({ request, response }));
  await until(() => requests.length === targets.length);
  return { client, first: requests[0]!, last: requests.at(-1)! };
}

async function openUnread(options?: EventSourceOptions) {
  const { client, last } = await requestUnread('/');
  const source = new EventSource(last.request, last.response, options);
  return { source, client, log: logEvents(source) };
}

/** Waits for the close; unlike events.once it does not mind an error on the way. */
function closed(source: EventSource): Promise<unknown> {
  return new Promise((resolve) => source.once('close', resolve));
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function settle(): Promise<void> {
  for (let count = 0; count < 10; count++) await turn();
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}

describe('isEventSource (WHATWG HTML §9.2.3)', () => {
  function request(method: string, accept?: string): IncomingMessage {
    const message = new IncomingMessage(new Socket());
    message.method = method;
    if (accept !== undefined) message.headers.accept = accept;
    return message;
  }

  it('wants GET and an Accept that names text/event-stream', () => {
    expect(EventSource.isEventSource(request('GET', 'text/event-stream'))).toBe(true);
    expect(EventSource.isEventSource(request('GET', 'text/html, Text/Event-Stream;q=0.5'))).toBe(
      true,
    );
    expect(EventSource.isEventSource(request('POST', 'text/event-stream'))).toBe(false);
    expect(EventSource.isEventSource(request('GET', '*/*'))).toBe(false);
    expect(EventSource.isEventSource(request('GET'))).toBe(false);
  });
});

describe('the response head', () => {
  it('says what the stream is and that nothing may keep it', async () => {
    const { response } = await openPair();
    expect(response.statusCode).toBe(200);
    expect(response.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-store, no-transform',
      'x-accel-buffering': 'no',
      connection: 'close',
    });
  });

  it('has the fields of the application, which replace the default ones', async () => {
    const { response } = await openPair({
      headers: {
        'Access-Control-Allow-Origin': '*',
        'cache-control': 'no-cache',
        CONNECTION: 'keep-alive',
        'Set-Cookie': ['a=1', 'b=2'],
        'X-Count': 3,
      },
    });
    expect(response.headers).toMatchObject({
      'access-control-allow-origin': '*',
      'cache-control': 'no-cache',
      connection: 'keep-alive',
      'set-cookie': ['a=1', 'b=2'],
      'x-count': '3',
    });
  });

  it('takes a Headers object', async () => {
    const { response } = await openPair({ headers: new Headers({ 'X-One': '1' }) });
    expect(response.headers['x-one']).toBe('1');
  });

  it('has each of several pairs of one name, such as Set-Cookie', async () => {
    const headers = new Headers();
    headers.append('Set-Cookie', 'a=1');
    headers.append('Set-Cookie', 'b=2');
    const first = await openPair({ headers });
    expect(first.response.headers['set-cookie']).toEqual(['a=1', 'b=2']);
    const pairs = [
      ['set-cookie', ['a=1', 'b=2']],
      ['Set-Cookie', 'c=3'],
    ] as const;
    const second = await openPair({ headers: pairs });
    expect(second.response.headers['set-cookie']).toEqual(['a=1', 'b=2', 'c=3']);
  });

  it('takes undefined and null for no field', async () => {
    const { response } = await openPair({ headers: { 'Cache-Control': null, 'X-One': undefined } });
    expect(response.headers['cache-control']).toBe('no-cache, no-store, no-transform');
    expect(response.headers).not.toHaveProperty('x-one');
  });

  const FIELDS = {
    'Cache-Control': 'private, no-transform',
    'X-Accel-Buffering': 'yes',
    Connection: 'keep-alive',
    'Content-Type': 'text/event-stream; charset=utf-8',
    'X-One': '1',
  };

  it.each(Object.entries(FIELDS))(
    'leaves %s as it was set on the response',
    async (name, value) => {
      const { response } = await openPair({}, {}, '/', (reply) => reply.setHeader(name, value));
      expect(response.headers[name.toLowerCase()]).toBe(value);
    },
  );

  it('does not leave another type: a framework may have set it', async () => {
    const { response } = await openPair({}, {}, '/', (reply) => {
      reply.setHeader('Content-Type', 'text/html');
    });
    expect(response.headers['content-type']).toBe('text/event-stream');
  });

  it('arrives at once, also when there is nothing else to send', async () => {
    const { response, received } = await openPair({ retry: null, ping: null });
    expect(response.statusCode).toBe(200);
    expect(received.text).toBe('');
  });

  it.each([
    { 'X-Evil': 'a\r\nSet-Cookie: b' },
    { 'X-Evil': 'a\nb' },
    { 'X-Evil': 'a\0b' },
    { 'X-Evil': ['good', 'a\r\n\r\nb'] },
    { 'X-Evil\r\nSet-Cookie': 'b' },
    { 'X-Evil': '\u{1F600}' },
  ])('refuses %j before anything is sent', async (headers) => {
    const server = createServer((request, response) => {
      expect(() => new EventSource(request, response, { headers })).toThrow(TypeError);
      expect(response.headersSent).toBe(false);
      response.writeHead(500).end('refused');
    });
    const response = await visit(server);
    expect(response.statusCode).toBe(500);
    expect(response.headers['content-type']).toBe(undefined);
  });

  it('is refused by Node when the response has begun', async () => {
    const server = createServer((request, response) => {
      response.writeHead(200);
      expect(() => new EventSource(request, response)).toThrow(/headers/i);
      response.end();
    });
    await visit(server);
  });
});

describe('options', () => {
  const make = (options: object): EventSource => {
    const request = new IncomingMessage(new Socket());
    return new EventSource(request, new ServerResponse(request), options);
  };

  it('are refused by name when unknown', () => {
    expect(() => make({ pong: 1 })).toThrow(
      new Error('Unrecognized option: pong (did you mean ping?)'),
    );
  });

  it.each([
    [{ retry: -1 }, RangeError, 'retry'],
    [{ retry: Number.NaN }, RangeError, 'seconds'],
    [{ retry: Infinity }, RangeError, 'seconds'],
    [{ retry: '5\n\nevent: admin' }, TypeError, 'retry'],
    [{ ping: -1 }, RangeError, 'ping'],
    [{ ping: 2_147_484 }, RangeError, 'seconds'],
    [{ maxBufferedAmount: -1 }, RangeError, 'bytes'],
    [{ headers: 'x' }, TypeError, 'headers'],
  ])('are refused when they are wrong: %j', (options, kind, text) => {
    expect(() => make(options)).toThrow(kind);
    expect(() => make(options)).toThrow(text);
  });

  it.each([
    [undefined, 'retry: 5000\n\n'],
    [10, 'retry: 10000\n\n'],
    [0, 'retry: 0\n\n'],
    [0.0019, 'retry: 1\n\n'],
    [2_147_483, 'retry: 2147483000\n\n'],
  ])('retry, in seconds: %s', async (retry, text) => {
    const { received } = await openPair({ retry });
    await until(() => received.text !== '');
    expect(received.text).toBe(text);
  });
});

describe('the request', () => {
  it('gives the absolute URL from Host', async () => {
    const { source } = await openPair({}, { Host: 'example.com:81' }, '/a?b=c');
    expect(source.url).toBe('http://example.com:81/a?b=c');
  });

  it('gives an absolute request target as it is (RFC 9112 §3.2.2)', async () => {
    const { source } = await openPair({}, {}, 'http://example.org/a');
    expect(source.url).toBe('http://example.org/a');
  });

  it('gives https on an encrypted socket, and the local address without Host', () => {
    const request = new IncomingMessage(new TLSSocket(new Socket()));
    request.url = '/';
    expect(requestUrl(request)).toBe('https://localhost/');
    request.headers.host = 'example.com';
    expect(requestUrl(request)).toBe('https://example.com/');
  });

  it('gives https for X-Forwarded-Proto only with trustProxy', async () => {
    const headers = { Host: 'example.com', 'X-Forwarded-Proto': 'https' };
    const trusting = await openPair({ trustProxy: true }, headers, '/a');
    expect(trusting.source.url).toBe('https://example.com/a');
    const { source } = await openPair({}, headers, '/a');
    expect(source.url).toBe('http://example.com/a');
  });

  it('gives Last-Event-ID, decoded from UTF-8 (WHATWG HTML §9.2.3)', async () => {
    const bytes = Buffer.from('é☃😀 7').toString('latin1');
    const { source } = await openPair({}, { 'Last-Event-ID': bytes });
    expect(source.lastEventId).toBe('é☃😀 7');
    const none = await openPair();
    expect(none.source.lastEventId).toBe('');
    expect(lastEventIdOf(new IncomingMessage(new Socket()))).toBe('');
  });

  it('gives back each id that send takes; another, no server gets (RFC 9110 §5.5)', async () => {
    const seen: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      seen.push(lastEventIdOf(request));
      response.end();
    });
    server.on('clientError', (_error, socket) => {
      seen.push(undefined);
      socket.destroy();
    });
    const port = await listen(server);
    const { source } = await openPair();
    const around = (text: string): string[] => [`a${text}b`, `${text}b`, `a${text}`];
    const texts = Array.from({ length: 0x80 }, (_, code) => String.fromCharCode(code));
    for (const id of [...texts, '\x80', '\xa0', '\xff', '\u2028', '☃', '😀', '\ufeff'].flatMap(
      around,
    )) {
      const fields = ['Host: a', `Last-Event-ID: ${id}`, 'Connection: close'];
      const head = ['GET / HTTP/1.1', ...fields, '', ''].join('\r\n');
      const socket = connect({ port, host: '127.0.0.1' })
        .on('error', () => {})
        .resume();
      socket.write(head);
      await once(socket, 'close');
      let isTaken = true;
      try {
        source.send('x', { id });
      } catch {
        isTaken = false;
      }
      expect([id, isTaken]).toEqual([id, seen.length > 0 && seen.at(-1) === id]);
      seen.length = 0;
    }
  });
});

describe('send', () => {
  it('sends events in order, from the constructor on', async () => {
    const { source, received, ended, log } = await openPair();
    expect(source.send('Hello')).toBe(true);
    expect(source.send('Breaking News!', { event: 'notification', id: '99' })).toBe(true);
    expect(source.send('two\r\nlines\rand\nmore', { id: 7 })).toBe(true);
    expect(source.send(123)).toBe(true);
    const snow = Buffer.from('snow ☃');
    expect(source.send(snow)).toBe(true);
    expect(source.send(Uint8Array.from(snow).buffer)).toBe(true);
    expect(source.send(new DataView(snow.buffer, snow.byteOffset, snow.length))).toBe(true);
    expect(source.send('', null)).toBe(true);
    expect(source.send('null is none', { event: null, id: null })).toBe(true);
    source.close();
    await ended;
    expect(received.text).toBe(
      'retry: 5000\n\n' +
        'data: Hello\n\n' +
        'event: notification\nid: 99\ndata: Breaking News!\n\n' +
        'id: 7\ndata: two\ndata: lines\ndata: and\ndata: more\n\n' +
        `data: 123\n\n${'data: snow ☃\n\n'.repeat(3)}data: \n\ndata: null is none\n\n`,
    );
    expect(log).toEqual(['open', 'close']);
  });

  it.each(['event', 'id'])('refuses line ends and NUL in %s, and sends nothing', async (field) => {
    const { source, received, ended } = await openPair({ retry: null });
    for (const value of ['a\n\nevent: admin', 'a\rb', 'a\r\nb', 'a\0b']) {
      expect(() => source.send('x', { [field]: value })).toThrow(TypeError);
    }
    source.end('ok');
    await ended;
    expect(received.text).toBe('data: ok\n\n');
  });

  it('refuses a Blob, whose bytes are not at hand', async () => {
    const { source } = await openPair();
    expect(() => source.send(new Blob(['x']) as never)).toThrow(TypeError);
    expect(() => source.end(new Blob(['x']) as never)).toThrow(TypeError);
  });

  it('is a harmless false after close', async () => {
    const { source, response, log } = await openPair();
    source.close();
    expect(source.send('late')).toBe(false);
    expect(source.send('late', { event: 'a\nb' })).toBe(false);
    expect(source.write('late')).toBe(false);
    expect(source.ping()).toBe(false);
    expect(source.close()).toBe(false);
    expect(source.end('late')).toBe(source);
    await once(response, 'end');
    await settle();
    expect(source.send('late')).toBe(false);
    expect(source.bufferedAmount).toBe(0);
    expect(log).toEqual(['open', 'close']);
  });

  it('reaches a client that nobody here wrote, which comes back with the last id', async () => {
    const server = createServer();
    const port = await listen(server);
    const client = new UndiciEventSource(`http://127.0.0.1:${port}/`);
    cleanups.push(() => client.close());
    const seen: unknown[] = [];
    client.addEventListener('notification', (event: Event) => {
      const { data, lastEventId } = event as MessageEvent;
      seen.push(data, lastEventId);
    });
    const [request, response] = await once(server, 'request');
    expect(EventSource.isEventSource(request)).toBe(true);
    const source = new EventSource(request, response, { retry: 0 });
    source.send('a\nb ☃', { event: 'notification', id: '7' });
    source.close();
    const [again, reply] = await once(server, 'request');
    expect(seen).toEqual(['a\nb ☃', '7']);
    const second = new EventSource(again, reply);
    expect(second.lastEventId).toBe('7');
    client.close();
    await closed(second);
  });
});

describe('states and events', () => {
  it('opens after the turn of the constructor, and ends in CLOSED', async () => {
    const { source } = await openRead();
    expect(source.readyState).toBe(EventSource.CONNECTING);
    expect(source.writable).toBe(true);
    const events: WebSocketEvent[] = [];
    source.onopen = (event) => events.push(event);
    source.onclose = (event) => events.push(event);
    await once(source, 'open');
    expect(source.readyState).toBe(source.OPEN);
    source.close();
    expect(source.readyState).toBe(source.CLOSING);
    expect(source.writable).toBe(false);
    await closed(source);
    expect(source.readyState).toBe(source.CLOSED);
    expect(events.map((event) => event.type)).toEqual(['open', 'close']);
    expect(events[0]?.target).toBe(source);
  });

  it('has the faye-websocket constants and is a stream that nothing can be read from', async () => {
    const { source } = await openPair();
    expect([0, 1, 2, 3]).toEqual([
      EventSource.CONNECTING,
      EventSource.OPEN,
      EventSource.CLOSING,
      EventSource.CLOSED,
    ]);
    expect([0, 1, 2, 3]).toEqual([source.CONNECTING, source.OPEN, source.CLOSING, source.CLOSED]);
    expect(source).toBeInstanceOf(Stream);
    expect(source.readable).toBe(false);
    expect(source.onmessage).toBe(null);
  });

  it('never opens when it is closed in the same turn', async () => {
    const { source, log } = await openRead();
    source.close();
    await closed(source);
    await settle();
    expect(log).toEqual(['close']);
  });

  it('closes when the application ends the response itself', async () => {
    const { source, response, log } = await openRead();
    await once(source, 'open');
    response.end();
    expect(source.send('late')).toBe(false);
    expect(source.writable).toBe(false);
    await closed(source);
    await settle();
    expect(log).toEqual(['open', 'close']);
  });
});

describe('a client that vanishes', () => {
  it('is one close, whether it resets or ends the connection', async () => {
    for (const how of ['resetAndDestroy', 'destroy', 'end'] as const) {
      const { source, client, log } = await openUnread();
      client[how]();
      client.resume();
      await closed(source);
      expect(source.send('late')).toBe(false);
      await settle();
      expect(log).toEqual(['open', 'close']);
    }
  });

  it('is one close, also while messages are sent to it', async () => {
    const { source, client, log } = await openUnread();
    client.resetAndDestroy();
    while (source.readyState !== EventSource.CLOSED) {
      source.send('x'.repeat(1000));
      await turn();
    }
    await settle();
    expect(log.filter((entry) => entry === 'close')).toEqual(['close']);
    expect(log.at(-1)).toBe('close');
  });

  it('is one close when it was gone before the constructor', async () => {
    const { client, last } = await requestUnread('/');
    const { request, response } = last;
    client.destroy();
    await once(response, 'close');
    const source = new EventSource(request, response);
    const log = logEvents(source);
    expect(source.send('x')).toBe(false);
    await closed(source);
    source.destroy();
    await settle();
    expect(log).toEqual(['close']);
  });

  it.each([true, false])('is one close in a pipeline, seen before: %s', async (isBefore) => {
    const { client, last } = await requestUnread('/1', '/2');
    const { request, response } = last;
    expect(response.socket).toBe(null);
    if (isBefore) {
      client.destroy();
      await once(request.socket, 'close');
    }
    const source = new EventSource(request, response);
    const log = logEvents(source);
    const done = closed(source);
    expect(source.send('queued')).toBe(!isBefore);
    await turn();
    client.destroy();
    await done;
    expect(source.send('late')).toBe(false);
    await settle();
    expect(log).toEqual(isBefore ? ['close'] : ['open', 'close']);
  });

  it('leaves nothing to be answered: a late answer comes to nothing, as in faye', async () => {
    const uncaught = collectUncaught();
    const server = createServer();
    const port = await listen(server);
    const request = get({ host: '127.0.0.1', port, agent: false });
    request.on('error', () => {});
    const [message, response] = (await once(server, 'request')) as [
      IncomingMessage,
      ServerResponse,
    ];
    // As the adapter of the package faye does.
    const answered = new Promise<void>((resolve) => {
      message.on('error', () => {
        response.writeHead(400, { 'Content-Type': 'text/plain' });
        response.setHeader('X-One', '1').appendHeader('X-Two', '2').removeHeader('X-One');
        response.end('Bad request');
        resolve();
      });
    });
    const source = new EventSource(message, response);
    const log = logEvents(source);
    await once(request, 'response');
    request.destroy();
    await answered;
    await settle();
    expect(uncaught).toEqual([]);
    expect(log).toEqual(['open', 'close']);
  });

  it('serves a client that waits for its turn in a pipeline', async () => {
    const { client, first, last } = await requestUnread('/1', '/2');
    const received = collect(client.resume());
    const source = new EventSource(last.request, last.response);
    source.end('queued');
    await settle();
    expect(received.text).toBe('');
    first.response.end('first');
    await closed(source);
    await once(client, 'end');
    expect(received.text).toContain('data: queued\n\n');
  });

  it.each(['send', 'ping timer'])('has a deadline when it only ends its side: %s', async (how) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
    const { source, client, log } = await openUnread();
    source.send('x'.repeat(50_000_000));
    client.end();
    await until(() => !source.writable);
    expect(source.readyState).toBe(EventSource.OPEN);
    if (how === 'send') expect(source.send('late')).toBe(false);
    else vi.advanceTimersByTime(10_000);
    expect(source.readyState).toBe(EventSource.CLOSING);
    await settle();
    vi.advanceTimersByTime(LIMITS.eventSourceCloseTimeout.default - 1);
    await settle();
    expect(log).toEqual(['open']);
    vi.advanceTimersByTime(1);
    await settle();
    expect(log).toEqual(['open', 'close']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is an error and one close when the response fails', async () => {
    const { source, response, log } = await openRead();
    await once(source, 'open');
    response.emit('error', new Error('broken pipe'));
    response.emit('error', new Error('again'));
    await closed(source);
    response.emit('error', new Error('later'));
    await settle();
    expect(log).toEqual(['open', 'error broken pipe', 'close']);
  });

  it('does not crash without a listener', async () => {
    const { source, response } = await openRead();
    response.emit('error', new Error('broken pipe'));
    await until(() => source.readyState === EventSource.CLOSED);
  });
});

describe('code of the application that throws', () => {
  it('loses neither the next listeners and callbacks nor close', async () => {
    const uncaught = collectUncaught();
    const { source, response, log } = await openRead();
    const fail = (name: string) => () => {
      log.push(`${name} throws`);
      throw new Error(name);
    };
    for (const name of ['open', 'error', 'close'] as const)
      source.prependListener(name, fail(name));
    await once(source, 'open');
    source.end('last', fail('first callback'));
    source.end(() => log.push('second callback'));
    response.emit('error', new Error('broken pipe'));
    await settle();
    expect(log).toEqual([
      'open throws',
      'open',
      'error throws',
      'error broken pipe',
      'close throws',
      'close',
      'first callback throws',
      'second callback',
    ]);
    expect(uncaught.map((error) => (error as Error).message)).toEqual([
      'open',
      'error',
      'close',
      'first callback',
    ]);
    expect(source.readyState).toBe(EventSource.CLOSED);
  });

  it('cannot hide the end or the drain of the response from the source', async () => {
    collectUncaught();
    const { client, last } = await requestUnread('/');
    const { request, response } = last;
    for (const name of ['drain', 'finish', 'close', 'error']) {
      response.on(name, () => {
        throw new Error(name);
      });
    }
    const source = new EventSource(request, response, { ping: null });
    const log = logEvents(source);
    source.on('drain', () => log.push('drain'));
    // Node 24 may emit `drain` in the turn of the constructor.
    await once(source, 'open');
    while (source.send('x'.repeat(65_536)));
    client.resume();
    await once(source, 'drain');
    source.close();
    await closed(source);
    expect(log).toEqual(['open', 'drain', 'close']);
  });

  it('is one close when the response cannot even be destroyed', async () => {
    const { source, response, log } = await openRead();
    response.destroy = () => {
      throw new Error('of a middleware');
    };
    expect(() => source.destroy()).toThrow('of a middleware');
    await closed(source);
    expect(log).toEqual(['close']);
  });

  it('may close the source while a message is converted', async () => {
    const { source, log } = await openUnread();
    source.send('x'.repeat(50_000_000));
    const message = { toString: () => String(source.close()) };
    expect(source.send(message as never)).toBe(false);
    await settle();
    expect(log).toEqual([]);
    expect(source.readyState).toBe(EventSource.CLOSING);
  });
});

describe('what an event is written with', () => {
  /** Counts the response's writes, and what the socket is given. */
  async function watchWrites() {
    const opened = await openRead();
    const { socket } = opened.response;
    await once(opened.source, 'open');
    await settle();
    return { ...opened, socketWrite: vi.spyOn(socket!, 'write') };
  }

  it('is the socket, with one Buffer that a loop over clients shares', async () => {
    const first = await watchWrites();
    const second = await watchWrites();
    for (const { source } of [first, second]) source.send('an é', { event: 'e', id: '7' });
    expect(first.socketWrite.mock.calls.length).toBe(1);
    const chunk = first.socketWrite.mock.calls[0]![0];
    expect(String(chunk)).toBe('1c\r\nevent: e\nid: 7\ndata: an é\n\n\r\n');
    expect(second.socketWrite.mock.calls[0]![0]).toBe(chunk);
  });

  it('tells apart events that differ in one field', async () => {
    const { source, received } = await openPair({ retry: null });
    const options = [{}, { event: 'a' }, { event: 'a', id: '1' }, { id: '1' }, {}];
    for (const each of options) {
      source.send('x', each);
      await settle();
    }
    source.ping();
    const texts = ['', 'event: a\n', 'event: a\nid: 1\n', 'id: 1\n', ''];
    const wanted = `${texts.map((text) => `${text}data: x\n\n`).join('')}:\n\n`;
    await until(() => received.text.length === wanted.length);
    expect(received.text).toBe(wanted);
  });

  it('is the response for the rest of a turn, which gathers them: two writes', async () => {
    const { source, response } = await watchWrites();
    source.send('at once');
    expect(response.socket!.writableCorked).toBe(0);
    for (let count = 0; count < 100; count++) source.send(`event ${count}`);
    expect(response.socket!.writableCorked).toBe(1);
    await settle();
    expect(response.writableLength).toBe(0);
  });

  /** Asks over a bare socket; returns all that it has received by the end of the connection. */
  async function ask(method: string, answer: (...pair: Exchange) => Promise<void>) {
    const server = createServer();
    const client = connect({ port: await listen(server), host: '127.0.0.1' });
    cleanups.push(() => client.destroy());
    const received = collect(client.on('error', () => {}));
    client.write(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`);
    const ended = once(client, 'end');
    await answer(...((await once(server, 'request')) as Exchange));
    await ended;
    return received.text;
  }

  it('is the response for the first event: its flushHeaders may have been replaced', async () => {
    const text = await ask('GET', async (request, response) => {
      response.flushHeaders = () => {};
      const source = new EventSource(request, response, { retry: null });
      await settle();
      source.send('first');
      await settle();
      source.end('second');
    });
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n.*data: first\n.*data: second\n/s);
  });

  it('is the response when it answers a HEAD, which has no body', async () => {
    const text = await ask('HEAD', async (request, response) => {
      const headers = { 'Transfer-Encoding': 'chunked' };
      const source = new EventSource(request, response, { headers });
      await settle();
      source.send('x');
      source.end();
    });
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n(?:.+\r\n)+\r\n$/);
  });

  it('is the response where somebody has wrapped its write', async () => {
    const { source, response } = await watchWrites();
    const texts: unknown[] = [];
    const { write } = response;
    response.write = ((chunk: string) => {
      texts.push(chunk);
      return write.call(response, chunk, 'utf8');
    }) as typeof write;
    source.send('x');
    expect(texts).toEqual(['data: x\n\n']);
  });
});

describe('a client that does not read', () => {
  it('makes send return false, and drain follows when it reads', async () => {
    const { source, client } = await openUnread();
    let drains = 0;
    source.on('drain', () => drains++);
    while (source.send('x'.repeat(65_536)));
    expect(source.bufferedAmount).toBeGreaterThan(0);
    expect(drains).toBe(0);
    client.resume();
    await once(source, 'drain');
    expect(source.bufferedAmount).toBe(0);
    expect(source.send('more')).toBe(true);
  });

  it('causes one drain for each queue, whatever it was written with', async () => {
    const { source, client } = await openUnread({ maxBufferedAmount: Infinity });
    await once(source, 'open');
    await settle();
    const amounts: number[] = [];
    source.on('drain', () => {
      amounts.push(source.bufferedAmount);
      if (amounts.length < 3) expect(source.send('x'.repeat(50_000_000))).toBe(false);
    });
    expect(source.send('x'.repeat(50_000_000))).toBe(false);
    expect(source.send('and by the response')).toBe(false);
    client.resume();
    await until(() => amounts.length === 3);
    expect(amounts).toEqual([0, 0, 0]);
  });

  it('is dropped with an error over maxBufferedAmount', async () => {
    const { source, log } = await openUnread({ maxBufferedAmount: 1_000_000 });
    await once(source, 'open');
    const errors: Error[] = [];
    source.on('error', (event) => errors.push(event.error));
    let sent = 0;
    do {
      source.send('x'.repeat(10_000));
      sent += 10_000;
    } while (source.writable);
    expect(sent).toBeLessThan(1_000_000 + 20_000);
    await closed(source);
    expect(source.bufferedAmount).toBe(0);
    expect(errors[0]).toBeInstanceOf(LimitExceededError);
    expect(errors[0]).toMatchObject({ code: 'WS_BUFFERED_AMOUNT_EXCEEDED', limit: 1_000_000 });
    expect(log.length).toBe(3);
    expect(log[2]).toBe('close');
  });

  it('has until the close timeout to read the rest', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { source, log } = await openUnread();
    await once(source, 'open');
    source.end('x'.repeat(50_000_000));
    await settle();
    vi.advanceTimersByTime(LIMITS.eventSourceCloseTimeout.default - 1);
    await settle();
    expect(source.readyState).toBe(EventSource.CLOSING);
    vi.advanceTimersByTime(1);
    await closed(source);
    await settle();
    expect(log).toEqual(['open', 'close']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is dropped at once by destroy', async () => {
    const { source, log } = await openUnread();
    source.send('x'.repeat(50_000_000));
    await settle();
    source.destroy();
    await closed(source);
    await settle();
    expect(log).toEqual(['open', 'close']);
  });
});

describe('ping', () => {
  const COMMENT = ':\n\n';

  it('sends a comment when it is called', async () => {
    const { source, received } = await openPair({ retry: null });
    expect(source.ping()).toBe(true);
    await until(() => received.text !== '');
    expect(received.text).toBe(COMMENT);
  });

  it.each([
    [undefined, 10],
    [15, 15],
    [0.5, 0.5],
  ])('is sent every so many seconds: %s', async (ping, seconds) => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const { source, received } = await openPair({ retry: null, ping });
    vi.advanceTimersByTime(seconds * 1000 - 1);
    await settle();
    expect(received.text).toBe('');
    vi.advanceTimersByTime(1);
    await until(() => received.text === COMMENT);
    vi.advanceTimersByTime(seconds * 1000);
    await until(() => received.text === COMMENT + COMMENT);
    source.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each([0, null, false] as const)('is off with %s', async (ping) => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    await openPair({ ping });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('adds nothing to a queue that is not read', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const { source } = await openUnread();
    source.send('x'.repeat(50_000_000));
    await settle();
    const before = source.bufferedAmount;
    vi.advanceTimersByTime(100_000);
    await settle();
    expect(source.bufferedAmount).toBe(before);
  });

  it('ends with the connection', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const { source, client } = await openUnread();
    expect(vi.getTimerCount()).toBe(1);
    client.destroy();
    await closed(source);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('pipe into it', () => {
  it('makes a message of each chunk and ends, under backpressure, too', async () => {
    const { source, received, ended } = await openPair({ retry: null });
    const chunks = Array.from({ length: 50 }, (_, index) => `${index}`.repeat(5000));
    Readable.from(chunks).pipe(source);
    await ended;
    expect(received.text === chunks.map((chunk) => `data: ${chunk}\n\n`).join('')).toBe(true);
  });

  it('takes an ArrayBuffer, also as the last message', async () => {
    const { source, received, ended } = await openPair({ retry: null });
    const bytes = Uint8Array.from(Buffer.from('☃'));
    source.write(bytes.buffer.slice(0, 2));
    source.write(bytes.buffer.slice(2));
    source.end(bytes.buffer);
    await ended;
    expect(received.text).toBe('data: ☃\n\ndata: ☃\n\n');
  });

  it('keeps a character together that is cut into two chunks', async () => {
    const { source, received, ended } = await openPair({ retry: null });
    const bytes = Buffer.from('a☃b☃');
    const through = new PassThrough();
    through.pipe(source);
    for (const [from, to] of [
      [0, 2],
      [2, 3],
      [3, 7],
    ] as const) {
      through.write(bytes.subarray(from, to));
      await turn();
    }
    through.end();
    await ended;
    expect(received.text).toBe('data: a\n\ndata: ☃b\n\ndata: \uFFFD\n\n');
  });

  it('is a destination of pipeline', async () => {
    const { source, received, ended } = await openPair({ retry: null });
    await pipeline(Readable.from(['one', 'two']), source);
    await ended;
    expect(received.text).toBe('data: one\n\ndata: two\n\n');
  });

  it('takes streams of the first kind', async () => {
    const { source, received, ended } = await openPair({ retry: null });
    const legacy = Object.assign(new Stream(), { readable: true });
    legacy.pipe(source);
    legacy.emit('data', 'one');
    legacy.emit('data', 'two');
    legacy.emit('end');
    await ended;
    expect(received.text).toBe('data: one\n\ndata: two\n\n');
  });

  it('calls back when it has ended', async () => {
    const { source } = await openPair();
    const ended = new Promise<void>((resolve) => source.end('last', 'utf8', resolve));
    await ended;
    expect(source.readyState).toBe(EventSource.CLOSED);
  });

  it('lets go of the source when the client vanishes', async () => {
    const { source, client } = await openUnread();
    const through = new PassThrough();
    through.pipe(source);
    client.destroy();
    await closed(source);
    expect(through.listenerCount('data')).toBe(0);
  });
});

describe('a compressing middleware', () => {
  async function openCompressed(options?: EventSourceOptions) {
    const pair = await openPair(options, {}, '/', compressResponse);
    expect(pair.response.headers['content-encoding']).toBe('gzip');
    return pair;
  }

  it('holds no event back', async () => {
    const { source, received } = await openCompressed();
    await until(() => received.text === 'retry: 5000\n\n');
    source.send('one');
    await until(() => received.text.endsWith('data: one\n\n'));
    source.ping();
    await until(() => received.text.endsWith(':\n\n'));
  });

  it('has backpressure, and drain follows', async () => {
    const { source, received, log } = await openCompressed({ retry: null });
    // So short when compressed that the response itself has room.
    expect(source.send('x'.repeat(100_000))).toBe(false);
    await once(source, 'drain');
    source.end('last');
    await until(() => received.text.endsWith('data: last\n\n'));
    expect(log).toEqual(['open', 'close']);
  });
});

describe('HTTP/2', () => {
  async function openHttp2(
    options?: EventSourceOptions,
    headers: OutgoingHttpHeaders = {},
    prepare?: (response: Http2ServerResponse) => void,
  ) {
    const server = createHttp2Server();
    const port = await listen(server);
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    session.on('error', () => {});
    cleanups.push(() => session.destroy());
    const stream = session.request({
      ':path': '/events?a',
      ':authority': 'example.com:81',
      accept: 'text/event-stream',
      ...headers,
    });
    stream.on('error', () => {});
    const [request, reply] = await once(server, 'request');
    expect(EventSource.isEventSource(request)).toBe(true);
    prepare?.(reply);
    const source = new EventSource(request, reply, options);
    const log = logEvents(source);
    const [fields] = await once(stream, 'response');
    return { source, reply, session, stream, headers: fields, received: collect(stream), log };
  }

  it('streams events, without a Connection field', async () => {
    const warnings: unknown[] = [];
    const warn = (warning: unknown): void => void warnings.push(warning);
    process.on('warning', warn);
    cleanups.push(() => process.off('warning', warn));
    const pair = await openHttp2({ headers: { 'X-One': 1 } });
    expect(pair.source.url).toBe('http://example.com:81/events?a');
    expect(pair.headers).toMatchObject({
      ':status': 200,
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-store, no-transform',
      'x-one': '1',
    });
    expect('connection' in pair.headers).toBe(false);
    expect(pair.source.send('Hello', { id: 'é' })).toBe(true);
    pair.source.end('bye');
    await once(pair.stream, 'close');
    expect(pair.received.text).toBe('retry: 5000\n\nid: é\ndata: Hello\n\ndata: bye\n\n');
    await settle();
    expect(pair.log).toEqual(['open', 'close']);
    expect(warnings).toEqual([]);
  });

  it('sends the head at once without a retry field', async () => {
    const { headers } = await openHttp2({ retry: null });
    expect(headers[':status']).toBe(200);
  });

  it('has fields of the same name, and those that the response had', async () => {
    const pairs = [
      ['Set-Cookie', 'a=1'],
      ['set-cookie', 'b=2'],
    ] as const;
    const { headers } = await openHttp2({ headers: pairs }, {}, (reply) => {
      reply.setHeader('Cache-Control', 'private');
    });
    expect(headers['set-cookie']).toEqual(['a=1', 'b=2']);
    expect(headers['cache-control']).toBe('private');
  });

  it('has no length, though one was set for another body', async () => {
    const { headers } = await openHttp2({}, {}, (reply) => {
      reply.setHeader('Content-Length', '3');
    });
    expect(headers['content-length']).toBeUndefined();
  });

  it('refuses options of an event that are no object', async () => {
    const { source } = await openHttp2();
    expect(() => source.send('x', 'name' as never)).toThrow(/must be an object, not a string/);
  });

  it('ignores a late answer', async () => {
    const { stream, source, reply } = await openHttp2();
    stream.destroy();
    await closed(source);
    reply.setHeader('X-One', '1');
    reply.removeHeader('X-One');
    reply.writeHead(400).end('Bad request');
  });

  it('decodes Last-Event-ID', async () => {
    const bytes = Buffer.from('é☃').toString('latin1');
    const { source } = await openHttp2({}, { 'last-event-id': bytes });
    expect(source.lastEventId).toBe('é☃');
  });

  it.each(['stream', 'session'] as const)('is one close when the %s vanishes', async (which) => {
    const pair = await openHttp2();
    pair[which].destroy();
    await closed(pair.source);
    expect(pair.source.send('late')).toBe(false);
    expect(pair.source.close()).toBe(false);
    expect(pair.source.bufferedAmount).toBe(0);
    await settle();
    expect(pair.log).toEqual(['open', 'close']);
  });

  it('has backpressure, drain and a limit', async () => {
    const pair = await openHttp2({ maxBufferedAmount: 5_000_000 });
    pair.stream.pause();
    while (pair.source.send('x'.repeat(65_536)));
    expect(pair.source.bufferedAmount).toBeGreaterThan(0);
    pair.stream.resume();
    await once(pair.source, 'drain');
    while (pair.source.writable) pair.source.send('x'.repeat(65_536));
    await closed(pair.source);
    expect(pair.log[1]).toMatch(/^error .*maxBufferedAmount/);
    expect(pair.log[2]).toBe('close');
  });

  it('is dropped by destroy', async () => {
    const pair = await openHttp2();
    pair.source.destroy();
    await once(pair.stream, 'close');
    await settle();
    expect(pair.log.at(-1)).toBe('close');
  });
});
