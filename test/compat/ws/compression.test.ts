/** permessage-deflate between `sanswire/ws` and `ws`, in both directions, with all options. */

import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  closed,
  type Library,
  logEvents,
  once,
  pair,
  realWs,
  same,
  sanswireWs,
  serve,
  show,
  showError,
} from './libraries.ts';
import { maskedFrame, RawClient, requestLines } from './raw-peer.ts';

const OPTIONS: readonly object[] = [
  {},
  { threshold: 0 },
  { threshold: 0, serverNoContextTakeover: true, clientNoContextTakeover: true },
  { threshold: 0, serverMaxWindowBits: 9, clientMaxWindowBits: 10 },
  { threshold: 0, zlibDeflateOptions: { level: 1, memLevel: 3, chunkSize: 1024 } },
  { threshold: 0, zlibInflateOptions: { chunkSize: 1024 }, concurrencyLimit: 2 },
];

const MESSAGES: readonly (string | Buffer)[] = [
  '',
  'short',
  'é'.repeat(2000),
  'é'.repeat(2000),
  Buffer.alloc(100_000, 'compressible '),
  randomBytes(5000),
  JSON.stringify({ a: 'again and again' }),
];

async function exchange(serverSide: Library, clientSide: Library, options: object): Promise<void> {
  const { server, url } = await serve(serverSide, { perMessageDeflate: options });
  server.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => socket.send(data as Buffer, { binary: isBinary }));
  });
  const client = new clientSide(url, { perMessageDeflate: options });
  await once(client, 'open');
  expect(client.extensions).toBe('permessage-deflate');
  for (const message of MESSAGES) {
    const heard = once(client, 'message');
    client.send(message);
    const [data, isBinary] = await heard;
    expect(isBinary).toBe(typeof message !== 'string');
    expect(Buffer.compare(data as Buffer, Buffer.from(message as string))).toBe(0);
  }
  // In pieces, and uncompressed where that is asked for.
  const pieces = once(client, 'message');
  client.send('one '.repeat(1000), { fin: false });
  client.send('two '.repeat(1000));
  expect(String((await pieces)[0])).toBe('one '.repeat(1000) + 'two '.repeat(1000));
  const plain = once(client, 'message');
  client.send('x'.repeat(5000), { compress: false });
  expect(String((await plain)[0])).toBe('x'.repeat(5000));
  client.close();
  await closed(client);
  server.close();
}

describe('compressed messages', () => {
  for (const options of OPTIONS) {
    const name = JSON.stringify(options);
    it(`from ws to sanswire/ws with ${name}`, () => exchange(sanswireWs, realWs, options));
    it(`from sanswire/ws to ws with ${name}`, () => exchange(realWs, sanswireWs, options));
    it(`from sanswire/ws to itself with ${name}`, () => exchange(sanswireWs, sanswireWs, options));
  }
});

describe('what is negotiated', () => {
  same('is off on servers and on at clients', async (library, log) => {
    for (const [serverOptions, clientOptions] of [
      [{}, {}],
      [{ perMessageDeflate: true }, {}],
      [{ perMessageDeflate: true }, { perMessageDeflate: false }],
      [{ perMessageDeflate: true }, { perMessageDeflate: undefined }],
      [{ perMessageDeflate: true }, { perMessageDeflate: null as never }],
      [{ perMessageDeflate: undefined }, {}],
      [{ perMessageDeflate: null as never }, {}],
    ]) {
      const { server, client, peer } = await pair(library, serverOptions, clientOptions);
      log.push(`${client.extensions}|${peer.extensions}`);
      client.terminate();
      server.close();
    }
  });

  for (const options of [
    true,
    { serverNoContextTakeover: true, clientNoContextTakeover: true },
    { clientMaxWindowBits: 10 },
    { clientMaxWindowBits: false },
    { clientMaxWindowBits: true },
  ]) {
    same(`is what a client with ${JSON.stringify(options)} offers first`, async (library, log) => {
      const { server, url } = await serve(library);
      server.on('connection', (_socket, request) => {
        const header = request.headers['sec-websocket-extensions'] ?? '';
        log.push((header.split(',')[0] ?? '').split('; ').sort().join('; '));
      });
      const client = new library(url, { perMessageDeflate: options });
      await once(client, 'open');
      client.terminate();
      server.close();
    });
  }
});

describe('compressed data that is wrong', () => {
  const frames: { readonly [name: string]: Buffer } = {
    'not DEFLATE': maskedFrame(0xc1, '\xff\xff'),
    'a message that inflates over maxPayload': maskedFrame(
      0xc2,
      Buffer.from('edc101010000008090feafee0800000000000000', 'hex'),
    ),
    'RSV1 on a continuation': Buffer.concat([maskedFrame(0x41, 'x'), maskedFrame(0xc0, 'x')]),
  };
  for (const [name, bytes] of Object.entries(frames)) {
    same(`${name} ends the connection`, async (library, log) => {
      const { server, port } = await serve(library, { perMessageDeflate: true, maxPayload: 1000 });
      const serverClosed = once(server, 'close');
      server.on('connection', (socket) => {
        logEvents(log, 'server', socket);
        socket.on('close', () => server.close());
      });
      const client = new RawClient(port);
      await client.upgrade(requestLines({ 'Sec-WebSocket-Extensions': 'permessage-deflate' }));
      client.socket.write(bytes);
      await client.ended;
      log.push(`answer ${client.bytes.subarray(2, 4).toString('hex')}`);
      client.socket.end();
      await serverClosed;
      log.sort();
    });
  }
});

it('a bomb ends at maxPayload, and the connection with 1009 (CVE-2016-10544)', async () => {
  const { server, url } = await serve(sanswireWs, { perMessageDeflate: true, maxPayload: 1 << 20 });
  server.on('connection', (socket) => {
    socket.on('error', (error) => errors.push(showError(error)));
  });
  const errors: string[] = [];
  const client = new realWs(url, { perMessageDeflate: { threshold: 0 } });
  await once(client, 'open');
  client.send(Buffer.alloc((1 << 20) + 1));
  const [code] = await once(client, 'close');
  expect(`${show(code)} ${errors}`).toBe('1009 RangeError WS_ERR_UNSUPPORTED_MESSAGE_LENGTH');
  server.close();
});
