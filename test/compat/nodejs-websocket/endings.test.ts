/**
 * How connections end: the same events in the same order, with the same codes, as in
 * nodejs-websocket; and where not.
 */

import { describe, expect, it } from 'vitest';
import {
  acceptLines,
  frame,
  maskedFrame,
  RawClient,
  requestLines,
  serveRaw,
} from '../ws/raw-peer.ts';
import {
  type Connection,
  dial,
  type Log,
  logEvents,
  once,
  pair,
  same,
  sanswire,
  serve,
  until,
} from './libraries.ts';

describe('closing', () => {
  const closings: {
    readonly [name: string]: (client: Connection, peer: Connection) => void;
  } = {
    'by the client with code and reason': (client) => client.close(1000, 'bye'),
    'by the client with a code': (client) => client.close(1000),
    'by the client with nothing': (client) => client.close(),
    'by the client with a reason alone': (client) => client.close(undefined, 'unsent'),
    'by the client with a private code': (client) => client.close(4001, 'because'),
    'by the server with code and reason': (_client, peer) => peer.close(1001, 'going'),
    'by the server with nothing': (_client, peer) => peer.close(),
    'by both at once': (client, peer) => {
      client.close(4000, 'client');
      peer.close(4001, 'server');
    },
    'behind a message': (client) => {
      client.sendText('last words');
      client.close(1000);
    },
    'before messages, which are errors': (client) => {
      client.close(1000);
      client.sendText('late');
      client.sendBinary(Buffer.from('late'));
      client.sendPing('late');
      client.beginBinary();
    },
    'by the loss of the transport at the client': (client) => void client.socket.destroy(),
    'by the loss of the transport at the server': (_client, peer) => void peer.socket.destroy(),
    'by the reset of the transport': (client) => void client.socket.resetAndDestroy(),
    'by the end of the transport without a Close': (client) => void client.socket.end(),
  };
  it('by null is a Close without a code; nodejs-websocket sends 0, which is none', async () => {
    const { server, client, peer } = await pair(sanswire);
    const closed = once(peer, 'close');
    client.close(null as never);
    expect(await closed).toEqual([1005, '']);
    server.close();
  });

  for (const [name, close] of Object.entries(closings)) {
    same(name, async (library, log) => {
      const { server, client, peer } = await pair(library);
      const clientLog: Log = [];
      const peerLog: Log = [];
      logEvents(clientLog, 'client', client);
      logEvents(peerLog, 'server', peer);
      const ended = Promise.all([once(client.socket, 'close'), once(client, 'close')]);
      const peerEnded = Promise.all([once(peer.socket, 'close'), once(peer, 'close')]);
      close(client, peer);
      clientLog.push(`client after state=${client.readyState}`);
      await Promise.all([ended, peerEnded]);
      log.push(...clientLog, ...peerLog, `connections=${server.connections.length}`);
    });
  }

  it('is CLOSING within the event at the end that closes, CLOSED at the other', async () => {
    const { client, peer } = await pair(sanswire);
    const states: string[] = [];
    client.on('close', () => states.push(`client ${client.readyState}`));
    peer.on('close', () => states.push(`server ${peer.readyState}`));
    client.close(1000);
    await once(client.socket, 'close');
    expect(states).toEqual(['client 2', 'server 3']);
    expect([client.readyState, peer.readyState]).toEqual([3, 3]);
  });

  it('happens once, however often it is asked for', async () => {
    const { client, peer } = await pair(sanswire);
    const log: Log = [];
    logEvents(log, 'client', client);
    client.on('close', () => client.close(1001, 'again'));
    client.close(1000, 'first');
    client.close(1001, 'second');
    expect(await once(peer, 'close')).toEqual([1000, 'first']);
    await once(client.socket, 'close');
    client.close();
    expect(log).toEqual(['client close 1000 "first" listed=false']);
  });

  it('while connecting gives up: one close, no error, CLOSED', async () => {
    const { url, server } = await serve(sanswire);
    const client = dial(sanswire, url);
    const log: Log = [];
    logEvents(log, 'client', client);
    client.close(1000, 'never mind');
    expect(client.readyState).toBe(3);
    await until(() => client.socket.destroyed);
    await new Promise((resolve) => setImmediate(resolve));
    expect(log).toEqual(['client close 1000 "never mind" listed=false']);
    expect(server.connections).toEqual([]);
  });

  it.each([0, 999, 1004, 1006, 1015, 2999, 5000, 70_000, Number.NaN])(
    'with the code %s, which must not be sent, is a RangeError and changes nothing',
    async (code) => {
      const { client } = await pair(sanswire);
      expect(() => client.close(code)).toThrow(RangeError);
      expect(client.readyState).toBe(client.OPEN);
    },
  );

  it('with a reason over 123 bytes is a RangeError', async () => {
    const { client } = await pair(sanswire);
    expect(() => client.close(1000, 'é'.repeat(62))).toThrow(RangeError);
    expect(client.readyState).toBe(client.OPEN);
  });

  it('delivers neither messages nor Pongs that come later', async () => {
    const { port, server } = await serve(sanswire);
    const connected = once(server, 'connection');
    const raw = new RawClient(port);
    await raw.upgrade(requestLines());
    const [connection] = (await connected) as [Connection];
    const log: Log = [];
    logEvents(log, 'server', connection);
    connection.on('binary', () => log.push('binary'));
    connection.close(1000);
    raw.socket.write(
      Buffer.concat([
        maskedFrame(0x81, 'late'),
        maskedFrame(0x82, 'late'),
        maskedFrame(0x8a, 'late'),
        maskedFrame(0x88, '\x03\xe8'),
      ]),
    );
    await raw.ended;
    expect(log).toEqual(['server close 1000 undefined listed=false']);
  });
});

