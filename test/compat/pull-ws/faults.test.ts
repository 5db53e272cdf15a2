/**
 * What peers do wrong to clients and servers: the Close they get, the error that both sides of the
 * stream get; limits.
 */

import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { connect, type Duplex, type End } from '../../../src/pull-ws.ts';
import { type RawPeer, ROLES, type Role, settle, until, withResolvers } from '../../api/sockets.ts';
import { closePayload, type FrameSpec } from '../../support/frames.ts';
import {
  abort,
  faceUrl,
  pull,
  rawClient,
  readAll,
  readOnce,
  serve,
  silentSource,
} from './streams.ts';

const MAX_PAYLOAD = 100 * 1024 * 1024;

interface Limits {
  readonly maxPayload?: number;
  readonly maxFragments?: number;
  readonly closeTimeout?: number;
}

/** A stream of a role, against a bare peer. */
async function streamAndPeer(
  role: Role,
  limits: Limits = {},
): Promise<{ stream: Duplex; peer: RawPeer }> {
  if (role === 'client') {
    let stream: Duplex | undefined;
    const { promise, resolve } = withResolvers<void>();
    const peer = await faceUrl((url) => {
      stream = connect(url, { ...limits, onConnect: () => resolve() });
    });
    await promise;
    return { stream: stream as Duplex, peer };
  }
  const { port, streams } = await serve(undefined, limits);
  const peer = await rawClient(port);
  return { stream: streams[0] as Duplex, peer };
}

const FAULTS: readonly [name: string, frame: FrameSpec, close: string, code: string][] = [
  [
    'text that is not UTF-8',
    { opcode: 'text', payload: Uint8Array.of(0xff) },
    'close 1007',
    'INVALID_UTF8',
  ],
  ['a reserved bit', { opcode: 'text', rsv: 2, payload: '' }, 'close 1002', 'UNEXPECTED_RSV_2_3'],
  ['an unknown opcode', { opcode: 3, payload: '' }, 'close 1002', 'INVALID_OPCODE'],
  [
    'a control frame that is too long',
    { opcode: 'ping', payload: 'x'.repeat(126) },
    'close 1002',
    'INVALID_CONTROL_PAYLOAD_LENGTH',
  ],
  [
    'a Close with 1005',
    { opcode: 'close', payload: closePayload(1005) },
    'close 1002',
    'INVALID_CLOSE_CODE',
  ],
  [
    'a Close with 999',
    { opcode: 'close', payload: closePayload(999) },
    'close 1002',
    'INVALID_CLOSE_CODE',
  ],
  [
    'a message over the default limit, as it is announced',
    { opcode: 'binary', payload: '', declaredLength: BigInt(MAX_PAYLOAD + 1) },
    'close 1009',
    'UNSUPPORTED_MESSAGE_LENGTH',
  ],
];

describe.each(ROLES)('At the %s', (role) => {
  it.each(FAULTS)(
    '%s is answered, and both sides get the error',
    async (_name, frame, close, code) => {
      const { stream, peer } = await streamAndPeer(role);
      const upstream = silentSource();
      stream.sink(upstream.read);
      await until(() => upstream.reads === 1);
      peer.send({ opcode: 'text', payload: 'before' });
      peer.send(frame);
      const read = readAll(stream.source);
      expect((await peer.untilFrame(close)).at(-1)).toBe(close);
      peer.socket.end();
      await until(() => read.end !== null && upstream.aborts.length > 0);
      await settle();
      expect([read.data, read.ends]).toEqual([['before'], 1]);
      expect(read.end).toMatchObject({ code: `WS_ERR_${code}` });
      expect(upstream.aborts).toEqual([read.end]);
    },
  );

  it('maxPayload and maxFragments are options', async () => {
    const long = await streamAndPeer(role, { maxPayload: 10 });
    long.peer.send({ opcode: 'text', payload: 'x'.repeat(11) });
    await long.peer.untilFrame('close 1009');
    const many = await streamAndPeer(role, { maxFragments: 2 });
    many.peer.send({ opcode: 'text', fin: false, payload: '' });
    for (let count = 0; count < 2; count++) {
      many.peer.send({ opcode: 'continuation', fin: false, payload: '' });
    }
    await many.peer.untilFrame('close 1008');
  });

  it('a message has as many fragments as it likes by default', async () => {
    const { stream, peer } = await streamAndPeer(role);
    peer.send({ opcode: 'binary', fin: false, payload: '' });
    for (let count = 0; count < 16_384; count++) {
      peer.send({ opcode: 'continuation', fin: false, payload: '' });
    }
    peer.send({ opcode: 'continuation', payload: 'end' });
    expect(await readOnce(stream.source)).toEqual([null, Buffer.from('end')]);
  });

  it('a frame that is masked wrongly is 1002', async () => {
    const { peer } = await streamAndPeer(role);
    const isMasked = role === 'client';
    peer.write(Buffer.from(isMasked ? [0x81, 0x80, 0, 0, 0, 0] : [0x81, 0x00]));
    await peer.untilFrame('close 1002');
  });

  it('a peer that never answers the Close is dropped after closeTimeout', async () => {
    const { stream, peer } = await streamAndPeer(role, { closeTimeout: 1 });
    expect(await abort(stream.source)).toBe(true);
    await peer.untilEnd();
    expect(peer.frames).toEqual(['close 1000']);
  });

  it('a peer that vanishes in the middle of a message is an error', async () => {
    const { stream, peer } = await streamAndPeer(role);
    peer.send({ opcode: 'text', fin: false, payload: 'begin' });
    const pending = readOnce(stream.source);
    peer.socket.destroy();
    expect((await pending)[0]).toMatchObject({ closeCode: 1006 });
  });
});

