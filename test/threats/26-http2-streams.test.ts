/**
 * Hostile peers over HTTP/2: streams that are reset as soon as they are opened (CVE-2023-44487),
 * requests that are none, windows of 0, and ends at every moment.
 */

import { once } from 'node:events';
import { constants } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { WebSocket } from '../../src/api/websocket.ts';
import { openSession, openStream, serveHttp2 } from '../api/http2-sockets.ts';
import { logEvents, settle, until } from '../api/sockets.ts';
import { concat, utf8 } from '../support/hex.ts';

type Field = readonly [name: string, value: string];

/** A frame of HTTP/2 (RFC 9113 §4.1). */
function frame(type: number, flags: number, streamId: number, payload: Uint8Array): Uint8Array {
  const head = new DataView(new ArrayBuffer(9));
  head.setUint32(0, payload.length * 256 + type);
  head.setUint8(4, flags);
  head.setUint32(5, streamId);
  return concat([new Uint8Array(head.buffer), payload]);
}

/** HEADERS with END_HEADERS, each field as a literal without indexing (RFC 7541 §6.2.2). */
function headers(fields: readonly Field[]): Uint8Array {
  const literal = (text: string): Uint8Array => concat([Uint8Array.of(text.length), utf8(text)]);
  const encoded = fields.map(([name, value]) =>
    concat([Uint8Array.of(0), literal(name), literal(value)]),
  );
  return frame(1, 4, 1, concat(encoded));
}

