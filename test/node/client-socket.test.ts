import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, createServer, type IncomingMessage } from 'node:http';
import { connect as connectTcp, type LookupFunction } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex, duplexPair } from 'node:stream';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { accepting, acceptUpgrade, echo, failure, listen, local, open } from './connecting.ts';

describe('The ways to a server', () => {
  const lookup: LookupFunction = (_name, options, callback) => {
    if (options.all) callback(null, [{ address: '127.0.0.1', family: 4 }]);
    else callback(null, '127.0.0.1', 4);
  };

  it.each(['http', 'net'] as const)('take a lookup among the settings in %s', async (group) => {
    const { port, requests } = await accepting();
    await open({ url: new URL(`ws://example.test:${port}/`), [group]: { lookup } });
    expect(requests[0]?.headers.host).toBe(`example.test:${port}`);
  });

  it.each([
    ['http', 'socketPath'],
    ['net', 'path'],
  ])('take a Unix socket as %s.%s', async (group, name) => {
    const folder = mkdtempSync(join(tmpdir(), 'sanswire-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'server.sock');
    const server = createServer().on('upgrade', (request, socket) => {
      acceptUpgrade(request, socket, `X-Target: ${request.url} ${request.headers.host}\r\n`);
    });
    await listen(server, path);
    const request = { url: new URL('ws://localhost/chat'), [group]: { [name]: path } };
    const { headers } = await open(request);
    expect(headers['x-target']).toBe('/chat localhost');
  });

  it('use a fresh socket, even when the global agent has one to spare', async () => {
    const sockets = new Set<unknown>();
    const server = createServer((_, response) => response.end()).on('upgrade', (request, socket) =>
      acceptUpgrade(request, socket),
    );
    server.on('connection', (socket) => sockets.add(socket));
    const url = local(await listen(server));
    await open({ url });
    await open({ url, http: { agent: false } });
    expect(sockets.size).toBe(2);
  });

  it('use the agent that they are given, and take the socket from it', async () => {
    const { port } = await accepting();
    const agent = new Agent({ keepAlive: true });
    onTestFinished(() => agent.destroy());
    const createSocket = vi.spyOn(agent, 'createConnection' as 'getName');
    const opened = await open({ url: local(port), http: { agent } });
    expect(createSocket).toHaveBeenCalledOnce();
    expect(Object.keys(agent.sockets)).toEqual([]);
    expect(await echo(opened)).toBe('over and back');
  });

  it('use createConnection, which may return any Duplex', async () => {
    const [near, far] = duplexPair();
    far.once('data', (head) => {
      const key = /^sec-websocket-key: (.*)$/im.exec(String(head))?.[1];
      const request = { headers: { 'sec-websocket-key': key } } as unknown as IncomingMessage;
      acceptUpgrade(request, far);
    });
    const createConnection = vi.fn(() => near);
    const opened = await open({ url: new URL('ws://example.test/a'), http: { createConnection } });
    const options = expect.objectContaining({ host: 'example.test', port: 80 });
    expect(createConnection).toHaveBeenCalledWith(options, expect.any(Function));
    expect(opened.socket).toBe(near);
    expect(await echo(opened)).toBe('over and back');
  });

  it('use createConnection that calls back, and report the error that it gives', async () => {
    const { port } = await accepting();
    await open({
      url: new URL('ws://example.test/'),
      http: {
        createConnection: (_, callback) => {
          const socket = connectTcp(port, '127.0.0.1', () => callback(null, socket));
          return undefined;
        },
      },
    });
    const cause = new Error('no socket today');
    const error = await failure({
      url: new URL('ws://example.test/'),
      http: {
        createConnection: (_, callback) => {
          callback(cause, new Duplex());
          return undefined;
        },
      },
    });
    expect(error).toMatchObject({ code: 'WS_TRANSPORT_ERROR', cause });
  });
});
