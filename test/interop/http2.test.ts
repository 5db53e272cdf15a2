/**
 * WebSockets and EventSources over HTTP/2 with peers that nobody here wrote: Chromium over TLS,
 * undici's WebSocket client, and curl.
 */

import { execFile } from 'node:child_process';
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import { promisify } from 'node:util';
import { type Browser, chromium } from 'playwright-core';
import { Agent, WebSocket as UndiciWebSocket } from 'undici';
import { describe, expect, it, onTestFinished } from 'vitest';
import { EventSource } from '../../src/api/event-source.ts';
import { permessageDeflate } from '../../src/api/permessage-deflate.ts';
import { WebSocket } from '../../src/api/websocket.ts';
import { listenHttp2, serveHttp2 } from '../api/http2-sockets.ts';
import { TLS, until } from '../api/sockets.ts';
import {
  BROWSER_TIME_MS,
  CHROMIUM,
  CHROMIUM_ARGUMENTS,
  isChromiumMissing,
} from '../support/chromium.ts';

const ARGUMENTS = [...CHROMIUM_ARGUMENTS, '--ignore-certificate-errors'];

/** Opens sockets, sends everything back, and lists in its title how they ended. */
const PAGE = `<!doctype html><title></title><script>
  const endings = [];
  for (let count = 0; count < 3; count++) {
    const socket = new WebSocket(location.href.replace('http', 'ws') + 'socket', ['b', 'a']);
    socket.binaryType = 'arraybuffer';
    socket.onmessage = ({ data }) => socket.send(data);
    socket.onclose = ({ code, reason, wasClean }) => {
      endings.push([code, reason, wasClean, socket.protocol, socket.extensions].join());
      document.title = endings.sort().join(' ');
    };
  }
</script>`;

const isMissing = isChromiumMissing('HTTP/2 in a browser');

/** Serves the page over TLS, and keeps the requests of the sockets. */
async function servePage() {
  const requests: Http2ServerRequest[] = [];
  const served = await serveHttp2({
    isSecure: true,
    allowHTTP1: true,
    protocols: ['a'],
    options: { extensions: [permessageDeflate] },
    onSocket: (_, request) => requests.push(request),
  });
  served.server.on('request', (_: Http2ServerRequest, response: Http2ServerResponse) => {
    response.setHeader('Content-Type', 'text/html');
    response.end(PAGE);
  });
  return { ...served, requests };
}

describe.skipIf(isMissing)('Chromium over TLS', { timeout: BROWSER_TIME_MS }, () => {
  it('opens its sockets as streams of the HTTP/2 session of the page', async () => {
    const { port, requests, accepted } = await servePage();
    const browser: Browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ARGUMENTS,
    });
    onTestFinished(() => browser.close());
    const page = await browser.newPage();
    await page.goto(`https://127.0.0.1:${port}/`);
    await until(() => accepted.filter(({ readyState }) => readyState === 1).length === 3);

    // Requests of HTTP/1.1 have no stream: these are extended CONNECTs of one session.
    const sessions = new Set(requests.map(({ stream }) => stream.session));
    expect([sessions.size, [...sessions][0]!.alpnProtocol]).toEqual([1, 'h2']);
    const ids = requests.map(({ stream }) => stream.id);
    expect(new Set(ids).size).toBe(3);
    for (const { headers } of requests) {
      expect(headers).toMatchObject({
        ':method': 'CONNECT',
        ':protocol': 'websocket',
        ':path': '/socket',
        'sec-websocket-version': '13',
        origin: `https://127.0.0.1:${port}`,
      });
    }

    // An empty message behind a long one in the same read stays in Chromium until more comes.
    const messages = ['text', '', 'x'.repeat(300_000), Buffer.alloc(300_000, 7)];
    for (const socket of accepted) {
      const received: (string | Buffer)[] = [];
      socket.on('message', ({ data }) => received.push(data as string | Buffer));
      for (const message of messages) socket.send(message);
      await until(() => received.length === messages.length || socket.readyState !== 1);
      const isSame = messages.map((message, index) =>
        Buffer.from(message).equals(Buffer.from(received[index] ?? 'none')),
      );
      expect(isSame).toEqual([true, true, true, true]);
    }
    accepted[0]!.close(1000, 'bye');
    accepted[1]!.terminate();
    requests[2]!.stream.end();
    await page.waitForFunction('document.title.split(" ").length === 3');
    const common = 'a,permessage-deflate';
    expect((await page.title()).split(' ')).toEqual([
      `1000,bye,true,${common}`,
      `1006,,false,${common}`,
      `1006,,false,${common}`,
    ]);
    await until(() => accepted.every(({ readyState }) => readyState === 3));
  });

  it('opens them over HTTP/1.1 where the server has not enabled it', async () => {
    const server = createSecureServer({ ...TLS, allowHTTP1: true });
    const versions: string[] = [];
    server.on('request', (_: Http2ServerRequest, response: Http2ServerResponse) => {
      response.setHeader('Content-Type', 'text/html');
      response.end(PAGE);
    });
    server.on('upgrade', (request, socket, head) => {
      versions.push(request.httpVersion);
      const accepted = new WebSocket(request, socket, head, ['a']);
      accepted.on('open', () => accepted.close(1000));
    });
    const { port } = await listenHttp2(server);
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS });
    onTestFinished(() => browser.close());
    const page = await browser.newPage();
    await page.goto(`https://127.0.0.1:${port}/`);
    await page.waitForFunction('document.title.split(" ").length === 3');
    expect(versions).toEqual(['1.1', '1.1', '1.1']);
    expect(await page.title()).toBe('1000,,true,a, 1000,,true,a, 1000,,true,a,');
  });
});

