/**
 * source(socket): the messages of sockets of every make as a pull-stream, its ends, and its abort.
 */

import { describe, expect, it } from 'vitest';
import type { ConnectionEndError, End, SocketLike } from '../../../src/pull-ws.ts';
import { source } from '../../../src/pull-ws.ts';
import { settle, until } from '../../api/sockets.ts';
import { closePayload } from '../../support/frames.ts';
import {
  abort,
  closeOf,
  face,
  MAKE_NAMES,
  MAKES,
  pull,
  readAll,
  readOnce,
  readToEnd,
  uncaughtExceptions,
} from './streams.ts';

type Read = ReturnType<typeof source>;

/** A source against a bare peer. */
async function sourceAndPeer(make: string) {
  let read: Read | undefined;
  const faced = await face(make, (socket) => {
    if (make === 'undici') socket.binaryType = 'arraybuffer';
    read = source(socket);
  });
  return { ...faced, read: read as Read };
}

describe.each(MAKE_NAMES)('source() of a socket of %s', (make) => {
  it('reads text as strings and binary as Buffers, and ends with the connection', async () => {
    const { read, peer } = await sourceAndPeer(make);
    peer.send({ opcode: 'text', payload: 'téxt' });
    peer.send({ opcode: 'binary', payload: Uint8Array.of(1, 2) });
    peer.send({ opcode: 'text', payload: '' });
    peer.send({ opcode: 'close', payload: closePayload(1000) });
    peer.socket.end();
    const { data, end, ends } = await readToEnd(read);
    expect(data).toEqual(['téxt', Buffer.of(1, 2), '']);
    expect(Buffer.isBuffer(data[1])).toBe(true);
    expect([end, ends]).toEqual([true, 1]);
  });

  it.each([
    ['no code', new Uint8Array(0)],
    ['1001, going away', closePayload(1001)],
  ])('ends with a Close with %s', async (_name, payload) => {
    const { read, peer } = await sourceAndPeer(make);
    peer.send({ opcode: 'close', payload });
    peer.socket.end();
    expect((await readToEnd(read)).end).toBe(true);
  });

  it.each([1011, 4000])(
    'ends with an error that has the code and the reason of a Close with %i',
    async (code) => {
      const { read, peer } = await sourceAndPeer(make);
      peer.send({ opcode: 'text', payload: 'before' });
      peer.send({ opcode: 'close', payload: closePayload(code, 'why') });
      peer.socket.end();
      const { data, end } = await readToEnd(read);
      expect(data).toEqual(['before']);
      expect(end).toBeInstanceOf(Error);
      expect(end).toMatchObject({ closeCode: code, reason: 'why', event: { code } });
      expect((end as Error).message).toBe(`The connection closed with ${code} (why)`);
    },
  );

  it('ends with an error when the connection is lost, behind what had come', async () => {
    const { read, peer, socket } = await sourceAndPeer(make);
    peer.send({ opcode: 'text', payload: 'a' });
    peer.send({ opcode: 'text', payload: 'b' });
    peer.socket.end();
    await until(() => socket.readyState === 3);
    const { data, end } = await readToEnd(read);
    expect(data).toEqual(['a', 'b']);
    expect(end).toBeInstanceOf(Error);
    const again = await readOnce(read);
    expect(again).toEqual([end, undefined]);
  });

  it('keeps what came before the end for one who reads late', async () => {
    const { read, peer, socket } = await sourceAndPeer(make);
    for (const payload of ['a', 'b', 'c']) peer.send({ opcode: 'text', payload });
    peer.send({ opcode: 'close', payload: closePayload(1000) });
    peer.socket.end();
    await until(() => socket.readyState === 3);
    expect(await readToEnd(read)).toMatchObject({ data: ['a', 'b', 'c'], end: true });
  });

  it('closes with 1000 when aborted, and calls back when it has ended', async () => {
    const { read, peer } = await sourceAndPeer(make);
    const pending = readOnce(read);
    let aborted: End = null;
    read(true, (end) => {
      aborted = end;
    });
    expect(await pending).toEqual([true, undefined]);
    expect(await peer.untilFrame('close 1000')).toEqual(['close 1000']);
    expect(aborted).toBe(null);
    peer.send({ opcode: 'text', payload: 'too late' });
    peer.send({ opcode: 'close', payload: closePayload(1000) });
    peer.socket.end();
    await until(() => aborted !== null);
    expect(aborted).toBe(true);
    expect(await readOnce(read)).toEqual([true, undefined]);
  });

  it('closes with 1011 when it is aborted with an error, and tells who reads of it', async () => {
    const { read, peer } = await sourceAndPeer(make);
    const error = new Error('mine');
    const pending = readOnce(read);
    const aborted = abort(read, error);
    expect((await pending)[0]).toBe(error);
    await peer.untilFrame(closeOf(make, 1011));
    peer.socket.end();
    expect(await aborted).toBe(error);
  });

  it('ends when the peer vanishes after an abort', async () => {
    const { read, peer } = await sourceAndPeer(make);
    const aborted = abort(read);
    await peer.untilFrame('close 1000');
    peer.socket.destroy();
    expect(await aborted).toBe(true);
  });

  it('can be aborted while connecting, and without a callback', async () => {
    const read = source(MAKES[make]?.('ws://127.0.0.1:1/') as SocketLike);
    const withoutCallback = read as (reason: End) => void;
    withoutCallback(true);
    expect(await abort(read)).toBe(true);
    expect(await readOnce(read)).toEqual([true, undefined]);
  });

  it('answers several reads in their order', async () => {
    const { read, peer } = await sourceAndPeer(make);
    const reads = [readOnce(read), readOnce(read), readOnce(read), readOnce(read)];
    peer.send({ opcode: 'text', payload: 'a' });
    peer.send({ opcode: 'text', payload: 'b' });
    peer.send({ opcode: 'close', payload: closePayload(1000) });
    peer.socket.end();
    expect(await Promise.all(reads)).toEqual([
      [null, 'a'],
      [null, 'b'],
      [true, undefined],
      [true, undefined],
    ]);
  });

  it('ends with the error of a connection that cannot be established', async () => {
    const { end, ends } = await readToEnd(source(MAKES[make]?.('ws://127.0.0.1:1/') as SocketLike));
    expect(end).toBeInstanceOf(Error);
    expect(ends).toBe(1);
  });

  it('has ended when the socket has', async () => {
    const { peer, socket } = await sourceAndPeer(make);
    peer.socket.destroy();
    await until(() => socket.readyState === 3);
    // A second source of a socket whose end was seen knows it.
    expect((await readToEnd(source(socket))).end).toBeInstanceOf(Error);
  });

  it('fails with 1011 when a reader throws, which is an uncaught exception', async () => {
    const uncaught = uncaughtExceptions();
    const { read, peer } = await sourceAndPeer(make);
    const error = new Error('my bug');
    read(null, () => {
      throw error;
    });
    peer.send({ opcode: 'text', payload: 'a' });
    await peer.untilFrame(closeOf(make, 1011));
    await until(() => uncaught.length > 0);
    expect(uncaught).toEqual([error]);
    expect((await readOnce(read))[0]).toBe(error);
  });

  it('warns of an error that its reader throws on, and does not end the process', async () => {
    const uncaught = uncaughtExceptions();
    const warnings: Error[] = [];
    const warn = (warning: Error): void => void warnings.push(warning);
    process.on('warning', warn);
    const { read, peer } = await sourceAndPeer(make);
    // Without a second function, a drain throws the error that it gets.
    pull(read, (stream: Read) => {
      stream(null, (end) => {
        if (end instanceof Error) throw end;
      });
    });
    peer.socket.destroy();
    await until(() => warnings.length > 0);
    process.removeListener('warning', warn);
    expect(warnings[0]).toBeInstanceOf(Error);
    await settle();
    expect(uncaught).toEqual([]);
  });

  it('gives each of several sources all messages', async () => {
    let reads: Read[] = [];
    const { peer } = await face(make, (socket) => {
      reads = [source(socket), source(socket)];
    });
    peer.send({ opcode: 'text', payload: 'a' });
    peer.send({ opcode: 'close', payload: closePayload(1000) });
    peer.socket.end();
    for (const read of reads) {
      expect(await readToEnd(read)).toMatchObject({ data: ['a'], end: true });
    }
  });
});