/** What a client may do wrong, and the code that it is told. */
const FAULTS: { readonly [name: string]: readonly [Buffer, number] } = {
  'a reserved bit': [maskedFrame(0xc1, 'x'), 1002],
  'an unknown opcode': [maskedFrame(0x83, 'x'), 1002],
  'a frame that is not masked': [frame(0x81, 'x'), 1002],
  'a fragmented Ping': [maskedFrame(0x09, 'x'), 1002],
  'a Ping of 126 bytes': [maskedFrame(0x89, 'x'.repeat(126)), 1002],
  'a Pong of 200 bytes': [maskedFrame(0x8a, 'x'.repeat(200)), 1002],
  'a continuation of nothing': [maskedFrame(0x80, 'x'), 1002],
  'a message within a message': [
    Buffer.concat([maskedFrame(0x01, 'x'), maskedFrame(0x81, 'y')]),
    1002,
  ],
  'text that is not UTF-8': [maskedFrame(0x81, '\xff'), 1007],
  'text that stops being UTF-8 within a message': [maskedFrame(0x01, '\xc0'), 1007],
  'the close code 1004': [maskedFrame(0x88, '\x03\xec'), 1002],
  'the close code 1006': [maskedFrame(0x88, '\x03\xee'), 1002],
  'a Close of one byte': [maskedFrame(0x88, '\x03'), 1002],
  'a close reason that is not UTF-8': [maskedFrame(0x88, '\x03\xe8\xff'), 1007],
};

describe('a violation by the client', () => {
  it.each(Object.entries(FAULTS))('%s', async (_name, [bytes, code]) => {
    const { port, server } = await serve(sanswire);
    const connected = once(server, 'connection');
    const raw = new RawClient(port);
    await raw.upgrade(requestLines());
    const [connection] = (await connected) as [Connection];
    const log: Log = [];
    connection.on('error', (error) => log.push(`error ${error.message}`));
    connection.on('close', (given, reason) => log.push(`close ${given} ${typeof reason}`));
    raw.socket.write(bytes);
    await raw.ended;
    expect(log).toEqual([`close ${code} string`]);
    expect(server.connections).toEqual([]);
    // The Close says the same, and nothing follows it.
    const [first, length = 0] = raw.bytes;
    expect(first).toBe(0x88);
    expect(raw.bytes.readUInt16BE(2)).toBe(code);
    expect(raw.bytes.length).toBe(2 + length);
  });
});

describe('a violation by the server', () => {
  it.each([
    ['a masked frame', maskedFrame(0x81, 'x'), 1002],
    ['text that is not UTF-8', frame(0x81, '\xff'), 1007],
    ['a close code out of range', frame(0x88, '\x00\x01'), 1002],
  ] as const)('%s', async (_name, bytes, code) => {
    const raw = await serveRaw((request, socket) => {
      socket.write(Buffer.concat([Buffer.from(acceptLines(request)), bytes]));
    });
    const client = dial(sanswire, `ws://127.0.0.1:${raw.port}/`);
    const [given, reason] = await once(client, 'close');
    expect([given, typeof reason]).toEqual([code, 'string']);
    await once(client.socket, 'close');
    expect(client.readyState).toBe(client.CLOSED);
    raw.close();
  });
});

describe('errors without a listener end no process', () => {
  it('of calls that come too late, whose callbacks get them', async () => {
    const { client } = await pair(sanswire);
    client.close(1000);
    const error = await new Promise((resolve) => client.sendText('late', resolve));
    expect(error).toMatchObject({ code: 'WS_INVALID_STATE' });
    client.sendPing();
    expect(client.beginBinary()).toBe(undefined);
  });

  it('of a transport that is reset, at either end', async () => {
    const { client, peer } = await pair(sanswire);
    client.socket.resetAndDestroy();
    expect(await once(peer, 'close')).toEqual([1006, '']);
  });

  it('of a server that is not there', async () => {
    const { server, url } = await serve(sanswire);
    server.close();
    await once(server, 'close');
    const client = dial(sanswire, url);
    expect(await once(client, 'close')).toEqual([1006, '']);
  });
});

describe('callbacks', () => {
  it('get an error when the transport is lost before the bytes are out', async () => {
    const { client, peer } = await pair(sanswire);
    peer.socket.pause();
    const outcomes: unknown[] = [];
    // More than the system takes while the peer does not read.
    while (client.socket.writableLength === 0) {
      client.sendBinary(Buffer.alloc(2 ** 20), () => {});
      await new Promise((resolve) => setImmediate(resolve));
    }
    client.sendText('stuck', (error) => outcomes.push(error));
    client.socket.destroy();
    await once(client, 'close');
    expect(outcomes).toEqual([expect.any(Error)]);
  });
});
