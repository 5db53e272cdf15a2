/**
 * On a stream of HTTP/2 no face writes the text of HTTP/1.1, which would arrive as the body of a
 * 200: a refusal is a response with its own `:status`, or a reset (RFC 9113 §8.1).
 */

import { createServer as createHttpServer, type IncomingMessage } from 'node:http';
import {
  type ClientHttp2Session,
  connect,
  constants,
  createServer,
  type Http2ServerRequest,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from '../../src/index.ts';
import * as walve from '../../src/walve.ts';
import { WebSocketServer } from '../../src/ws.ts';
import { upgradeRequest } from '../api/sockets.ts';
import { patiently } from '../support/event-log.ts';
import { SERVER_FACES, type ServerFace } from '../support/server-faces.ts';

type Answer = ReturnType<ServerFace['answer']>;
type OnRequest = (request: Http2ServerRequest) => void;

interface Response {
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
  /** The code of a reset. */
  readonly code: number;
}

/** Serves HTTP/2 until the test is over, and connects to it. */
async function serve(onRequest: OnRequest): Promise<ClientHttp2Session> {
  const server = createServer();
  server.on('request', (request: Http2ServerRequest) => onRequest(request));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  session.on('error', () => {});
  onTestFinished(() => {
    session.destroy();
    server.close();
  });
  return session;
}

async function ask(session: ClientHttp2Session, fields: OutgoingHttpHeaders = {}) {
  const stream = session.request({ ':path': '/chat', ...fields }, { endStream: false });
  let headers: Response['headers'] = {};
  let body = '';
  stream.on('response', (response) => {
    headers = response;
  });
  stream.setEncoding('latin1').on('data', (text: string) => {
    body += text;
  });
  stream.on('error', () => {});
  const closed = new Promise((resolve) => stream.on('close', resolve));
  await patiently(closed, () => `the stream stays open: ${JSON.stringify(headers)} ${body}`);
  return { headers, body, code: stream.rstCode } as Response;
}

/** A request that an application makes up in place of an HTTP/2 one. */
function madeUp(fields: Readonly<Record<string, string>>): IncomingMessage {
  const headers = {
    host: 'localhost',
    upgrade: 'websocket',
    connection: 'Upgrade',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...fields,
  };
  return {
    method: 'GET',
    url: '/chat',
    httpVersionMajor: 1,
    httpVersionMinor: 1,
    headers,
    rawHeaders: Object.entries(headers).flat(),
    socket: {},
  } as unknown as IncomingMessage;
}

// A Response speaks HTTP/1.1 only, nodejs-websocket has a server of its own, and attachments do
// not take a GET of HTTP/2: test/server/http2.test.ts.
const faces = Object.entries(SERVER_FACES).filter(([name]) => !/Response|nodejs|server/.test(name));
const NO_BYTES = Buffer.alloc(0);
const asRequest = (request: Http2ServerRequest): IncomingMessage =>
  request as unknown as IncomingMessage;

describe.each(faces)('A request of HTTP/2 at %s', (_, face) => {
  const streams: Readonly<Record<string, (request: Http2ServerRequest) => Duplex>> = {
    stream: (request) => request.stream,
    socket: (request) => request.socket,
  };

  it.each(Object.keys(streams))('is refused with a status on its %s', async (name) => {
    const answer = face.answer();
    const session = await serve((request) =>
      answer(asRequest(request), streams[name]!(request), NO_BYTES),
    );
    for (let count = 0; count < 2; count++) {
      const { headers, body, code } = await ask(session);
      expect(headers[':status']).toBeGreaterThanOrEqual(400);
      expect([body.includes('HTTP/1'), code]).toEqual([false, constants.NGHTTP2_NO_ERROR]);
      expect(headers['connection'] ?? headers['upgrade']).toBeUndefined();
    }
  });

  it('is for its stream alone: its socket is refused for a request that was made up', async () => {
    const answer = face.answer();
    let thrown: unknown;
    const session = await serve((request) => {
      try {
        answer(madeUp({ 'sec-websocket-key': 'x' }), request.socket, NO_BYTES);
      } catch (error) {
        thrown = error;
      }
      request.stream.respond({ ':status': 500 }, { endStream: true });
      // In the same turn, the reset overtakes the response from Node 22 on.
      setImmediate(() => request.stream.close());
    });
    const { headers, body } = await ask(session);
    expect([headers[':status'], body]).toEqual([500, '']);
    expect(String(thrown)).toMatch(/^TypeError: .* pass request\.stream$/);
  });

  it('is reset where the application has begun a response', async () => {
    const answer = face.answer();
    const session = await serve((request) => {
      request.stream.respond({ ':status': 200 });
      answer(madeUp({ 'sec-websocket-key': 'x' }), request.stream, NO_BYTES);
    });
    const { headers, body, code } = await ask(session);
    expect([headers[':status'], body, code]).toEqual([200, '', constants.NGHTTP2_CANCEL]);
  });

  it('is accepted with 200, where the application makes up a handshake', async () => {
    const answer = face.answer();
    const session = await serve((request) => answer(madeUp({}), request.stream, NO_BYTES));
    const stream = session.request({ ':path': '/chat' }, { endStream: false });
    onTestFinished(() => stream.close());
    const headers = await patiently(
      new Promise<Response['headers']>((resolve) => stream.on('response', resolve)),
      () => 'no response',
    );
    const bytes = new Promise<Buffer>((resolve) => stream.once('data', resolve));
    stream.write(Buffer.from('8185000000006869206869', 'hex'));
    expect(headers).toMatchObject({ ':status': 200 });
    expect(Object.keys(headers).join()).not.toMatch(/upgrade|connection|accept/);
    // A text frame.
    expect((await bytes)[0]).toBe(0x81);
  });
});

describe('A refusal on a stream of HTTP/2', () => {
  it('keeps the headers and the body of the application', async () => {
    const server = new WebSocketServer({
      noServer: true,
      verifyClient: (_info, answer) =>
        answer(false, 401, 'Wer d\u00fc?', { 'Set-Cookie': ['a=1', 'b=2'], 'X-A': 'b' }),
    });
    const session = await serve((request) =>
      server.handleUpgrade(madeUp({}), request.stream, NO_BYTES, () => {}),
    );
    const { headers, body } = await ask(session);
    expect(headers).toMatchObject({ ':status': 401, 'x-a': 'b', 'set-cookie': ['a=1', 'b=2'] });
    expect(Buffer.from(body, 'latin1').toString()).toBe('Wer d\u00fc?');
  });

  it('leaves out a header of the application that is not one of HTTP/2', async () => {
    const server = new WebSocketServer({
      noServer: true,
      verifyClient: (_info, answer) => answer(false, 401, 'no', { 'Keep-Alive': 'timeout=5' }),
    });
    const session = await serve((request) =>
      server.handleUpgrade(madeUp({}), request.stream, NO_BYTES, () => {}),
    );
    const { headers, body } = await ask(session);
    expect([headers[':status'], headers['keep-alive'], body]).toEqual([401, undefined, 'no']);
  });

  it('has no body for HEAD, and does not mind a stream that is gone', async () => {
    const session = await serve((request) => {
      if (request.url === '/gone') request.stream.close();
      new WebSocket(asRequest(request), request.stream, NO_BYTES);
    });
    const { headers, body } = await ask(session, { ':method': 'HEAD' });
    expect([headers[':status'], body]).toEqual([405, '']);
    const gone = await ask(session, { ':path': '/gone' });
    expect(gone.body).toBe('');
  });
});

describe('A tunnel through HTTP/2', () => {
  it('carries HTTP/1.1, refusals too', async () => {
    const inner = createHttpServer();
    inner.on('upgrade', SERVER_FACES['sanswire']!.answer() as Answer);
    const session = await serve(({ stream }) => {
      stream.respond({ ':status': 200 });
      inner.emit('connection', stream as Duplex as Socket);
    });
    for (const [key, status] of [
      ['x', 400],
      ['dGhlIHNhbXBsZSBub25jZQ==', 101],
    ] as const) {
      const stream = session.request({ ':path': '/' }, { endStream: false });
      onTestFinished(() => stream.close());
      stream.write(upgradeRequest({ 'Sec-WebSocket-Key': key }));
      const first = await patiently(
        new Promise<Buffer>((resolve) => stream.once('data', resolve)),
        () => 'no bytes',
      );
      expect(first.toString('latin1')).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    }
  });
});

describe('Response of sanswire/walve', () => {
  it('does not take a stream of HTTP/2', async () => {
    let thrown: unknown;
    const session = await serve(({ stream }: { stream: ServerHttp2Stream }) => {
      try {
        new walve.Response(madeUp({})).assignSocket(stream as Duplex as Socket);
      } catch (error) {
        thrown = error;
      }
      stream.respond({ ':status': 501 });
      stream.end('no');
      stream.close();
    });
    expect((await ask(session)).headers[':status']).toBe(501);
    expect(thrown).toBeInstanceOf(TypeError);
  });
});
