/**
 * Text, binary streams both ways, Pings: the same as in nodejs-websocket, on the wire and in
 * events.
 */

import { randomBytes } from 'node:crypto';
import { Readable, type Writable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { DEFAULT_BINARY_FRAGMENTATION } from '../../../src/compat/nodejs-websocket/settings.ts';
import { maskedFrame } from '../ws/raw-peer.ts';
import {
  type Connection,
  collect,
  faceRaw,
  logEvents,
  once,
  original,
  pair,
  same,
  sanswire,
  until,
} from './libraries.ts';

afterEach(() => {
  for (const library of [original, sanswire]) {
    library.setBinaryFragmentation(DEFAULT_BINARY_FRAGMENTATION);
  }
});

describe('text', () => {
  same('goes both ways, in order, of any length', async (library, log) => {
    const { client, peer } = await pair(library);
    logEvents(log, 'server', peer);
    peer.on('text', (text) => peer.send(`${text}!`));
    const answers: string[] = [];
    client.on('text', (text) => answers.push(text));
    for (const text of ['', 'hi', 'žluťoučký 😀', 'x'.repeat(70_000)]) client.sendText(text);
    await until(() => answers.length === 4);
    log.push(...answers.map((text) => `${text.length} ${text.slice(0, 20)}`));
  });

  same('comes whole when its frames divide a character', async (library, log) => {
    const { connection, raw } = await faceRaw(library);
    logEvents(log, 'server', connection);
    const text = once(connection, 'text');
    // The character is divided between chunks here, which both take.
    const bytes = maskedFrame(0x81, Buffer.from('é').toString('latin1'));
    raw.socket.write(bytes.subarray(0, -1));
    raw.socket.write(bytes.subarray(-1));
    await text;
  });

  it('may divide a character, which nodejs-websocket garbles (RFC 6455 §5.4)', async () => {
    const { connection, raw } = await faceRaw(sanswire);
    const text = once(connection, 'text');
    raw.socket.write(Buffer.concat([maskedFrame(0x01, '\xc3'), maskedFrame(0x80, '\xa9')]));
    expect(await text).toEqual(['é']);
  });

  it('must be a string: anything else is a TypeError at the call', async () => {
    const { client } = await pair(sanswire);
    for (const wrong of [undefined, null, 1, {}, Buffer.from('x')]) {
      expect(() => client.sendText(wrong as string)).toThrow(TypeError);
    }
    for (const wrong of [undefined, null, 1, {}, [1]]) {
      expect(() => client.send(wrong as string)).toThrow(TypeError);
      expect(() => client.sendBinary(wrong as Buffer)).toThrow(TypeError);
    }
  });

  same('calls back once it is handed on', async (library, log) => {
    const { client } = await pair(library);
    await new Promise<void>((resolve) => client.sendText('x', () => resolve()));
    await new Promise<void>((resolve) => client.sendBinary(Buffer.from('x'), () => resolve()));
    await new Promise<void>((resolve) => client.send('x', () => resolve()));
    log.push('three');
  });
});

describe('Pings', () => {
  same('are answered; the payload comes as a string', async (library, log) => {
    const { client, peer } = await pair(library);
    logEvents(log, 'client', client);
    logEvents(log, 'server', peer);
    client.sendPing('hey');
    client.sendPing();
    await until(() => log.length === 2);
    peer.sendPing('é');
    await until(() => log.length === 3);
  });

  it('over 125 bytes are a RangeError (RFC 6455 §5.5)', async () => {
    const { client } = await pair(sanswire);
    expect(() => client.sendPing('x'.repeat(126))).toThrow(RangeError);
    client.sendPing('x'.repeat(125));
    expect(await once(client, 'pong')).toEqual(['x'.repeat(125)]);
  });

  it('pass in the middle of a binary transmission', async () => {
    const { client, peer } = await pair(sanswire);
    const streamed = once(peer, 'binary');
    sanswire.setBinaryFragmentation(1);
    const stream = client.beginBinary();
    stream?.write('begun');
    await streamed;
    client.sendPing('between');
    expect(await once(client, 'pong')).toEqual(['between']);
    expect(client.outStream).toBe(stream);
  });
});

describe('what a server writes', () => {
  const writings: { readonly [name: string]: (connection: Connection) => Promise<void> | void } = {
    'text and binary': (connection) => {
      connection.sendText('text');
      connection.sendBinary(Buffer.from('binary'));
      connection.send('s');
      connection.send(Buffer.from('b'));
      connection.sendPing('p');
    },
    'a transmission shorter than a fragment': async (connection) => {
      connection.beginBinary()?.end('short');
      await until(() => connection.outStream === null);
    },
    'an empty transmission': async (connection) => {
      connection.beginBinary()?.end();
      await until(() => connection.outStream === null);
    },
    'a transmission in fragments of at least 5 bytes': async (connection) => {
      const stream = connection.beginBinary();
      for (const chunk of ['abc', 'de', 'fghijklm', 'n', 'o']) stream?.write(chunk);
      stream?.end();
      await until(() => connection.outStream === null);
    },
    'a transmission that ends with a whole fragment': async (connection) => {
      connection.beginBinary()?.end('abcde');
      await until(() => connection.outStream === null);
    },
  };
  for (const [name, write] of Object.entries(writings)) {
    same(name, async (library, log) => {
      library.setBinaryFragmentation(5);
      const { connection, raw } = await faceRaw(library);
      await write(connection);
      connection.sendText('.');
      connection.close(4000, 'end');
      const end = Buffer.concat([
        Buffer.from('\x81\x01.', 'latin1'),
        Buffer.from('\x88\x05\x0f\xa0end', 'latin1'),
      ]);
      let seen = Buffer.alloc(0);
      while (!seen.subarray(-end.length).equals(end)) {
        seen = Buffer.concat([seen, await raw.read(1)]);
      }
      log.push(seen.toString('latin1'));
    });
  }
});

describe('a binary transmission', () => {
  same('shuts out other messages, with errors, until it ends', async (library, log) => {
    const { client, peer } = await pair(library);
    logEvents(log, 'client', client);
    const received = once(peer, 'binary').then(([stream]) => collect(stream as Readable));
    const stream = client.beginBinary();
    log.push(`same ${client.outStream === stream}`);
    client.sendText('x');
    client.sendBinary(Buffer.from('x'));
    client.beginBinary();
    client.send('x');
    stream?.write('abc');
    stream?.end('def');
    log.push(String(await received));
    await until(() => client.outStream === null);
    client.sendText('free again');
    await once(peer, 'text');
  });

  same(
    'has calls for other messages throw where nobody listens for errors',
    async (library, log) => {
      const { client, peer } = await pair(library);
      const received = once(peer, 'binary').then(([stream]) => collect(stream as Readable));
      const stream = client.beginBinary();
      const calls = {
        sendText: () => client.sendText('x'),
        sendBinary: () => client.sendBinary(Buffer.from('x')),
        beginBinary: () => client.beginBinary(),
      };
      for (const [name, call] of Object.entries(calls)) {
        expect(call, name).toThrow();
        log.push(`${name} throws`);
      }
      stream?.end('all of it');
      log.push(String(await received));
    },
  );

  it.each([0, 1, 1000, 3 * 2 ** 20 + 7])('of %i bytes arrives as they were', async (length) => {
    const bytes = randomBytes(length);
    for (const forth of [true, false]) {
      const { client, peer } = await pair(sanswire);
      const [from, to] = forth ? [client, peer] : [peer, client];
      const received = once(to, 'binary').then(([stream]) => collect(stream as Readable));
      await pipeline(Readable.from([bytes]), from.beginBinary() as Writable);
      expect(bytes.equals(await received)).toBe(true);
    }
  });

  it('has the connection go on when its stream is destroyed before anything was sent', async () => {
    const { client, peer } = await pair(sanswire);
    client.beginBinary()?.destroy();
    client.sendText('fine');
    expect(await once(peer, 'text')).toEqual(['fine']);
  });

  it('fails with 1011 when it is destroyed half way: no part passes for the whole', async () => {
    const { client, peer } = await pair(sanswire);
    sanswire.setBinaryFragmentation(1);
    const received = once(peer, 'binary');
    const stream = client.beginBinary();
    stream?.write('half');
    const [incoming] = (await received) as [Readable];
    const broken = expect(collect(incoming)).rejects.toThrow();
    const closings = Promise.all([once(client, 'close'), once(peer, 'close')]);
    stream?.destroy(new Error('no more'));
    expect((await closings).map(([code]) => code)).toEqual([1011, 1011]);
    await broken;
    expect(client.outStream).toBe(null);
  });

  it('that was ended goes out before a Close', async () => {
    const { client, peer } = await pair(sanswire);
    const received = once(peer, 'binary').then(([stream]) => collect(stream as Readable));
    const closed = once(peer, 'close');
    client.beginBinary()?.end('all of it');
    client.close(1000, 'done');
    expect([client.readyState, String(await received)]).toEqual([2, 'all of it']);
    expect(await closed).toEqual([1000, 'done']);
  });

  it('that was not ended is given up by close(), and the stream gets an error', async () => {
    const { client, peer } = await pair(sanswire);
    sanswire.setBinaryFragmentation(1);
    const received = once(peer, 'binary');
    const stream = client.beginBinary() as Writable;
    stream.write('half');
    const [incoming] = (await received) as [Readable];
    const broken = expect(collect(incoming)).rejects.toThrow();
    const failed = once(stream, 'error');
    client.close(1000, 'changed my mind');
    expect(await failed).toEqual([expect.objectContaining({ code: 'WS_INVALID_STATE' })]);
    expect(await once(peer, 'close')).toEqual([1000, 'changed my mind']);
    await broken;
  });

  it('that was not ended does not delay the answer to a Close', async () => {
    const { connection, raw } = await faceRaw(sanswire);
    sanswire.setBinaryFragmentation(1);
    const stream = connection.beginBinary() as Writable;
    const failed = once(stream, 'error');
    stream.write('half');
    raw.socket.write(maskedFrame(0x88, '\x03\xe8'));
    await raw.ended;
    expect(raw.bytes.toString('latin1')).toBe('\x02\x04half\x88\x02\x03\xe8');
    expect(await failed).toEqual([expect.objectContaining({ code: 'WS_INVALID_STATE' })]);
    expect(connection.outStream).toBe(null);
  });

  it('that was ended is followed by what is sent next, and by the Close', async () => {
    const { client, peer } = await pair(sanswire);
    const bytes = randomBytes(3 * 2 ** 20);
    const log: string[] = [];
    peer.on('text', (text) => log.push(text));
    const received = once(peer, 'binary').then(([stream]) => collect(stream as Readable));
    const closed = once(peer, 'close');
    const stream = client.beginBinary() as Writable;
    stream.end(bytes);
    client.sendText('behind', () => log.push('sent'));
    expect(client.beginBinary()?.end('last')).toBeDefined();
    client.close(4000, 'done');
    expect(bytes.equals(await received)).toBe(true);
    expect(await closed).toEqual([4000, 'done']);
    expect(log).toEqual(['sent', 'behind']);
  });

  it('fails its stream when the peer closes, or vanishes', async () => {
    for (const end of [
      (peer: Connection) => peer.close(),
      (peer: Connection) => void peer.socket.destroy(),
    ]) {
      const { client, peer } = await pair(sanswire);
      const stream = client.beginBinary() as Writable;
      const ended = expect(finished(stream)).rejects.toThrow();
      end(peer);
      await ended;
      expect(client.outStream).toBe(null);
    }
  });

  it('whose stream is destroyed without a listener ends no process', async () => {
    const { client, peer } = await pair(sanswire);
    client.beginBinary()?.write('x');
    peer.socket.destroy();
    await once(client, 'close');
  });
});