const PREFACE = concat([
  utf8('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  frame(4, 0, 0, new Uint8Array(0)),
]);

const REQUEST: readonly Field[] = [
  [':method', 'CONNECT'],
  [':protocol', 'websocket'],
  [':scheme', 'http'],
  [':authority', 'localhost'],
  [':path', '/'],
  ['sec-websocket-version', '13'],
];

/** Sends a request as it is; gives the type of the answer, and the code of a reset. */
async function sendRaw(port: number, fields: readonly Field[]): Promise<string> {
  const socket = connectTcp(port, '127.0.0.1');
  socket.on('error', () => {});
  onTestFinished(() => void socket.destroy());
  socket.write(concat([PREFACE, headers(fields)]));
  let received = Buffer.alloc(0);
  for await (const chunk of socket) {
    received = Buffer.concat([received, chunk as Buffer]);
    for (let at = 0; at + 9 <= received.length; at += 9 + received.readUIntBE(at, 3)) {
      const payload = received.subarray(at + 9, at + 9 + received.readUIntBE(at, 3));
      const type = received[at + 3];
      if (type === 1) return 'answered';
      if (type === 3) return `reset ${payload.readUInt32BE()}`;
      if (type === 7) return `session ended ${payload.readUInt32BE(4)}`;
    }
  }
  return 'hung up';
}

describe('Streams that are reset at once (CVE-2023-44487)', () => {
  it('end their sockets, each once, and leave the server as it was', async () => {
    let made = 0;
    const codes: number[] = [];
    const served = await serveHttp2({
      onSocket: (socket) => {
        made++;
        socket.on('close', ({ code }) => codes.push(code));
      },
    });
    for (let round = 0; round < 3; round++) {
      const session = await openSession(served);
      for (let count = 0; count < 1000 && !session.destroyed; count++) {
        const stream = session.request(
          {
            ...Object.fromEntries(REQUEST),
          },
          { endStream: false },
        );
        stream.on('error', () => {}).close(constants.NGHTTP2_CANCEL);
        if (count % 100 === 0) await settle();
      }
      await settle();
      session.destroy();
      await once(session, 'close').catch(() => {});
    }
    await until(() => codes.length === made);
    expect(codes.every((code) => code === 1006)).toBe(true);
    const stream = openStream(await openSession(served));
    expect(await stream.response()).toMatchObject({ ':status': 200 });
    expect(codes.length).toBe(made - 1);
  });
});

describe('A request of HTTP/2 that is none', () => {
  const without = (name: string): Field[] => REQUEST.filter(([field]) => field !== name);
  const BROKEN: Readonly<Record<string, readonly Field[]>> = {
    'no :scheme': without(':scheme'),
    'no :path': without(':path'),
    'no :authority': without(':authority'),
    'two :protocol': [[':protocol', 'websocket'], ...REQUEST],
    'two :authority': [[':authority', 'evil.example'], ...REQUEST],
    ':protocol of a GET': [[':method', 'GET'], ...without(':method')],
    'a pseudo-header field behind others': [...without(':path'), [':path', '/']],
    'an unknown pseudo-header field': [[':upgrade', 'websocket'], ...REQUEST],
    'a Connection field': [...REQUEST, ['connection', 'upgrade']],
    'a Transfer-Encoding field': [...REQUEST, ['transfer-encoding', 'chunked']],
    'a name in upper case': [...REQUEST, ['X-A', '1']],
  };

  it.each(Object.entries(BROKEN))('makes no WebSocket: %s', async (_, fields) => {
    const served = await serveHttp2();
    expect(await sendRaw(served.port, fields)).not.toBe('answered');
    expect(served.accepted).toEqual([]);
  });

  it('loses a field with a line break in its value, to HTTP/2 itself', async () => {
    let names: string[] = [];
    const served = await serveHttp2({
      onSocket: (_, { headers: fields }) => {
        names = Object.keys(fields);
      },
    });
    const fields: Field[] = [...REQUEST, ['x-a', '1\r\nx-b: 2'], ['x-c', '3']];
    expect(await sendRaw(served.port, fields)).toBe('answered');
    expect(names.filter((name) => name.startsWith('x-'))).toEqual(['x-c']);
  });

  it('is told from one that is in order', async () => {
    const served = await serveHttp2();
    expect(await sendRaw(served.port, REQUEST)).toBe('answered');
    expect(served.accepted).toHaveLength(1);
  });

  it.each([
    ['a path that is no path', ':path', 'http//x', 400],
    ['an authority with userinfo', ':authority', 'a@b', 400],
    ['an authority with a path', ':authority', 'a/b', 400],
    ['an empty protocol', ':protocol', '', 501],
    ['another protocol', ':protocol', 'websocket2', 501],
  ])('is refused with a status: %s', async (_, name, value, status) => {
    const served = await serveHttp2();
    const stream = openStream(await openSession(served), { [name]: value });
    const outcome = await Promise.race([
      stream.response().then(({ ':status': answer }) => answer),
      stream.closed(),
    ]);
    // HTTP/2 itself may refuse it first.
    expect([status, constants.NGHTTP2_PROTOCOL_ERROR]).toContain(outcome);
  });
});

describe('A peer with a window of 0', () => {
  const open = async (options: object = {}) => {
    const logs: string[][] = [];
    const sockets: WebSocket[] = [];
    const served = await serveHttp2({
      options,
      onSocket: (socket) => {
        sockets.push(socket);
        logs.push(logEvents(socket));
      },
    });
    const session = await openSession(served, { settings: { initialWindowSize: 0 } });
    const stream = openStream(session);
    await stream.response();
    await until(() => sockets[0]?.readyState === 1);
    return { stream, socket: sockets[0]!, log: logs[0]! };
  };
  const isClosed = (log: readonly string[]): boolean => log.at(-1)?.startsWith('close') === true;

  it('is dropped over maxBufferedAmount', async () => {
    const { socket, log, stream } = await open({ maxBufferedAmount: 100_000, closeTimeout: 1 });
    for (let count = 0; count < 20; count++) socket.send(Buffer.alloc(10_000));
    await until(() => isClosed(log));
    expect(log).toContain('error WS_BUFFERED_AMOUNT_EXCEEDED');
    expect(await stream.closed()).toBe(constants.NGHTTP2_CANCEL);
  });

  it('does not keep a socket from its end', async () => {
    for (const end of ['terminate', 'close'] as const) {
      const { socket, log, stream } = await open({ closeTimeout: 1 });
      socket.send(Buffer.alloc(1_000_000));
      socket[end]();
      await until(() => isClosed(log));
      expect(log.at(-1)).toBe('close 1006 ""');
      expect(await stream.closed()).toBe(constants.NGHTTP2_CANCEL);
    }
  });
});

describe('A stream of HTTP/2 that ends at an odd moment', () => {
  it('is 1006 with trailers, which say nothing (RFC 9113 §8.1)', async () => {
    const logs: string[][] = [];
    const served = await serveHttp2({ onSocket: (socket) => logs.push(logEvents(socket)) });
    const session = await openSession(served);
    const stream = session.request(Object.fromEntries(REQUEST), {
      endStream: false,
      waitForTrailers: true,
    });
    stream
      .on('error', () => {})
      .on('wantTrailers', () => {
        stream.sendTrailers({ 'sec-websocket-protocol': 'x' });
      });
    await once(stream, 'response');
    await until(() => logs[0]?.[0] === 'open');
    stream.resume().end();
    await until(() => logs[0]!.length === 3);
    expect(logs[0]).toEqual(['open', 'end', 'close 1006 ""']);
  });

  it('may be destroyed by the application in every callback, under load', async () => {
    const accepted: WebSocket[] = [];
    let closes = 0;
    const served = await serveHttp2({
      onSocket: (socket) => {
        const index = accepted.push(socket);
        const terminate = (): void => socket.terminate();
        socket.on('close', () => closes++);
        socket.on('open', () => {
          if (index % 4 === 0) terminate();
          socket.send(Buffer.alloc(100_000), index % 4 === 1 ? terminate : undefined);
          socket.send(Buffer.alloc(100_000));
        });
        socket.on('message', () => {
          socket.send('x');
          if (index % 4 === 2) terminate();
        });
      },
    });
    const session = await openSession(served);
    const streams = Array.from({ length: 200 }, () => openStream(session));
    for (const stream of streams) stream.send({ opcode: 'text', payload: 'go' });
    await until(() => closes >= 150);
    for (const stream of streams) stream.stream.close(constants.NGHTTP2_CANCEL);
    await until(() => closes === 200);
    expect(accepted.every(({ readyState }) => readyState === 3)).toBe(true);
    const late = openStream(session);
    expect(await late.response()).toMatchObject({ ':status': 200 });
  });
});
