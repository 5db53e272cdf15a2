/**
 * What node:http and agents derive from the headers of a request, and what becomes of the socket
 * of a response that was taken over.
 */

import { once } from 'node:events';
import { Agent, type ClientRequest, createServer, type IncomingMessage } from 'node:http';
import { createServer as createHttpsServer, Agent as HttpsAgent } from 'node:https';
import { connect as connectTcp, createServer as createTcpServer, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { HttpProxyAgent } from 'http-proxy-agent';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ConnectEvents, ConnectRequest, HttpSettings } from '../../src/node/client-options.ts';
import { until } from '../api/sockets.ts';
import { acceptUpgrade, attempt, listen, local, open, TLS_CERT, TLS_KEY } from './connecting.ts';

/** A server that accepts upgrades and logs what it is asked for, and tunnels CONNECT to a port. */
async function logging(tunnelTo?: number): Promise<{ port: number; log: string[] }> {
  const log: string[] = [];
  const server = createServer().on('upgrade', (request, socket) => {
    log.push(`${request.method} ${request.url} ${request.headers.host}`);
    acceptUpgrade(request, socket);
  });
  server.on('connect', (request: IncomingMessage, socket: Socket) => {
    log.push(`${request.method} ${request.url} ${request.headers.host}`);
    const server = connectTcp(tunnelTo ?? 0, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      server.pipe(socket).pipe(server);
    });
    server.on('error', () => socket.destroy());
  });
  return { port: await listen(server), log };
}

/** A TLS server that logs the server names that it is asked for. */
async function loggingNames(): Promise<{ port: number; names: unknown[] }> {
  const names: unknown[] = [];
  const server = createHttpsServer({ key: TLS_KEY, cert: TLS_CERT });
  server.on('upgrade', (request, socket) => {
    names.push((request.socket as TLSSocket & { servername: unknown }).servername);
    acceptUpgrade(request, socket);
  });
  return { port: await listen(server), names };
}

describe('An agent', () => {
  it('is asked for a socket with the request that is sent', async () => {
    const { port } = await logging();
    const seen: Record<string, unknown>[] = [];
    class Recording extends Agent {
      addRequest(request: ClientRequest, options: { headers: object }): void {
        const { path, method, host } = request;
        const [header, accept] = [request.getHeader('host'), request.getHeader('x-list')];
        seen.push({ path, method, host, header, accept, headers: request.getHeaders() });
        expect(Object.keys(options.headers)).toContain('Sec-WebSocket-Key');
        // The types leave out the method that agents override.
        const inherited = Agent.prototype as unknown as { addRequest: Recording['addRequest'] };
        inherited.addRequest.call(this, request, options);
      }
    }
    await open({
      url: new URL(`ws://user:pass@127.0.0.1:${port}/path?query`),
      headers: { Host: 'example.com', 'X-List': ['1', '2'] },
      http: { agent: new Recording() },
    });
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({
      path: '/path?query',
      method: 'GET',
      host: '127.0.0.1',
      header: 'example.com',
      accept: ['1', '2'],
      headers: {
        authorization: 'Basic dXNlcjpwYXNz',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
      },
    });
  });

  it('such as http-proxy-agent asks for the host of the URL', async () => {
    const { port, log } = await logging();
    const agent = new HttpProxyAgent(`http://127.0.0.1:${port}`);
    await open({ url: new URL('ws://backend.example:8081/chat?a=b'), http: { agent } });
    await open({ url: new URL('ws://backend.example/'), headers: { Host: 'b' }, http: { agent } });
    expect(log).toEqual([
      'GET http://backend.example:8081/chat?a=b backend.example:8081',
      'GET http://b/ b',
    ]);
  });

  it('such as https-proxy-agent verifies the host of the URL in its tunnel', async () => {
    const server = await loggingNames();
    const { port, log } = await logging(server.port);
    const agent = new HttpsProxyAgent(`http://127.0.0.1:${port}`);
    const url = new URL(`wss://localhost:${server.port}/`);
    await open({ url, ca: TLS_CERT, http: { agent } });
    expect(log).toEqual([`CONNECT localhost:${server.port} localhost:${server.port}`]);
    expect(server.names).toEqual(['localhost']);
  });
});

