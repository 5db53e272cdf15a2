/**
 * WebSocketStream: what the proposal promises (WHATWG WebSockets, pull request 48), at both ends.
 */

import { createServer, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { TransformStream } from 'node:stream/web';
import { describe, expect, it } from 'vitest';
import { permessageDeflate } from '../../src/api/permessage-deflate.ts';
import {
  type AcceptOptions,
  WebSocketError,
  type WebSocketOpenInfo,
  WebSocketStream,
  type WebSocketStreamOptions,
} from '../../src/streams.ts';
import { listen, ROLES, type Role, serve, settle, until, withResolvers } from '../api/sockets.ts';

type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** Starts a server and gives its URL. */
async function listenFor(onUpgrade: Upgrade): Promise<string> {
  const server = createServer().on('upgrade', onUpgrade);
  return `ws://127.0.0.1:${await listen(server)}/path?query`;
}

/** Two streams that are connected to each other, seen from one of them. */
interface Ends {
  readonly ours: WebSocketStream;
  readonly theirs: WebSocketStream;
  readonly own: WebSocketOpenInfo;
  readonly peer: WebSocketOpenInfo;
  /** Drops the connection between them, as a broken network would. */
  readonly drop: () => void;
}

async function endsOf(
  role: Role,
  options: AcceptOptions & WebSocketStreamOptions = {},
): Promise<Ends> {
  const accepted = withResolvers<{ stream: WebSocketStream; socket: Duplex }>();
  const url = await listenFor((request, socket, head) => {
    const stream = WebSocketStream.accept(request, socket, head, options);
    accepted.resolve({ stream, socket });
  });
  const client = new WebSocketStream(url, options);
  await client.opened;
  const { stream: server, socket } = await accepted.promise;
  const [ours, theirs] = role === 'client' ? [client, server] : [server, client];
  const [own, peer] = await Promise.all([ours.opened, theirs.opened]);
  return { ours, theirs, own, peer, drop: () => socket.destroy() };
}

describe.each(ROLES)('WebSocketStream of the %s', (role) => {
  it('tells url, protocol and extensions', async () => {
    const { ours, own } = await endsOf(role, {
      protocols: ['chat', 'other'],
      extensions: [permessageDeflate],
    });
    expect(ours.url).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/path\?query$/);
    expect(own.protocol).toBe('chat');
    expect(own.extensions).toMatch(/^permessage-deflate/);
  });

  it('reads text as strings and binary as Uint8Arrays of their own memory', async () => {
    const { own, peer } = await endsOf(role);
    const writer = peer.writable.getWriter();
    void writer.write('text');
    void writer.write(Buffer.from('binary'));
    void writer.write(Uint8Array.from(Buffer.from('buffer')).buffer);
    void writer.write(42);
    const reader = own.readable.getReader();
    expect((await reader.read()).value).toBe('text');
    const bytes = (await reader.read()).value as Uint8Array;
    expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype);
    expect(bytes.buffer.byteLength).toBe(6);
    expect(Buffer.from(bytes).toString()).toBe('binary');
    expect(Buffer.from((await reader.read()).value as Uint8Array).toString()).toBe('buffer');
    expect((await reader.read()).value).toBe('42');
  });

  it('holds the peer back while nobody reads, and its writes with it', async () => {
    const { own, peer } = await endsOf(role);
    const writer = peer.writable.getWriter();
    const chunk = new Uint8Array(256 * 1024);
    let written = 0;
    let isDone = true;
    while (isDone) {
      isDone = false;
      written++;
      writer.write(chunk).then(() => {
        isDone = true;
      });
      await settle();
    }
    expect(writer.desiredSize).toBeLessThanOrEqual(0);
    const reader = own.readable.getReader();
    for (let count = 0; count < written; count++) {
      expect(((await reader.read()).value as Uint8Array).length).toBe(chunk.length);
    }
    await until(() => isDone);
  });

  it('takes queuing strategies', async () => {
    const { own, peer } = await endsOf(role, {
      readableStrategy: { highWaterMark: 2 },
      writableStrategy: { highWaterMark: 5 },
    });
    expect(peer.writable.getWriter().desiredSize).toBe(5);
    expect(own.readable.getReader()).toBeDefined();
  });

  it('echoes through pipeTo', async () => {
    const { ours, own, peer } = await endsOf(role);
    void peer.readable.pipeTo(peer.writable).catch(() => {});
    const writer = own.writable.getWriter();
    const reader = own.readable.getReader();
    for (let count = 0; count < 20; count++) {
      await writer.write(`${count}`);
      expect((await reader.read()).value).toBe(`${count}`);
    }
    ours.close();
    expect(await ours.closed).toEqual({ closeCode: 1005, reason: '' });
  });

  describe('close()', () => {
    it.each([
      [
        { closeCode: 3456, reason: 'pizza' },
        { closeCode: 3456, reason: 'pizza' },
      ],
      [undefined, { closeCode: 1005, reason: '' }],
      [{}, { closeCode: 1005, reason: '' }],
      [{ reason: '' }, { closeCode: 1005, reason: '' }],
      [{ reason: 'non-empty' }, { closeCode: 1000, reason: 'non-empty' }],
      [{ closeCode: 1000 }, { closeCode: 1000, reason: '' }],
    ])('with %j ends both with %j', async (info, expected) => {
      const { ours, theirs } = await endsOf(role);
      ours.close(info);
      expect(await theirs.closed).toEqual(expected);
      expect(await ours.closed).toEqual(expected);
    });

    it.each([999, 1001, 1011, 2999, 5000])('throws for code %i', async (closeCode) => {
      const { ours } = await endsOf(role);
      expect(() => ours.close({ closeCode })).toThrow(
        expect.objectContaining({ name: 'InvalidAccessError' }),
      );
    });

    it('throws for a reason that is too long, and for what is no object', async () => {
      const { ours } = await endsOf(role);
      expect(() => ours.close({ reason: 'é'.repeat(62) })).toThrow(
        expect.objectContaining({ name: 'SyntaxError' }),
      );
      expect(() => ours.close(true as never)).toThrow(TypeError);
    });

    it('ends the readable and errors the writable with InvalidStateError', async () => {
      const { ours, own } = await endsOf(role);
      const reader = own.readable.getReader();
      const writer = own.writable.getWriter();
      ours.close();
      expect(await reader.read()).toEqual({ value: undefined, done: true });
      await expect(writer.closed).rejects.toMatchObject({ name: 'InvalidStateError' });
    });
  });

  it('closes when the writer closes, which waits for the closing handshake', async () => {
    const { ours, theirs, own } = await endsOf(role);
    let isClosed = false;
    void theirs.closed.then(() => {
      isClosed = true;
    });
    await own.writable.getWriter().close();
    expect(await ours.closed).toEqual({ closeCode: 1005, reason: '' });
    await until(() => isClosed);
  });

  describe.each([
    ['writable', 'abort'],
    ['readable', 'cancel'],
  ] as const)('the %s does %s', (stream, method) => {
    const end = (own: WebSocketOpenInfo, reason?: unknown): Promise<void> =>
      stream === 'writable' ? own.writable.abort(reason) : own.readable.cancel(reason);

    it.each([
      [undefined],
      [{ closeCode: 3456, reason: 'set' }],
      [new DOMException('yes', 'DataCloneError')],
      [new TypeError('my bug')],
    ])(`and closes without a code when ${method} is given %o`, async (reason) => {
      const { ours, own } = await endsOf(role);
      await end(own, reason);
      expect(await ours.closed).toEqual({ closeCode: 1005, reason: '' });
    });

    it('and closes as a WebSocketError says', async () => {
      const { ours, theirs, own } = await endsOf(role);
      await end(own, new WebSocketError('enough', { closeCode: 4000, reason: 'enough' }));
      expect(await theirs.closed).toEqual({ closeCode: 4000, reason: 'enough' });
      expect(await ours.closed).toEqual({ closeCode: 4000, reason: 'enough' });
    });

    it('and closes without a code when given the error of a connection that was lost', async () => {
      const lost = await endsOf(role);
      lost.drop();
      const error = await lost.ours.closed.catch((reason: unknown) => reason);
      expect(error).toMatchObject({ closeCode: 1006 });
      const { ours, own } = await endsOf(role);
      await end(own, error);
      expect(await ours.closed).toEqual({ closeCode: 1005, reason: '' });
    });
  });

  it('closes when a transform in its pipe throws', async () => {
    const { ours, own, peer } = await endsOf(role);
    const broken = new TransformStream({
      transform() {
        throw new Error('my bug');
      },
    });
    void peer.writable.getWriter().write('a');
    await expect(own.readable.pipeThrough(broken).pipeTo(own.writable)).rejects.toThrow('my bug');
    expect(await ours.closed).toMatchObject({ closeCode: 1005 });
  });

  it('errors everything with a WebSocketError when the connection is lost', async () => {
    const { ours, own, drop } = await endsOf(role);
    const reader = own.readable.getReader();
    const writer = own.writable.getWriter();
    const outcomes = Promise.allSettled([ours.closed, reader.read(), writer.closed]);
    drop();
    for (const outcome of await outcomes) {
      expect(outcome).toMatchObject({
        status: 'rejected',
        reason: { closeCode: 1006, reason: '' },
      });
      expect((outcome as PromiseRejectedResult).reason).toBeInstanceOf(WebSocketError);
    }
    await expect(writer.write('too late')).rejects.toBeInstanceOf(WebSocketError);
  });

  it('gives the reader what came before a clean end', async () => {
    const { own, theirs, peer, ours } = await endsOf(role);
    const writer = peer.writable.getWriter();
    for (const word of ['a', 'b', 'c']) await writer.write(word);
    theirs.close({ closeCode: 4000 });
    expect(await ours.closed).toMatchObject({ closeCode: 4000 });
    const messages: unknown[] = [];
    for await (const message of own.readable) messages.push(message);
    expect(messages).toEqual(['a', 'b', 'c']);
  });

  it('rejects a write that cannot be converted', async () => {
    const { own } = await endsOf(role);
    await expect(own.writable.getWriter().write(Symbol('x') as never)).rejects.toThrow(TypeError);
  });
});