/** The sockets and timers that the process has at this moment. */
function resources(): string[] {
  const held = process.getActiveResourcesInfo();
  return held.filter((name) => name === 'TCPSocketWrap' || name === 'Timeout');
}

/** What an application does wrong with its stream; the peer answers a Close, and ends. */
const MISDEEDS: Readonly<Record<string, (stream: Duplex, peer: RawPeer) => Promise<void>>> = {
  'a reader that stops reading': async (stream, peer) => {
    const pending = readOnce(stream.source);
    for (let count = 0; count < 40; count++) {
      peer.send({ opcode: 'binary', payload: randomBytes(2 ** 16) });
    }
    await pending;
    peer.socket.destroy();
  },
  'a writer that never ends': async (stream, peer) => {
    stream.sink((end, callback) => {
      if (!end) callback(null, Buffer.alloc(2 ** 16));
    });
    peer.socket.pause();
    await settle();
    peer.socket.destroy();
  },
  'a transform that fails half way': async (stream, peer) => {
    let count = 0;
    pull(
      pull.infinite(() => 'x'),
      pull.asyncMap((value: string, callback: (error: Error | null, value?: string) => void) => {
        count++;
        setImmediate(callback, count > 3 ? new Error('my bug') : null, value);
      }),
      stream.sink,
    );
    await peer.untilFrame('close 1011');
    expect(peer.frames).toEqual(['text "x"', 'text "x"', 'text "x"', 'close 1011']);
    peer.socket.end();
  },
  'an echo whose transform fails': async (stream, peer) => {
    pull(
      stream.source,
      pull.map((): string => {
        throw new Error('my bug');
      }),
      stream.sink,
    );
    peer.send({ opcode: 'text', payload: 'x' });
    await until(() => peer.frames.length > 0);
    // The transform aborts the source, and fails the sink: one Close frame all the same.
    expect(peer.frames).toEqual(['close 1011']);
    peer.socket.end();
  },
  'a stream that is aborted half way': async (stream, peer) => {
    const aborted = new Promise<End>((resolve) => {
      readAll(stream.source);
      stream.source(new Error('enough'), resolve);
    });
    await peer.untilFrame('close 1011');
    peer.socket.end();
    expect(await aborted).toMatchObject({ message: 'enough' });
  },
  'a stream that nobody looks at': async (_stream, peer) => {
    peer.send({ opcode: 'text', payload: 'x' });
    await settle();
    peer.socket.destroy();
  },
};

describe.each(ROLES)('Nothing stays behind at the %s after', (role) => {
  it.each(Object.entries(MISDEEDS))('%s', async (_name, misbehave) => {
    const { stream, peer } = await streamAndPeer(role);
    const read = readAll.bind(undefined, stream.source);
    await misbehave(stream, peer);
    const after = read();
    await until(() => after.end !== null);
    expect(after.ends).toBe(1);
    await until(() => resources().length === 0);
  });
});
