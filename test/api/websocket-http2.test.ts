/** The server's WebSocket on a stream of HTTP/2 (RFC 8441), against bare streams. */

import {
  constants,
  createServer,
  type Http2ServerRequest,
  type ServerHttp2Stream,
} from 'node:http2';
import { describe, expect, it } from 'vitest';
import { permessageDeflate } from '../../src/api/permessage-deflate.ts';
import { WebSocket } from '../../src/api/websocket.ts';
import { LIMITS } from '../../src/limits.ts';
import { closePayload } from '../support/frames.ts';
import { ENABLED, listenHttp2, openSession, openStream, serveHttp2 } from './http2-sockets.ts';
import { logEvents, next, settle, until } from './sockets.ts';

const CLOSE = { opcode: 'close', payload: closePayload(1000) } as const;

describe('An extended CONNECT at new WebSocket(request, stream)', () => {
  it('is answered with 200, without fields of HTTP/1.1, and carries frames both ways', async () => {
    const served = await serveHttp2();
    const session = await openSession(served);
    const stream = openStream(session, { ':path': '/chat?a=b', ':authority': 'example.com' });
    const headers = await stream.response();
    expect(Object.keys(headers)).toEqual([':status', 'date']);
    expect(headers[':status']).toBe(200);
    const [socket] = served.accepted;
    expect(socket).toMatchObject({ url: 'ws://example.com/chat?a=b', version: 'hybi-13' });
    socket!.on('message', ({ data }) => socket!.send(data));
    stream.send({ opcode: 'text', payload: 'hello' });
    expect(await stream.untilFrame('text "hello"')).toEqual(['text "hello"']);
  });

  it('is taken from connect, as the documentation shows', async () => {
    const server = createServer({ settings: ENABLED }).on('request', () => {});
    server.on('connect', (request: Http2ServerRequest) => {
      if (WebSocket.isWebSocket(request)) new WebSocket(request, request.stream).send('hello');
      else request.stream.respond({ ':status': 501 }, { endStream: true });
    });
    const session = await openSession(await listenHttp2(server));
    const stream = openStream(session);
    await stream.untilFrame('text "hello"');
    const other = openStream(session, { ':protocol': 'connect-udp' });
    expect(await other.response()).toMatchObject({ ':status': 501 });
    expect(stream.hasEnded).toBe(false);
  });

  it('is for a WebSocket to isWebSocket', async () => {
    const answers: boolean[] = [];
    const served = await serveHttp2({
      onOffer: (request, stream) => {
        answers.push(WebSocket.isWebSocket(request));
        stream.respond({ ':status': 204 }, { endStream: true });
      },
    });
    served.server.on('request', (request: Http2ServerRequest) => {
      answers.push(WebSocket.isWebSocket(request));
      request.stream.respond({ ':status': 204 }, { endStream: true });
    });
    const session = await openSession(served);
    await openStream(session).response();
    session.request({ ':path': '/' });
    await until(() => answers.length === 2);
    expect(answers).toEqual([true, false]);
  });

  it('gets the Accept of its key, where it has one', async () => {
    const session = await openSession(await serveHttp2());
    const key = { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' };
    expect(await openStream(session, key).response()).toMatchObject({
      ':status': 200,
      'sec-websocket-accept': 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
    });
    const odd = await openStream(session, { 'sec-websocket-key': 'odd' }).response();
    expect([odd[':status'], odd['sec-websocket-accept']]).toEqual([200, undefined]);
  });

  it('gets the subprotocol, the extensions and the headers that the server chose', async () => {
    const served = await serveHttp2({
      protocols: ['b', 'c'],
      options: {
        extensions: [permessageDeflate],
        headers: { 'Set-Cookie': ['a=1', 'b=2'], 'X-A': 'é' },
      },
    });
    const session = await openSession(served);
    const stream = openStream(session, {
      'sec-websocket-protocol': ['a', 'b'],
      'sec-websocket-extensions': 'permessage-deflate',
    });
    expect(await stream.response()).toMatchObject({
      'sec-websocket-protocol': 'b',
      'sec-websocket-extensions': 'permessage-deflate',
      'set-cookie': ['a=1', 'b=2'],
      'x-a': 'é',
    });
    const [socket] = served.accepted;
    expect(socket).toMatchObject({ protocol: 'b', extensions: 'permessage-deflate' });
    const message = next<{ data: string }>(socket!, 'message');
    // "Hello", compressed (RFC 7692 §7.2.3.1).
    const payload = Buffer.from('f248cdc9c90700', 'hex');
    stream.send({ opcode: 'text', rsv: 4, payload });
    expect((await message).data).toBe('Hello');
  });

  it('is refused with a response: status, headers, and the faults as body', async () => {
    const allowed = { allowedOrigins: ['https://a.example'], allowedHosts: ['a.example'] };
    const served = await serveHttp2({ options: allowed });
    const session = await openSession(served);
    const ask = async (fields: Record<string, string | undefined>) => {
      const stream = openStream(session, { ':authority': 'a.example', ...fields });
      const { ':status': status } = await stream.response();
      const reset = await stream.closed();
      return [status, reset, /WS_\w+/.exec(stream.received.toString())?.[0]];
    };
    const origin = 'https://a.example';
    expect(await ask({})).toEqual([403, 0, 'WS_HANDSHAKE_ORIGIN']);
    expect(await ask({ origin, ':authority': 'b.example' })).toEqual([
      403,
      0,
      'WS_HANDSHAKE_HOST_REFUSED',
    ]);
    expect(await ask({ origin, 'sec-websocket-version': '12' })).toEqual([
      426,
      0,
      'WS_HANDSHAKE_VERSION',
    ]);
    expect(await ask({ origin, 'sec-websocket-protocol': 'a,a' })).toEqual([
      400,
      0,
      'WS_HANDSHAKE_SUBPROTOCOL',
    ]);
    const logs = served.accepted.map(logEvents);
    await settle();
    expect(logs.flat()).toEqual([]);
    expect(served.accepted.map(({ readyState }) => readyState)).toEqual([3, 3, 3, 3]);
  });

  it('tells a refusal as an error and a close', async () => {
    const logs: string[][] = [];
    const served = await serveHttp2({ onSocket: (socket) => logs.push(logEvents(socket)) });
    const session = await openSession(served);
    await openStream(session, { 'sec-websocket-version': undefined }).closed();
    expect(logs).toEqual([['error WS_HANDSHAKE_VERSION', 'end', 'close 1006 ""']]);
  });

  it('is refused by HTTP/2 itself where the server has not enabled it', async () => {
    const served = await serveHttp2({ settings: {} });
    const session = await openSession(served);
    expect(await openStream(session).closed()).toBe(constants.NGHTTP2_PROTOCOL_ERROR);
    expect(served.accepted).toEqual([]);
  });

  it('takes options that the application sets on the request', async () => {
    const served = await serveHttp2({
      protocols: ['x'],
      onOffer: (request, stream) => {
        request.headers['sec-websocket-protocol'] = 'x';
        request.url = '/rewritten';
        const socket = new WebSocket(request, stream, null, ['x']);
        socket.on('open', () => socket.send(`${socket.url} ${socket.protocol}`));
      },
    });
    const stream = openStream(await openSession(served));
    await stream.untilFrame('text "ws://localhost/rewritten x"');
  });

  it('may have waited for the application: what came meanwhile is read', async () => {
    let admit: () => void = () => {};
    const served = await serveHttp2({
      onOffer: (request, stream) => {
        admit = () => {
          const socket = new WebSocket(request, stream);
          socket.on('message', ({ data }) => socket.send(data));
        };
      },
    });
    const stream = openStream(await openSession(served));
    stream.send({ opcode: 'text', payload: 'early' });
    await settle();
    admit();
    await stream.untilFrame('text "early"');
  });
});

/** A socket that is open, and the bare stream of its peer. */
async function connected(settings: Parameters<typeof serveHttp2>[0] = {}) {
  const logs: string[][] = [];
  const streams: ServerHttp2Stream[] = [];
  const served = await serveHttp2({
    ...settings,
    onSocket: (socket, request) => {
      logs.push(logEvents(socket));
      streams.push(request.stream);
    },
  });
  const session = await openSession(served);
  const stream = openStream(session);
  await stream.response();
  await until(() => served.accepted[0]?.readyState === 1);
  const [log, theirs, socket] = [logs[0]!, streams[0]!, served.accepted[0]!];
  /** Waits for the end of the socket; returns its events. */
  const ended = async (): Promise<string[]> => {
    await until(() => log.some((line) => line.startsWith('close')));
    return log;
  };
  return { stream, socket, log, ended, session, theirs };
}

describe('The end of a WebSocket on a stream of HTTP/2 (RFC 8441 §5)', () => {
  it('is END_STREAM after the closing handshake, begun by either side', async () => {
    for (const isOurs of [true, false]) {
      const { stream, socket, ended } = await connected();
      if (isOurs) {
        socket.close(1000);
        await stream.untilFrame('close 1000');
      }
      stream.send(CLOSE);
      await stream.untilEnd();
      stream.stream.end();
      expect(await stream.closed()).toBe(constants.NGHTTP2_NO_ERROR);
      expect(await ended()).toEqual(['open', 'end', 'close 1000 "" clean']);
      expect(stream.frames).toEqual(['close 1000']);
    }
  });

  it('loses nothing of a long message before the Close', async () => {
    const { stream, socket } = await connected();
    socket.send(Buffer.alloc(1_000_000, 1));
    socket.close(1000);
    stream.send(CLOSE);
    await stream.untilEnd();
    stream.stream.end();
    expect(await stream.closed()).toBe(0);
    expect(stream.frames).toEqual(['binary hex 01 x 1000000', 'close 1000']);
  });

  it('is 1006 when the peer ends its side without a Close', async () => {
    const { stream, ended } = await connected();
    stream.stream.end();
    expect(await stream.closed()).toBe(constants.NGHTTP2_NO_ERROR);
    expect(await ended()).toEqual(['open', 'end', 'close 1006 ""']);
    expect(stream.frames).toEqual([]);
  });

  it.each(['NGHTTP2_CANCEL', 'NGHTTP2_INTERNAL_ERROR'] as const)(
    'is 1006 when the peer resets with %s',
    async (name) => {
      const { stream, ended } = await connected();
      stream.stream.close(constants[name]);
      expect(await ended()).toContain('close 1006 ""');
    },
  );

  it('is 1006 when the session is gone', async () => {
    const { session, ended } = await connected();
    session.destroy();
    expect(await ended()).toContain('close 1006 ""');
  });

  it('is a reset with CANCEL when the socket is terminated, in any callback', async () => {
    const ways: Readonly<Record<string, (socket: WebSocket) => void>> = {
      'at once': (socket) => socket.terminate(),
      'behind a message': (socket) => {
        socket.send(Buffer.alloc(1_000_000));
        socket.terminate();
      },
      'when a message is sent': (socket) => socket.send('x', () => socket.terminate()),
    };
    for (const terminate of Object.values(ways)) {
      const { stream, socket, ended } = await connected();
      terminate(socket);
      expect(await stream.closed()).toBe(constants.NGHTTP2_CANCEL);
      expect(await ended()).toEqual(['open', 'end', 'close 1006 ""']);
    }
  });

  it('is a reset with CANCEL when a signal is aborted', async () => {
    const controller = new AbortController();
    const { stream, ended } = await connected({ options: { signal: controller.signal } });
    controller.abort();
    expect(await stream.closed()).toBe(constants.NGHTTP2_CANCEL);
    expect(await ended()).toEqual(['open', 'error WS_ABORTED', 'end', 'close 1006 ""']);
  });

  it('is a Close and END_STREAM when the peer breaks a rule', async () => {
    const { stream, ended } = await connected();
    stream.send({ opcode: 3 });
    await stream.untilEnd();
    expect(stream.frames).toEqual(['close 1002']);
    stream.stream.end();
    expect(await stream.closed()).toBe(constants.NGHTTP2_NO_ERROR);
    expect(await ended()).toEqual(['open', 'error WS_UNKNOWN_OPCODE', 'end', 'close 1006 ""']);
  });

  it('is a reset with CANCEL when the peer does not end after closeTimeout', async () => {
    const { stream, socket, ended } = await connected({ options: { closeTimeout: 1 } });
    socket.close(1000);
    expect(await stream.closed()).toBe(constants.NGHTTP2_CANCEL);
    expect(await ended()).toEqual(['open', 'end', 'close 1006 ""']);
  });
});

describe('Flow control of a stream of HTTP/2', () => {
  it('counts as bufferedAmount what the window of the peer holds back', async () => {
    const { stream, socket, log } = await connected({ options: { highWaterMark: 100_000 } });
    stream.stream.pause();
    const length = 1_000_000;
    expect(socket.send(Buffer.alloc(length))).toBe(false);
    await settle();
    expect(socket.bufferedAmount).toBe(length);
    stream.stream.resume();
    await until(() => log.includes('drain'));
    expect(socket.bufferedAmount).toBe(0);
  });

  it('holds the peer back when the socket is paused', async () => {
    const { stream, socket, theirs } = await connected();
    let length = 0;
    socket.on('message', ({ data }) => {
      length += (data as Buffer).length;
    });
    socket.pause();
    for (let count = 0; count < 40; count++) {
      stream.send({ opcode: 'binary', payload: Buffer.alloc(10_000) });
    }
    await settle();
    expect(length).toBe(0);
    // The window of a stream (RFC 9113 §6.9.2), and what Node reads ahead.
    expect(theirs.readableLength).toBeLessThanOrEqual(65_535 + 65_536);
    expect(stream.stream.writableLength).toBeGreaterThan(100_000);
    socket.resume();
    await until(() => length === 400_000);
  });

  it('has a wide window for all streams of a session together', async () => {
    const { theirs } = await connected();
    const { effectiveLocalWindowSize } = theirs.session!.state;
    expect(effectiveLocalWindowSize).toBe(LIMITS.http2SessionWindow.default);
  });
});