describe('WebSocketStream while connecting', () => {
  it('throws for a URL or protocols that WHATWG refuses', () => {
    for (const url of ['nonsense', 'ftp://example.com', 'ws://example.com/#fragment']) {
      expect(() => new WebSocketStream(url)).toThrow(
        expect.objectContaining({ name: 'SyntaxError' }),
      );
    }
    expect(() => new WebSocketStream('ws://example.com', { protocols: '' })).toThrow(DOMException);
    for (const protocols of [5, true, {}] as unknown as string[]) {
      const construct = () => new WebSocketStream('ws://example.com', { protocols });
      expect(construct).toThrow(TypeError);
      expect(construct).toThrow(/must be a string or a list/);
    }
    expect(() => new WebSocketStream('ws://example.com', { protocols: ['a', 'a'] })).toThrow(
      expect.objectContaining({ name: 'SyntaxError' }),
    );
    expect(() => new WebSocketStream('ws://example.com', { typo: 1 } as never)).toThrow('typo');
  });

  it('rejects opened and closed when it is closed', async () => {
    const { url } = await serve();
    const stream = new WebSocketStream(url);
    stream.close();
    await expect(stream.opened).rejects.toBeInstanceOf(WebSocketError);
    await expect(stream.closed).rejects.toMatchObject({ closeCode: null, reason: '' });
  });

  it('rejects both when the server refuses, and says why', async () => {
    const url = await listenFor((_request, socket) => socket.end('HTTP/1.1 403 Forbidden\r\n\r\n'));
    const stream = new WebSocketStream(url);
    await expect(stream.opened).rejects.toMatchObject({ cause: { code: 'WS_RESPONSE_STATUS' } });
    await expect(stream.closed).rejects.toBeInstanceOf(WebSocketError);
  });

  it('rejects both with the reason of its signal, aborted before or while connecting', async () => {
    const url = await listenFor(() => {});
    const reason = new Error('changed my mind');
    const early = new WebSocketStream(url, { signal: AbortSignal.abort(reason) });
    await expect(early.opened).rejects.toBe(reason);
    await expect(early.closed).rejects.toBe(reason);
    const controller = new AbortController();
    const late = new WebSocketStream(url, { signal: controller.signal });
    await settle();
    controller.abort(reason);
    await expect(late.opened).rejects.toBe(reason);
    await expect(late.closed).rejects.toBe(reason);
  });

  it('takes no notice of its signal once it is open', async () => {
    const { url } = await serve();
    const controller = new AbortController();
    const stream = new WebSocketStream(url, { signal: controller.signal });
    await stream.opened;
    controller.abort();
    await settle();
    stream.close({ closeCode: 4000 });
    expect(await stream.closed).toMatchObject({ closeCode: 4000 });
  });

  it('refuses a request at the server as WebSocket does', async () => {
    const refused = withResolvers<WebSocketStream>();
    const url = await listenFor((request, socket, head) =>
      refused.resolve(
        WebSocketStream.accept(request, socket, head, { allowedOrigins: ['https://example.com'] }),
      ),
    );
    const stream = new WebSocketStream(url);
    await expect(stream.opened).rejects.toMatchObject({ cause: { code: 'WS_RESPONSE_STATUS' } });
    const server = await refused.promise;
    await expect(server.opened).rejects.toMatchObject({ cause: { code: 'WS_HANDSHAKE_ORIGIN' } });
    await expect(server.closed).rejects.toBeInstanceOf(WebSocketError);
  });

  it('can be closed by the server in the tick in which it accepts', async () => {
    const accepted = withResolvers<WebSocketStream>();
    const url = await listenFor((request, socket, head) => {
      const stream = WebSocketStream.accept(request, socket, head);
      stream.close({ closeCode: 4000 });
      accepted.resolve(stream);
    });
    const stream = new WebSocketStream(url);
    expect(await stream.closed).toMatchObject({ closeCode: 4000 });
    const server = await accepted.promise;
    await expect(server.opened).rejects.toBeInstanceOf(WebSocketError);
    expect(await server.closed).toMatchObject({ closeCode: 4000 });
  });
});

describe('An option of WebSocketStream that is not of its type or range', () => {
  it.each<[string, object]>([
    ['readableStrategy', { readableStrategy: { highWaterMark: Number.NaN } }],
    ['readableStrategy', { readableStrategy: { size: 5 } }],
    ['writableStrategy', { writableStrategy: { highWaterMark: -1 } }],
    ['signal', { signal: {} }],
  ])('throws, and connects to nobody: %s %j', async (_, options) => {
    let count = 0;
    const createConnection = (): never => {
      count++;
      throw new Error('unreachable');
    };
    const settings = { ...options, createConnection } as WebSocketStreamOptions;
    expect(() => new WebSocketStream('ws://localhost/', settings)).toThrow();
    await settle();
    expect(count).toBe(0);
  });
});
