/**
 * The demo's server, over the wire: what it serves, what it refuses, how it starts and how it ends.
 */

import { once } from 'node:events';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Client } from '../../src/api/client.ts';
import { ensureBuilt, RunningExample } from './running.ts';

const TIMEOUT_MS = 60_000;
/** The server's limit of a message, from examples/demo/echo.mjs. */
const MAX_LENGTH = 16 * 2 ** 20;
const ID = '0123456789abcdef'.repeat(2);

let demo: RunningExample;
let url: string;

beforeAll(async () => {
  await ensureBuilt();
  demo = new RunningExample('demo/server.mjs', [], { PORT: '0' });
  [, url] = (await demo.printed(/(http:\/\/127\.0\.0\.1:\d+)\//)) as unknown as [string, string];
}, 120_000);

afterAll(async () => {
  await demo?.stop();
});

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** Requests a path as it is: unlike fetch, node:http leaves `..` and escapes alone. */
function request(path: string, method = 'GET', headers: object = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const options = { hostname, port, path, method, headers: { ...headers }, agent: false };
    const client = httpRequest(options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode, headers: response.headers, text }),
      );
    });
    client.on('error', reject).end();
  });
}

/** Opens a WebSocket and waits for it. */
async function open(path = '/echo', protocols: string[] = [], options = {}): Promise<Client> {
  const client = new Client(url.replace('http', 'ws') + path, protocols, options);
  await once(client, 'open');
  return client;
}

async function closeOf(client: Client) {
  const [{ code, reason, wasClean }] = await once(client, 'close');
  return { code, reason, wasClean };
}

describe('the pages', { timeout: TIMEOUT_MS }, () => {
  it('come with their types, and with headers that let nothing else in', async () => {
    const { status, headers, text } = await request('/');
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(headers['x-content-type-options']).toBe('nosniff');
    const policy = headers['content-security-policy'];
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('unsafe');
    // The policy allows no inline script and no inline style, so there must be none.
    expect(text).not.toMatch(/<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=/);
  });

  it('load nothing that is not there', async () => {
    const seen = new Set(['/']);
    for (const path of seen) {
      const { status, headers, text } = await request(path);
      expect(status, path).toBe(200);
      expect(headers['content-type'], path).toMatch(/^(text\/(html|css|javascript)|image\/svg)/);
      for (const [, file] of text.matchAll(/(?:src|href)="([^"]+)"|from '\.\/([^']+)'/g)) {
        if (file !== undefined) seen.add(`/${file}`);
      }
      for (const [, file] of text.matchAll(/from '\.\/([^']+)'/g)) seen.add(`/${file}`);
    }
    expect([...seen].sort()).toEqual([
      '/',
      '/app.js',
      '/clock.js',
      '/favicon.svg',
      '/format.js',
      '/log.js',
      '/round-trips.js',
      '/style.css',
      '/wire.js',
    ]);
  });

  it('can be asked for by HEAD, with a query, and by no other method', async () => {
    const head = await request('/style.css', 'HEAD');
    expect(head).toMatchObject({ status: 200, text: '' });
    expect(Number(head.headers['content-length'])).toBeGreaterThan(0);
    expect((await request('/?cache=none')).status).toBe(200);
    const post = await request('/', 'POST');
    expect(post.status).toBe(405);
    expect(post.headers.allow).toBe('GET, HEAD');
  });

  it.each([
    '/nothing',
    '/server.mjs',
    '/../server.mjs',
    '/public/../../server.mjs',
    '/%2e%2e/server.mjs',
    '/..%2fserver.mjs',
    '/..\\server.mjs',
    '//server.mjs',
    '/index.html/../../server.mjs',
    '/style.css%00.html',
    '/__proto__',
    '/constructor',
    '//',
    '/%',
  ])('are all there is: %s is 404', async (path) => {
    const { status, headers, text } = await request(path);
    expect(status).toBe(404);
    expect(headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(text).not.toContain('import');
  });
});

describe('the clock', { timeout: TIMEOUT_MS }, () => {
  it('pushes the time at once, and then each full second', async () => {
    const { hostname, port } = new URL(url);
    const headers = { Accept: 'text/event-stream' };
    const client = httpRequest({ hostname, port, path: '/clock', headers, agent: false });
    client.on('error', () => {}).end();
    const [response] = await once(client, 'response');
    expect(response.headers['content-type']).toMatch(/^text\/event-stream/);
    let text = '';
    const times = () => [...text.matchAll(/data: \{"now":(\d+)\}/g)].map(([, now]) => Number(now));
    for await (const chunk of response.setEncoding('utf8')) {
      text += chunk;
      if (times().length === 3) break;
    }
    expect(text).toContain('retry: 2000');
    expect(text.match(/^event: tick$/gm)).toHaveLength(3);
    const [now, second, third] = times() as [number, number, number];
    expect(Math.abs(Date.now() - now)).toBeLessThan(TIMEOUT_MS);
    expect(second).toBeGreaterThanOrEqual(now);
    expect(third - second).toBeGreaterThan(0);
  });

  it('is for event streams only', async () => {
    expect((await request('/clock')).status).toBe(406);
  });
});

