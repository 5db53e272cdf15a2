import { createServer as createHttpServer } from 'node:http';
import { Agent, createServer, type ServerOptions } from 'node:https';
import { createServer as createTcpServer, type LookupFunction } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ConnectRequest } from '../../src/node/client-options.ts';
import { acceptUpgrade, echo, failure, listen, open, TLS_CERT, TLS_KEY } from './connecting.ts';

const toLoopback: LookupFunction = (_name, options, callback) => {
  if (options.all) callback(null, [{ address: '127.0.0.1', family: 4 }]);
  else callback(null, '127.0.0.1', 4);
};

/** A TLS server that tells the client what it saw of it. */
async function accepting(options: ServerOptions = {}): Promise<number> {
  const server = createServer({ key: TLS_KEY, cert: TLS_CERT, ...options });
  server.on('upgrade', (request, socket) => {
    const { servername, alpnProtocol, authorized } = request.socket as TLSSocket & {
      servername: string | false;
    };
    acceptUpgrade(request, socket, `X-Saw: ${servername} ${alpnProtocol} ${authorized}\r\n`);
  });
  return listen(server);
}

const secure = (port: number, host = '127.0.0.1'): URL => new URL(`wss://${host}:${port}/`);

describe('TLS to the server (THREATS 18)', () => {
  it('refuses a certificate that nobody vouches for', async () => {
    const error = await failure({ url: secure(await accepting()) });
    expect(error).toMatchObject({
      code: 'WS_TRANSPORT_ERROR',
      cause: { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
    });
  });

  it.each<[string, Partial<ConnectRequest>]>([
    ['ca', { ca: TLS_CERT }],
    ['tls.ca', { tls: { ca: TLS_CERT } }],
    ['http.ca', { http: { ca: TLS_CERT } }],
    ['tls.ca rather than http.ca', { tls: { ca: TLS_CERT }, http: { ca: TLS_KEY } }],
  ])('accepts it when %s does', async (_, options) => {
    const opened = await open({ url: secure(await accepting()), ...options });
    expect(await echo(opened)).toBe('over and back');
  });

  it('says that the scheme may be wrong: wss to a plain port, ws to a TLS port', async () => {
    const plain = await failure({ url: secure(await listen(createHttpServer())) });
    expect(plain.message).toMatch(/try ws instead of wss$/);
    const tls = await failure({ url: new URL(`ws://127.0.0.1:${await accepting()}/`) });
    expect(tls.message).toMatch(/try wss instead of ws$/);
  });

  it('takes https for wss', async () => {
    await open({ url: new URL(`https://127.0.0.1:${await accepting()}/`), ca: TLS_CERT });
  });

  it('refuses a certificate of another host', async () => {
    const error = await failure({
      url: secure(await accepting(), 'example.test'),
      ca: TLS_CERT,
      net: { lookup: toLoopback },
    });
    expect(error.cause).toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  });

  it('can be told not to verify', async () => {
    await open({ url: secure(await accepting()), tls: { rejectUnauthorized: false } });
  });

  it('is not switched off by an undefined setting', async () => {
    const error = await failure({
      url: secure(await accepting()),
      http: { rejectUnauthorized: undefined },
    });
    expect(error.code).toBe('WS_TRANSPORT_ERROR');
  });

  it('names the server, but not an address, and asks for HTTP/1.1', async () => {
    const port = await accepting({ ALPNProtocols: ['h2', 'http/1.1'] });
    const named = await open({
      url: secure(port, 'localhost'),
      ca: TLS_CERT,
      net: { lookup: toLoopback },
    });
    expect(named.headers['x-saw']).toBe('localhost http/1.1 false');
    const numbered = await open({ url: secure(port), ca: TLS_CERT });
    expect(numbered.headers['x-saw']).toBe('false http/1.1 false');
  });

  it('presents a client certificate', async () => {
    const port = await accepting({ requestCert: true, ca: TLS_CERT });
    const tls = { ca: TLS_CERT, key: TLS_KEY, cert: TLS_CERT };
    const { headers } = await open({ url: secure(port), tls });
    expect(headers['x-saw']).toMatch(/ true$/);
  });

  it('goes through the agent that is given', async () => {
    const agent = new Agent({ ca: TLS_CERT });
    onTestFinished(() => agent.destroy());
    const opened = await open({ url: secure(await accepting()), http: { agent } });
    expect(await echo(opened)).toBe('over and back');
  });

  it('fails when the server does not speak TLS', async () => {
    const server = createTcpServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const error = await failure({ url: secure(await listen(server)) });
    expect(error.code).toBe('WS_TRANSPORT_ERROR');
  });
});
