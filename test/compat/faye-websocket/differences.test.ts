/** What Sanswire and faye-websocket do differently: docs/migrating.md has the list. */

import { createServer, type IncomingMessage } from 'node:http';
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Client, WebSocket } from '../../../src/index.ts';
import { listen } from '../../api/sockets.ts';
import { collectUncaught } from '../../support/uncaught-exceptions.ts';
import { maskedFrame, RawClient, requestLines } from '../ws/raw-peer.ts';

type Library = typeof WebSocket;
type Connection = InstanceType<Library>;

const faye = createRequire(import.meta.url)('faye-websocket') as Library;

/** What a server does with a request, and with the bytes behind it, until the peer is gone. */
async function serve(
  library: Library,
  request: string,
  bytes: Buffer = Buffer.alloc(0),
  use: (connection: Connection, log: string[]) => void = () => {},
): Promise<string[]> {
  const log: string[] = [];
  const server = createServer();
  const closed = new Promise<void>((resolve) => {
    server.on('upgrade', (message: IncomingMessage, socket: Socket, head: Buffer) => {
      const connection = new library(message, socket, head, ['chat'], { maxLength: 1000 });
      connection.on('open', () => log.push('open'));
      connection.on('error', () => log.push('error'));
      connection.on('message', ({ data }) => log.push(`message ${String(data)}`));
      connection.on('close', ({ code }) => {
        log.push(`close ${code}`);
        resolve();
      });
      use(connection, log);
    });
  });
  const client = new RawClient(await listen(server));
  onTestFinished(() => void client.socket.destroy());
  const head = await client.upgrade(request, bytes);
  client.socket.end();
  await client.ended;
  await closed;
  server.close();
  return [head.split(' ')[1] ?? '', client.bytes.toString('latin1'), ...log];
}

/** Expects another log of each library. */
function differs(
  name: string,
  expected: { readonly faye: string[]; readonly sanswire: string[] },
  run: (library: Library) => Promise<string[]>,
): void {
  it(name, async () => {
    expect(await run(faye), 'faye-websocket').toEqual(expected.faye);
    expect(await run(WebSocket), 'sanswire').toEqual(expected.sanswire);
  });
}

const CLOSE = maskedFrame(0x88, '\x03\xe8');

describe('A request', () => {
  const answerTo = (changes: Record<string, string>) => async (library: Library) => {
    const [status = '', , ...events] = await serve(library, requestLines(changes), CLOSE);
    return [status, ...events];
  };

  differs(
    'with a key of another length than 16 bytes is refused (RFC 6455 §4.2.1)',
    { faye: ['101', 'open', 'close 1000'], sanswire: ['400', 'error', 'close 1006'] },
    answerTo({ 'Sec-WebSocket-Key': 'abc' }),
  );

  differs(
    'of an unknown version gets 426 (RFC 6455 §4.4)',
    { faye: ['400', 'error', 'close 1002'], sanswire: ['426', 'error', 'close 1006'] },
    answerTo({ 'Sec-WebSocket-Version': '9' }),
  );

  differs(
    'of version 8 is accepted: its frames are the same',
    { faye: ['400', 'error', 'close 1002'], sanswire: ['101', 'open', 'close 1000'] },
    answerTo({ 'Sec-WebSocket-Version': '8' }),
  );
});

describe('A connection', () => {
  differs(
    'that is closed before it opens is accepted and closed',
    { faye: ['', '', 'close 1000'], sanswire: ['101', '\x88\x02\x03\xe8', 'close 1000'] },
    (library) => serve(library, requestLines(), CLOSE, (connection) => connection.close(1000)),
  );

  differs(
    'ends with 1005 after a Close without a code (RFC 6455 §7.1.5)',
    {
      faye: ['101', '\x88\x02\x03\xe8', 'open', 'close 1000'],
      sanswire: ['101', '\x88\x00', 'open', 'close 1005'],
    },
    (library) => serve(library, requestLines(), maskedFrame(0x88)),
  );

  differs(
    'fails with 1002 at an unmasked frame (RFC 6455 §5.1, §7.4.1)',
    { faye: ['\x03\xeb'], sanswire: ['\x03\xea'] },
    async (library) => {
      const [, bytes = ''] = await serve(library, requestLines(), Buffer.from([0x81, 0]));
      return [bytes.slice(2, 4)];
    },
  );

  differs(
    'goes on after a listener that throws, which is an uncaught exception',
    {
      faye: ['open', 'message a', 'close 1006', 'uncaught'],
      sanswire: ['open', 'message a', 'message b', 'close 1000', 'uncaught', 'uncaught'],
    },
    async (library) => {
      const uncaught = collectUncaught();
      const bytes = Buffer.concat([maskedFrame(0x81, 'a'), maskedFrame(0x81, 'b'), CLOSE]);
      const [, , ...events] = await serve(library, requestLines(), bytes, (connection) => {
        connection.on('message', () => {
          throw new Error('own');
        });
      });
      return [...events, ...uncaught.map(() => 'uncaught')];
    },
  );

  differs(
    'calls `onmessage` in its turn among the listeners (WHATWG HTML §8.1.8.1)',
    { faye: ['onmessage', 'message a'], sanswire: ['message a', 'onmessage'] },
    async (library) => {
      const bytes = Buffer.concat([maskedFrame(0x81, 'a'), CLOSE]);
      const log = await serve(library, requestLines(), bytes, (connection, events) => {
        connection.onmessage = () => events.push('onmessage');
      });
      return log.filter((line) => line.includes('message'));
    },
  );

  differs(
    'refuses a Ping over 125 bytes (RFC 6455 §5.5)',
    { faye: ['true'], sanswire: ['RangeError'] },
    async (library) => {
      const outcome: string[] = [];
      await serve(library, requestLines(), CLOSE, (connection) => {
        connection.on('open', () => {
          try {
            outcome.push(String(connection.ping('x'.repeat(126))));
          } catch (error) {
            outcome.push((error as Error).name);
          }
        });
      });
      return outcome;
    },
  );

  differs(
    'sends any view and ArrayBuffer as binary',
    {
      faye: ['\x81\x031,2', '\x81\x14[object ArrayBuffer]'],
      sanswire: ['\x82\x02\x01\x02', '\x82\x01\x07'],
    },
    async (library) => {
      const sent = [Uint8Array.of(1, 2), Uint8Array.of(7).buffer];
      const frames: string[] = [];
      for (const data of sent) {
        const [, bytes = ''] = await serve(library, requestLines(), CLOSE, (connection) => {
          connection.on('open', () => connection.send(data));
        });
        frames.push(bytes.slice(0, bytes.indexOf('\x88')));
      }
      return frames;
    },
  );
});

differs(
  'A client that is closed while it connects fails (WHATWG WebSockets §3.1)',
  { faye: ['close 1000'], sanswire: ['error', 'close 1006'] },
  async (library) => {
    const port = await listen(createServer());
    const client = new library.Client(`ws://127.0.0.1:${port}/`) as Client;
    const log: string[] = [];
    client.on('error', () => log.push('error'));
    await new Promise<void>((resolve) => {
      client.on('close', ({ code }) => {
        log.push(`close ${code}`);
        resolve();
      });
      client.close();
    });
    return log;
  },
);
