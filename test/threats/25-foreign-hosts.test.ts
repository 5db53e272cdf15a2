/**
 * THREATS 25: a page whose own name leads to our address, by DNS rebinding (CVE-2026-59950). Its
 * Origin and its Host agree, but the Host is not one of ours.
 */

import { createServer, type IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { nodePlatform, ServerEndpoint } from '../../src/engine.ts';
import { type ServerOptions, WebSocket } from '../../src/index.ts';
import { WebSocketStream } from '../../src/streams.ts';
import { connectRaw, listen, readHead, upgradeRequest } from '../api/sockets.ts';
import { MemoryDuplex } from '../support/memory-duplex.ts';
import { RecordingHandler } from '../support/recording-handler.ts';
import type { ServerFace } from '../support/server-faces.ts';

const OPTIONS = { allowedHosts: ['Example.com', 'localhost:8080'] };
const HIXIE_75 = { 'Sec-WebSocket-Key': undefined, 'Sec-WebSocket-Version': undefined };

type Ask = (request: string) => Promise<string>;

const asking =
  (answer: ReturnType<ServerFace['answer']>): Ask =>
  async (request) => {
    const server = createServer().on('upgrade', answer);
    const raw = await connectRaw(await listen(server));
    raw.write(request);
    return (await readHead(raw))[0];
  };

/** The first line of the answer of each face that has a list of origins. */
const FACES: Readonly<Record<string, Ask>> = {
  WebSocket: asking((...upgrade) => void new WebSocket(...upgrade, [], OPTIONS)),
  'WebSocket, for the drafts, too': asking(
    (...upgrade) => void new WebSocket(...upgrade, [], { ...OPTIONS, allowDrafts: true }),
  ),
  'WebSocketStream.accept': asking((...upgrade) => {
    WebSocketStream.accept(...upgrade, OPTIONS);
  }),
  ServerEndpoint: async (request) => {
    const handler = Object.assign(new RecordingHandler(), { onOpen: () => {} });
    const endpoint = new ServerEndpoint({ ...OPTIONS, platform: nodePlatform, handler });
    endpoint.receive(Buffer.from(request, 'latin1'));
    return Buffer.concat(endpoint.takeOutput()).toString('latin1');
  },
};

describe.each(Object.entries(FACES))('%s with a list of hosts', (_, ask) => {
  it.each(['example.com', 'EXAMPLE.COM:81', 'localhost:8080'])('accepts %s', async (Host) => {
    expect(await ask(upgradeRequest({ Host }))).toMatch(/^HTTP\/1.1 101 /);
  });

  it.each([
    'rebound.example',
    'example.com.rebound.example',
    'localhost',
    'localhost:8081',
    '127.0.0.1',
    'example.com.',
  ])('refuses %s with 403, although its Origin agrees', async (Host) => {
    const request = upgradeRequest({ Host, Origin: `http://${Host}` });
    expect(await ask(request)).toMatch(/^HTTP\/1.1 403 /);
  });

  it('refuses a foreign host in an absolute target, and behind one of ours', async () => {
    const [ours, foreign] = ['http://example.com/', 'http://rebound.example/'];
    const get = (target: string, Host: string): Promise<string> =>
      ask(upgradeRequest({ Host }, `GET ${target} HTTP/1.1`));
    expect(await get(ours, 'example.com')).toMatch(/^HTTP\/1.1 101 /);
    expect(await get(foreign, 'example.com')).toMatch(/^HTTP\/1.1 403 /);
    expect(await get(ours, 'rebound.example')).toMatch(/^HTTP\/1.1 403 /);
  });

  it('refuses a request without a Host, or with two', async () => {
    expect(await ask(upgradeRequest({ Host: undefined }))).toMatch(/^HTTP\/1.1 400 /);
    const twice = upgradeRequest({ Host: 'example.com\r\nHost: rebound.example' });
    expect(await ask(twice)).toMatch(/^HTTP\/1.1 400 /);
  });
});

describe('A client of a draft', () => {
  it('is refused with 403 for its host, too', async () => {
    const ask = FACES['WebSocket, for the drafts, too']!;
    const request = { ...HIXIE_75, Origin: 'http://rebound.example' };
    expect(await ask(upgradeRequest({ ...request, Host: 'example.com' }))).toMatch(/ 101 /);
    expect(await ask(upgradeRequest({ ...request, Host: 'rebound.example' }))).toMatch(/ 403 /);
  });
});

describe('The option allowedHosts', () => {
  it.each(['example.com', [1], {}, [undefined]])('%j is a TypeError', (allowedHosts) => {
    const options = { allowedHosts } as unknown as ServerOptions;
    const request = { headers: {}, rawHeaders: [] } as unknown as IncomingMessage;
    expect(() => new WebSocket(request, new MemoryDuplex(), null, [], options)).toThrow(
      'Option allowedHosts must be a list of hosts',
    );
  });
});