/** A socket that has nothing but what WHATWG's has, and delivers when it is told to. */
class BareSocket extends EventTarget {
  readyState = 1;
  send(): void {}
  close(): void {
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event('close'), { code: 1000 }));
  }
  deliver(data: string): void {
    this.dispatchEvent(Object.assign(new Event('message'), { data }));
  }
}

describe('source()', () => {
  it('does not nest 100,000 reads within each other', async () => {
    const socket = new BareSocket();
    const read = source(socket);
    for (let count = 0; count < 100_000; count++) socket.deliver(`${count}`);
    socket.close();
    // A reader that reads again within its callback, and knows no loop.
    const { data, end } = readAll(read);
    expect([data.length, data[0], data.at(-1), end]).toEqual([100_000, '0', '99999', true]);
  });

  it('has ended when its socket had closed before', async () => {
    const socket = new BareSocket();
    socket.close();
    expect(await readOnce(source(socket))).toEqual([true, undefined]);
  });

  it('makes an error of an error event that has none, with the event as its cause', async () => {
    const socket = new BareSocket();
    const pending = readOnce(source(socket));
    const event = new Event('error');
    socket.dispatchEvent(event);
    const [end] = await pending;
    expect(end).toMatchObject({ message: 'The socket failed', cause: event });
  });

  it('names its error, so that logs tell it from others', async () => {
    const { read, peer } = await sourceAndPeer('sanswire/ws');
    peer.send({ opcode: 'close', payload: closePayload(4001) });
    peer.socket.end();
    const { end } = await readToEnd(read);
    expect((end as ConnectionEndError).name).toBe('ConnectionEndError');
  });
});