describe('The server name of TLS (RFC 6066 §3)', () => {
  const lookup: HttpSettings['lookup'] = (_name, options, callback) => {
    if (options.all) callback(null, [{ address: '127.0.0.1', family: 4 }]);
    else callback(null, '127.0.0.1', 4);
  };
  const agent = new HttpsAgent({ ca: TLS_CERT });

  it.each<[string, string, Partial<ConnectRequest>, string | false]>([
    ['follows Host with an agent', '127.0.0.1', { http: { agent } }, 'localhost'],
    ['follows Host with agent: false', '127.0.0.1', { http: { agent: false } }, 'localhost'],
    ['is that of the settings', '127.0.0.1', { tls: { servername: 'other' } }, 'other'],
    ['is absent for an address', '127.0.0.1', {}, false],
    ['is the host of the URL', 'localhost', { headers: { Host: 'other' } }, 'localhost'],
    [
      'is the host of the URL when the setting is undefined',
      'localhost',
      { tls: { servername: undefined } } as object,
      'localhost',
    ],
    ['has no trailing dot', 'localhost.', { headers: {} }, 'localhost'],
    [
      'has no trailing dot with an agent',
      'localhost.',
      { http: { agent, lookup }, headers: {} },
      'localhost',
    ],
  ])('%s', async (_, host, more, name) => {
    const { port, names } = await loggingNames();
    await open({
      url: new URL(`wss://${host}:${port}/`),
      headers: { Host: 'localhost' },
      http: { lookup },
      ...more,
      tls: { ca: TLS_CERT, checkServerIdentity: () => undefined, ...more.tls },
    });
    expect(names).toEqual([name]);
  });

  it('is what the certificate must name', async () => {
    const { port } = await loggingNames();
    const request = { url: new URL(`wss://localhost.:${port}/`), net: { lookup } };
    await open({ ...request, ca: TLS_CERT });
    const wrong = attempt({ ...request, headers: { Host: 'wrong.example' }, http: { agent } });
    expect((await wrong.outcome).error?.cause).toMatchObject({
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    });
  });
});

describe('The socket of a response that was taken over', () => {
  const BODIES = {
    'a whole response': 'Content-Length: 4\r\n\r\nbody',
    'a response without a body': 'Content-Length: 0\r\n\r\n',
    'a response that goes on': 'Content-Length: 8\r\n\r\nbody',
  };
  const READERS: Record<string, (response: IncomingMessage) => Promise<unknown>> = {
    read: (response) =>
      once(response.resume(), response.headers['content-length'] === '8' ? 'data' : 'end'),
    unread: () => Promise.resolve(),
    aborted: (response) => {
      response.destroy();
      return once(response, 'close');
    },
  };
  const AGENTS = {
    'no agent': undefined,
    'agent: false': false,
    'an agent': new Agent(),
    'an agent that keeps sockets': new Agent({ keepAlive: true }),
    'an agent without a pool': {
      addRequest: (request: ClientRequest, { port }: { port: number }) =>
        request.onSocket(connectTcp(port, '127.0.0.1')),
    } as unknown as Agent,
  } as const;

  for (const [body, head] of Object.entries(BODIES)) {
    for (const [how, read] of Object.entries(READERS)) {
      for (const [name, agent] of Object.entries(AGENTS)) {
        const isWhole = body !== 'a response that goes on';
        // That agent has its socket back, for the next request.
        if (name === 'an agent that keeps sockets' && how === 'read' && isWhole) continue;
        it(`is let go after ${body}, ${how}, with ${name}`, async () => {
          if (agent instanceof Agent) onTestFinished(() => agent.destroy());
          const server = createTcpServer();
          const connected = once(server, 'connection') as Promise<[Socket]>;
          const url = local(await listen(server));
          const hooks: Partial<ConnectEvents> = {
            onUnexpectedResponse: (_request, response) => {
              void read(response).then(() => handle.abort());
              return true;
            },
          };
          const { handle, outcome } = attempt({ url, http: { agent } }, hooks);
          const [socket] = await connected;
          const ended = once(socket.resume(), 'close');
          await once(socket, 'data');
          socket.write(`HTTP/1.1 503 Busy\r\nConnection: keep-alive\r\n${head}`);
          expect((await outcome).error?.code).toBe('WS_ABORTED');
          // From Node 24 on, an agent may have its socket back although nobody has read the body.
          const isPooled = (): boolean =>
            Object.keys(agent instanceof Agent ? agent.freeSockets : {}).length > 0;
          if (name !== 'an agent that keeps sockets') await ended;
          else await Promise.race([ended, until(isPooled)]);
        });
      }
    }
  }

  it('stays with an agent that keeps it, for the next request', async () => {
    const agent = new Agent({ keepAlive: true });
    onTestFinished(() => agent.destroy());
    let connections = 0;
    const server = createServer((_, response) => response.end('body'));
    server.on('connection', () => connections++);
    server.on('upgrade', (request, socket) => {
      if (request.url === '/yes') acceptUpgrade(request, socket);
      else socket.write('HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbody');
    });
    const port = await listen(server);
    const { handle, outcome } = attempt(
      { url: local(port), http: { agent } },
      {
        onUnexpectedResponse: (request, response) => {
          response.resume().on('end', () => request.socket?.once('free', () => handle.abort()));
          return true;
        },
      },
    );
    expect((await outcome).error?.code).toBe('WS_ABORTED');
    expect(handle.request?.socket?.destroyed).toBe(false);
    expect(connections).toBe(1);
  });
});
