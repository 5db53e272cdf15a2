/**
 * Binary messages as they come: streams that are read, left, destroyed or cut off; and listeners
 * that throw.
 */

import { randomBytes } from 'node:crypto';
import { type Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { DEFAULT_BINARY_FRAGMENTATION } from '../../../src/compat/nodejs-websocket/settings.ts';
import { maskedFrame, RawClient, requestLines } from '../ws/raw-peer.ts';
import { collect, faceRaw, type Log, once, pair, sanswire, serve, until } from './libraries.ts';

afterEach(() => sanswire.setBinaryFragmentation(DEFAULT_BINARY_FRAGMENTATION));

describe('an incoming stream', () => {
  it('is thrown away when nobody listens for it, and what follows still comes', async () => {
    const { client, peer } = await pair(sanswire);
    client.sendBinary(randomBytes(2 ** 20));
    client.sendText('after');
    expect(await once(peer, 'text')).toEqual(['after']);
  });

  it('can be destroyed half way: its rest is thrown away, the connection goes on', async () => {
    const { client, peer } = await pair(sanswire);
    peer.on('binary', (stream) => void stream.destroy());
    for (let index = 0; index < 40; index++) client.sendBinary(randomBytes(100_000));
    client.sendText('after');
    expect(await once(peer, 'text')).toEqual(['after']);
  });

  it('that is destroyed with an error fails the connection with 1011', async () => {
    const { client, peer } = await pair(sanswire);
    sanswire.setBinaryFragmentation(1);
    peer.on('binary', (stream) => {
      const broken = new Writable({
        write: (_chunk, _encoding, done) => done(new Error('disk full')),
      });
      pipeline(stream, broken).catch(() => {});
    });
    const closed = Promise.all([once(client, 'close'), once(peer, 'close')]);
    client.beginBinary()?.write('x'.repeat(1000));
    expect((await closed).map(([code]) => code)).toEqual([1011, 1011]);
  });

  it('fails when the peer vanishes half way, rather than end as if it were complete', async () => {
    const { connection, raw } = await faceRaw(sanswire);
    const streamed = once(connection, 'binary');
    raw.socket.write(maskedFrame(0x02, 'half'));
    const [stream] = (await streamed) as [Readable];
    const broken = expect(collect(stream)).rejects.toThrow();
    raw.socket.destroy();
    await broken;
  });

  it('without a listener for its error ends no process', async () => {
    const { connection, raw } = await faceRaw(sanswire);
    const streamed = once(connection, 'binary');
    raw.socket.write(maskedFrame(0x02, 'half'));
    await streamed;
    raw.socket.destroy();
    expect(await once(connection, 'close')).toEqual([1006, '']);
  });

  it('is destroyed by close(), which a reader that stopped does not hold up', async () => {
    const { client, peer } = await pair(sanswire);
    const streamed = once(peer, 'binary');
    client.sendBinary(randomBytes(2 ** 20));
    const [stream] = (await streamed) as [Readable];
    const closed = once(client, 'close');
    peer.close(1000, 'enough');
    expect(await closed).toEqual([1000, 'enough']);
    expect(stream.destroyed).toBe(true);
  });
});

describe('what listeners throw', () => {
  it.each(['text', 'binary', 'connect'] as const)(
    'in %s is an uncaught exception, and the peer sees the connection end',
    async (event) => {
      const handlers = process.rawListeners('uncaughtException');
      process.removeAllListeners('uncaughtException');
      try {
        const uncaught = once(process, 'uncaughtException');
        const thrown = new Error('thrown');
        const log: Log = [];
        const { url } = await serve(sanswire, {
          selectProtocol: (connection) => {
            connection.on(event, () => {
              throw thrown;
            });
            connection.on('close', (code) => log.push(`close ${code}`));
            return undefined;
          },
        });
        const { port } = new URL(url);
        const raw = new RawClient(Number(port));
        await raw.upgrade(
          requestLines({ 'Sec-WebSocket-Protocol': 'any' }),
          maskedFrame(event === 'binary' ? 0x82 : 0x81, 'x'),
        );
        expect(await uncaught).toEqual([thrown, 'uncaughtException']);
        if (event === 'connect') {
          raw.socket.destroy();
          await until(() => log.length === 1);
        } else {
          await raw.ended;
          expect(log).toEqual(['close 1011']);
        }
      } finally {
        for (const handler of handlers) process.on('uncaughtException', handler as () => void);
      }
    },
  );

  it('in close and error keeps neither the answer nor the end from the peer', async () => {
    const handlers = process.rawListeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    const uncaught: unknown[] = [];
    process.on('uncaughtException', (error) => uncaught.push(error));
    try {
      const { connection, raw } = await faceRaw(sanswire);
      const thrown = new Error('thrown');
      for (const event of ['close', 'error'] as const) {
        connection.on(event, () => {
          throw thrown;
        });
      }
      const gone = once(connection.socket, 'close');
      raw.socket.write(maskedFrame(0x88, '\x03\xe8'));
      await raw.ended;
      expect(raw.bytes.toString('latin1')).toBe('\x88\x02\x03\xe8');
      raw.socket.end();
      await gone;
      expect(() => connection.sendText('late')).toThrow(thrown);
      expect(uncaught).toEqual([thrown]);
      expect(connection.readyState).toBe(connection.CLOSED);
    } finally {
      process.removeAllListeners('uncaughtException');
      for (const handler of handlers) process.on('uncaughtException', handler as () => void);
    }
  });
});