describe('undici over HTTP/2', () => {
  it('has its key answered, and talks to our server', async () => {
    const requests: Http2ServerRequest[] = [];
    const { url, accepted } = await serveHttp2({
      isSecure: true,
      protocols: ['a'],
      options: { extensions: [permessageDeflate] },
      onSocket: (_, request) => requests.push(request),
    });
    const dispatcher = new Agent({ allowH2: true, connect: { rejectUnauthorized: false } });
    onTestFinished(() => dispatcher.destroy());
    const theirs = new UndiciWebSocket(url, { dispatcher, protocols: ['a'] });
    const events: string[] = [];
    theirs.addEventListener('error', ({ message }) => events.push(`error ${message}`));
    theirs.addEventListener('message', ({ data }) => theirs.send(data));
    theirs.addEventListener('close', ({ code, reason }) => events.push(`close ${code} ${reason}`));
    await until(() => accepted[0]?.readyState === 1 || events.length > 0);
    expect(events).toEqual([]);
    expect(requests[0]!.httpVersion).toBe('2.0');
    expect(requests[0]!.headers).toHaveProperty('sec-websocket-key');
    const [ours] = accepted;
    const received: unknown[] = [];
    ours!.on('message', ({ data }) => received.push(data));
    ours!.send('hello');
    ours!.send('x'.repeat(300_000));
    await until(() => received.length === 2);
    expect(received).toEqual(['hello', 'x'.repeat(300_000)]);
    expect(theirs.protocol).toBe('a');
    ours!.close(1000, 'bye');
    await until(() => events.length > 0);
    expect(events).toEqual(['close 1000 bye']);
  });
});

describe('curl over HTTP/2', () => {
  it('reads an EventSource', async () => {
    const served = await serveHttp2({ isSecure: true });
    served.server.on('request', (request: Http2ServerRequest, response: Http2ServerResponse) => {
      const source = new EventSource(request, response, { headers: { 'X-A': 'b' } });
      source.send('hello', { id: '1', event: 'greeting' });
      source.close();
    });
    const url = `https://127.0.0.1:${served.port}/`;
    const args = ['--http2', '-ksi', '-H', 'Accept: text/event-stream', url];
    const { stdout } = await promisify(execFile)('curl', args);
    const [head = '', body] = stdout.split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/2 200/);
    expect(head).toMatch(/^content-type: text\/event-stream/im);
    expect(head).not.toMatch(/^connection:/im);
    expect(body).toContain('event: greeting\nid: 1\ndata: hello\n');
  });
});
