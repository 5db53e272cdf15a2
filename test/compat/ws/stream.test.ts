/** `createWebSocketStream`: data, backpressure, errors, half-close and destruction, as in `ws`. */

import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, expect, it } from 'vitest';
import { closed, once, pair, same, sanswireWs, serve, show, showError } from './libraries.ts';
import { acceptLines, frame, serveRaw } from './raw-peer.ts';

function logStream(log: string[], who: string, stream: Duplex): void {
  for (const name of ['end', 'finish', 'close']) {
    stream.on(name, () => log.push(`${who} ${name} destroyed=${stream.destroyed}`));
  }
  stream.on('data', (data) => log.push(`${who} data ${show(data)}`));
  stream.on('error', (error) => log.push(`${who} error ${showError(error)}`));
}

const streamClosed = (...streams: Duplex[]): Promise<unknown> =>
  Promise.all(streams.map((stream) => once(stream, 'close')));

describe('createWebSocketStream', () => {
  same('carries messages both ways, and ends with end()', async (library, log) => {
    const { server, client, peer } = await pair(library);
    const mine = library.createWebSocketStream(client);
    const yours = library.createWebSocketStream(peer);
    const mineLog: string[] = [];
    const yoursLog: string[] = [];
    logStream(mineLog, 'client', mine);
    logStream(yoursLog, 'server', yours);
    const done = streamClosed(mine, yours);
    mine.write('hello');
    mine.write(Buffer.from('bytes'));
    await once(yours, 'data');
    yours.write('answer');
    await once(mine, 'data');
    mine.end('last');
    yours.on('end', () => yours.end());
    await done;
    log.push(...mineLog, ...yoursLog);
    server.close();
  });

  same('has methods of its own, whatever the options say', async (library, log) => {
    const { server, client, peer } = await pair(library);
    const stop = (): never => {
      throw new Error('an option was called');
    };
    const options = { read: stop, write: stop, final: stop, destroy: stop };
    const stream = library.createWebSocketStream(client, options);
    logStream(log, 'client', stream);
    peer.on('message', (data) => peer.send(data as Buffer));
    stream.write('echo');
    await once(stream, 'data');
    stream.end();
    await streamClosed(stream);
    server.close();
  });

  same('may be written before the connection is open', async (library, log) => {
    const { server, url } = await serve(library);
    server.on('connection', (socket) => {
      socket.on('message', (data, isBinary) => {
        log.push(`${show(data)} ${isBinary}`);
        socket.close();
      });
    });
    const stream = library.createWebSocketStream(new library(url), { encoding: 'utf8' });
    stream.resume();
    const done = streamClosed(stream);
    stream.end('early');
    await done;
    server.close();
  });

  same('gives strings in readableObjectMode, and with an encoding', async (library, log) => {
    for (const options of [{ readableObjectMode: true }, { encoding: 'utf8' as const }]) {
      const { server, client, peer } = await pair(library);
      const stream = library.createWebSocketStream(client, options);
      stream.on('data', (data) => log.push(show(data)));
      peer.send('text');
      peer.send(Buffer.from('bytes'));
      peer.close();
      await streamClosed(stream.on('end', () => stream.end()));
      server.close();
    }
  });

  same('destroy() drops the connection', async (library, log) => {
    const { server, client, peer } = await pair(library);
    peer.on('close', (code) => log.push(`server close ${code}`));
    const stream = library.createWebSocketStream(client);
    const streamLog: string[] = [];
    logStream(streamLog, 'client', stream);
    stream.destroy();
    await Promise.all([once(stream, 'close'), closed(peer)]);
    log.push(...streamLog, `state ${client.readyState}`);
    server.close();
  });

  same('destroy(error) emits the error once', async (library, log) => {
    const { server, client } = await pair(library);
    const stream = library.createWebSocketStream(client);
    logStream(log, 'client', stream);
    stream.destroy(new RangeError('own'));
    await streamClosed(stream);
    server.close();
  });

  same('destroy() while connecting', async (library, log) => {
    const { server, url } = await serve(library);
    const client = new library(url);
    const stream = library.createWebSocketStream(client);
    logStream(log, 'client', stream);
    stream.destroy();
    await streamClosed(stream);
    log.push(`state ${client.readyState}`);
    server.close();
  });

  same('a connection that cannot be made destroys the stream', async (library, log) => {
    const stream = library.createWebSocketStream(new library('ws://127.0.0.1:1'));
    logStream(log, 'client', stream);
    await streamClosed(stream);
  });

  same('a violation destroys the stream with its error', async (library, log) => {
    const raw = await serveRaw((request, socket) => {
      socket.write(acceptLines(request));
      setTimeout(() => socket.write(frame(0xa1, 'x')), 20);
    });
    const stream = library.createWebSocketStream(new library(`ws://127.0.0.1:${raw.port}`));
    logStream(log, 'client', stream);
    await streamClosed(stream);
    raw.close();
  });

  same('the end of the peer ends the readable side', async (library, log) => {
    const { server, client, peer } = await pair(library);
    const stream = library.createWebSocketStream(client);
    logStream(log, 'client', stream);
    peer.terminate();
    await once(stream, 'end');
    stream.end();
    await streamClosed(stream);
    server.close();
  });
});

it('createWebSocketStream holds the peer back: reading pauses, writing waits', async () => {
  const { server, client, peer } = await pair(sanswireWs);
  const reader = sanswireWs.createWebSocketStream(client, { readableHighWaterMark: 1024 });
  peer.send(randomBytes(4096));
  await once(client, 'message');
  expect(client.isPaused).toBe(true);
  reader.resume();
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(client.isPaused).toBe(false);

  const payload = randomBytes(1 << 20);
  const received: Buffer[] = [];
  const writer = sanswireWs.createWebSocketStream(peer);
  reader.on('data', (chunk: Buffer) => received.push(chunk));
  await Promise.all([
    once(reader, 'end'),
    pipeline([payload.subarray(0, 700_000), payload.subarray(700_000)], writer),
  ]);
  expect(Buffer.concat(received).subarray(-payload.length).equals(payload)).toBe(true);
  reader.end();
  server.close();
});