describe('the echo', { timeout: TIMEOUT_MS }, () => {
  it('sends text and binary back, in order', async () => {
    const client = await open();
    const echoes: unknown[] = [];
    client.on('message', (event) => echoes.push(event.data));
    const messages = ['Grüße', Buffer.from([0, 255]), '', Buffer.alloc(100_000, 7)];
    for (const message of messages) client.send(message);
    while (echoes.length < messages.length) await once(client, 'message');
    expect(echoes).toEqual(messages);
    client.close(4000, 'bye');
    expect(await closeOf(client)).toEqual({ code: 4000, reason: 'bye', wasClean: true });
  });

  it('speaks two subprotocols, of which one shouts', async () => {
    const client = await open('/echo', ['unheard-of', 'uppercase']);
    expect(client.protocol).toBe('uppercase');
    client.send('hello');
    const [event] = await once(client, 'message');
    expect(event.data).toBe('HELLO');
    client.close();
    await closeOf(client);
  });

  it('takes messages up to its limit, and closes with 1009 above it', async () => {
    const client = await open('/echo', [], { maxLength: MAX_LENGTH + 1 });
    client.send(Buffer.alloc(MAX_LENGTH));
    const [event] = await once(client, 'message');
    expect(event.data.length).toBe(MAX_LENGTH);
    client.send(Buffer.alloc(MAX_LENGTH + 1));
    expect(await closeOf(client)).toMatchObject({ code: 1009 });
  });

  it('is for its own pages and for clients that are no browser', async () => {
    const { host } = new URL(url);
    const own = await open('/echo', [], { origin: `http://${host}` });
    own.terminate();
    for (const origin of ['http://elsewhere.example', 'null']) {
      const client = new Client(`ws://${host}/echo`, [], { origin });
      await new Promise((resolve) => client.once('close', resolve));
      expect(client.statusCode).toBe(403);
    }
  });

  it('is at one path only', async () => {
    const client = new Client(`${url.replace('http', 'ws')}/elsewhere`);
    await new Promise((resolve) => client.once('close', resolve));
    expect(client.statusCode).toBe(404);
  });
});

describe('the actions', { timeout: TIMEOUT_MS }, () => {
  it('ping the client and tell how long it took', async () => {
    const client = await open(`/echo?id=${ID}`);
    const { status, text } = await request(`/connections/${ID}/ping`, 'POST');
    expect(status).toBe(200);
    expect(Number(text)).toBeGreaterThan(0);
    client.close();
    await closeOf(client);
  });

  it('close with a code and a reason, or say why not', async () => {
    const client = await open(`/echo?id=${ID}`);
    const ended = closeOf(client);
    const bad = await request(`/connections/${ID}/close?code=1006`, 'POST');
    expect(bad.status).toBe(400);
    expect(bad.text).toContain('1000-1003, 1007-1014 or 3000-4999');
    const good = await request(`/connections/${ID}/close?code=4001&reason=over`, 'POST');
    expect(good.status).toBe(200);
    expect(await ended).toEqual({ code: 4001, reason: 'over', wasClean: true });
  });

  it('drop the connection', async () => {
    const client = await open(`/echo?id=${ID}`);
    const ended = closeOf(client);
    expect((await request(`/connections/${ID}/drop`, 'POST')).status).toBe(200);
    expect(await ended).toEqual({ code: 1006, reason: '', wasClean: false });
  });

  it('are for those who know the id, by POST', async () => {
    const client = await open(`/echo?id=${ID}`);
    expect((await request(`/connections/${ID}/drop`)).status).toBe(405);
    for (const path of [`${ID.replace('0', 'f')}/drop`, `${ID}/explode`, '', '/', `${ID}/`]) {
      expect((await request(`/connections/${path}`, 'POST')).status, path).toBe(404);
    }
    expect(client.readyState).toBe(Client.OPEN);
    client.close();
    await closeOf(client);
    expect((await request(`/connections/${ID}/ping`, 'POST')).status).toBe(404);
  });
});

describe('the process', { timeout: TIMEOUT_MS }, () => {
  it('says so in one line when the port is taken', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;
    const { code, stdout, stderr } = await new RunningExample('demo/server.mjs', [], {
      PORT: String(port),
    }).ended;
    holder.close();
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toMatch(new RegExp(`^Port ${port} on 127\\.0\\.0\\.1 is taken.*\\n$`));
  });

  it.each(['http', '-1', '65536', '80.5', '0x50', '123456'])(
    'says so in one line when PORT is %s',
    async (port) => {
      const { code, stdout, stderr } = await new RunningExample('demo/server.mjs', [], {
        PORT: port,
      }).ended;
      expect(code).toBe(1);
      expect(stdout).toBe('');
      expect(stderr).toBe(`PORT must be a number from 0 to 65535, not "${port}".\n`);
    },
  );

  it('says goodbye to all when it is told to end, and ends', async () => {
    const example = new RunningExample('demo/server.mjs', [], { PORT: '0' });
    const [, host] = await example.printed(/http:\/\/([\d.:]+)\//);
    const client = new Client(`ws://${host}/echo`);
    await once(client, 'open');
    const ended = closeOf(client);
    const stream = await fetch(`http://${host}/clock`, {
      headers: { Accept: 'text/event-stream' },
    });
    const { code } = await example.stop();
    expect(code).toBe(0);
    expect(await ended).toMatchObject({ code: 1001, reason: 'The server is shutting down' });
    expect(await stream.text()).toContain('event: tick');
  });
});
