import {
  createSecureServer,
  createServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { onExtendedConnect } from '../../src/node/http2-server.ts';
import { ENABLED, listenHttp2, openSession, openStream } from '../api/http2-sockets.ts';
import { settle, TLS } from '../api/sockets.ts';

/** Accepts, and says what was offered. */
function accept(request: Http2ServerRequest, stream: ServerHttp2Stream): void {
  stream.respond({ ':status': 200, 'x-url': String(request.url), 'x-host': request.authority });
  stream.end();
}

const ofTunnel = { ':protocol': undefined, ':scheme': undefined, ':path': undefined };

describe('onExtendedConnect', () => {
  it.each(['no', 'an earlier', 'a later'])(
    'offers each stream once, with %s request listener',
    async (when) => {
      const server = createServer({ settings: ENABLED });
      const listen = () =>
        server.on('request', (_: Http2ServerRequest, response: Http2ServerResponse) => {
          response.end('page');
        });
      if (when === 'an earlier') listen();
      let count = 0;
      onExtendedConnect(server, (request, stream) => {
        count++;
        accept(request, stream);
      });
      if (when === 'a later') listen();
      const session = await openSession(await listenHttp2(server));
      const stream = openStream(session, { ':path': '/a?b' });
      const headers = await stream.response();
      expect(headers).toMatchObject({ ':status': 200, 'x-url': '/a?b', 'x-host': 'localhost' });
      expect([await stream.closed(), count]).toEqual([0, 1]);
      if (when === 'no') return;
      const page = session.request({ ':path': '/' });
      const answer = await new Promise<IncomingHttpHeaders>((done) => page.on('response', done));
      expect(answer[':status']).toBe(200);
    },
  );

  it('answers another protocol with 501 (RFC 9220 §3), once', async () => {
    for (const hasRequestListener of [false, true]) {
      const server = createServer({ settings: ENABLED });
      if (hasRequestListener) server.on('request', () => {});
      for (let count = 0; count < 2; count++) onExtendedConnect(server, accept);
      const session = await openSession(await listenHttp2(server));
      const stream = openStream(session, { ':protocol': 'connect-udp' });
      expect(await stream.response()).toMatchObject({ ':status': 501 });
      expect(await stream.closed()).toBe(0);
      expect(stream.received.toString()).toContain('WS_HANDSHAKE_PROTOCOL');
    }
  });

  it('leaves other protocols, and tunnels, to a connect listener of the application', async () => {
    const server = createServer({ settings: ENABLED }).on('request', () => {});
    onExtendedConnect(server, accept);
    server.on('connect', (request: Http2ServerRequest) => {
      if (request.headers[':protocol'] === 'websocket') return;
      request.stream.respond({ ':status': 204 }, { endStream: true });
    });
    const session = await openSession(await listenHttp2(server));
    for (const fields of [{ ':protocol': 'connect-udp' }, ofTunnel]) {
      expect(await openStream(session, fields).response()).toMatchObject({ ':status': 204 });
    }
    expect(await openStream(session).response()).toMatchObject({ ':status': 200 });
  });

  it('answers a CONNECT for a tunnel as Node does: 405, over HTTP/1.1 with the end', async () => {
    const server = createSecureServer({ ...TLS, settings: ENABLED, allowHTTP1: true });
    server.on('request', () => {});
    onExtendedConnect(server, accept);
    const { port } = await listenHttp2(server);
    const session = await openSession({ port, url: 'wss:' });
    expect(await openStream(session, ofTunnel).response()).toMatchObject({ ':status': 405 });
    const socket: TLSSocket = connectTls({ port, host: '127.0.0.1', ca: TLS.cert });
    socket.write('CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n');
    socket.on('error', () => {});
    await new Promise((resolve) => socket.resume().on('close', resolve));
  });

  it('passes over what a stream listener of the application has answered', async () => {
    const server = createServer({ settings: ENABLED });
    let count = 0;
    onExtendedConnect(server, () => count++);
    server.on('stream', (stream) => stream.respond({ ':status': 403 }, { endStream: true }));
    const session = await openSession(await listenHttp2(server));
    expect(await openStream(session).response()).toMatchObject({ ':status': 403 });
    await settle();
    expect(count).toBe(0);
  });

  it('takes its listeners away with the last offer', async () => {
    const server = createServer({ settings: ENABLED }).on('request', () => {});
    const stops = [accept, () => {}].map((offer) => onExtendedConnect(server, offer));
    const session = await openSession(await listenHttp2(server));
    stops[1]!();
    expect(await openStream(session).response()).toMatchObject({ ':status': 200 });
    stops[0]!();
    stops[0]!();
    expect([server.listenerCount('connect'), server.listenerCount('stream')]).toEqual([0, 1]);
    expect(await openStream(session).response()).toMatchObject({ ':status': 405 });
  });
});
