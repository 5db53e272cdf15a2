/**
 * The EventSource examples of faye-websocket's README, unchanged but for the name of the package.
 */

import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { EventSource as SanswireEventSource } from '../../src/api/event-source.ts';

const WebSocket = { EventSource: SanswireEventSource };
const servers: http.Server[] = [];

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function request(server: http.Server, headers: http.OutgoingHttpHeaders = {}) {
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const client = http.get({ port, host: '127.0.0.1', path: '/es', agent: false, headers });
  client.on('error', () => {});
  const [response] = (await once(client, 'response')) as [IncomingMessage];
  response.setEncoding('utf8').on('error', () => {});
  const received = { text: '' };
  response.on('data', (chunk: string) => {
    received.text += chunk;
  });
  return { client, response, received, port };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

const ACCEPT = { Accept: 'text/event-stream' };

describe('EventSource examples of faye-websocket', () => {
  function exampleServer(): { server: http.Server; isDone: () => boolean } {
    let isDone = false;
    const EventSource = WebSocket.EventSource;
    const server = http.createServer();

    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      if (EventSource.isEventSource(request)) {
        let es: SanswireEventSource | null = new EventSource(request, response);
        console.log('open', es.url, es.lastEventId);

        // Periodically send messages
        const loop = setInterval(() => {
          es?.send('Hello');
        }, 1000);

        es.on('close', () => {
          clearInterval(loop);
          es = null;
          isDone = true;
        });
      } else {
        // Normal HTTP request
        response.writeHead(200, { 'Content-Type': 'text/plain' });
        response.end('Hello');
      }
    });
    return { server, isDone: () => isDone };
  }

  it('the server pushes messages until the client goes', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const log = vi.spyOn(console, 'log').mockImplementation(() => {});
    const { server, isDone } = exampleServer();
    const { client, received, port } = await request(server, { ...ACCEPT, 'Last-Event-ID': '41' });
    expect(log).toHaveBeenCalledWith('open', `http://127.0.0.1:${port}/es`, '41');
    vi.advanceTimersByTime(2000);
    await until(() => received.text.endsWith('data: Hello\n\ndata: Hello\n\n'));
    client.destroy();
    await until(isDone);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('the server answers a normal request', async () => {
    const { response, received } = await request(exampleServer().server);
    await once(response, 'end');
    expect(response.headers['content-type']).toBe('text/plain');
    expect(received.text).toBe('Hello');
  });

  it('sends a notification event with id 99', async () => {
    const server = http.createServer((request, response) => {
      const es = new WebSocket.EventSource(request, response);
      es.send('Breaking News!', { event: 'notification', id: '99' });
    });
    const { received } = await request(server, ACCEPT);
    await until(() => received.text.endsWith('\ndata: Breaking News!\n\n'));
    expect(received.text).toContain('event: notification\nid: 99\n');
  });

  it('sets headers, ping and retry, and pings when asked', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const EventSource = WebSocket.EventSource;
    const sources: SanswireEventSource[] = [];
    const server = http.createServer((request, response) => {
      const es = new EventSource(request, response, {
        headers: { 'Access-Control-Allow-Origin': '*' },
        ping: 15,
        retry: 10,
      });
      sources.push(es);
    });
    const { response, received } = await request(server, ACCEPT);
    expect(response.headers['access-control-allow-origin']).toBe('*');
    await until(() => received.text === 'retry: 10000\n\n');
    vi.advanceTimersByTime(15_000);
    await until(() => received.text === 'retry: 10000\n\n:\n\n');
    sources[0]?.ping();
    await until(() => received.text === 'retry: 10000\n\n:\n\n:\n\n');
  });
});
