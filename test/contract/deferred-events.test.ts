/**
 * `allowSynchronousEvents: false` of sanswire/ws: each event comes in a turn of its own, and before
 * `close`, as in ws. Where ws delivers after terminate() or an error what it happens to have read,
 * sanswire/ws may stop; it never delivers after `close`, and leaves nothing out in between.
 */

import type { Socket as TcpSocket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { ROLES, type Role, settle } from '../api/sockets.ts';
import { type Library, type Log, realWs, type Socket, sanswireWs } from '../compat/ws/libraries.ts';
import { acceptFrom, dialTo, type Peer } from '../support/bare-peers.ts';
import { patiently } from '../support/event-log.ts';
import { closePayload, type FrameSpec, frameTo } from '../support/frames.ts';
import { concat } from '../support/hex.ts';

/** What happens in the listener of the first message. */
type Act = (socket: Socket, transport: TcpSocket, peer: Peer) => void;

const FRAMES: readonly FrameSpec[] = [
  { opcode: 'text', payload: 'a' },
  { opcode: 'ping', payload: 'p' },
  { opcode: 'text', payload: 'b' },
  { opcode: 'text', payload: 'c' },
];

/** Milliseconds: longer than any test. */
const NEVER = 2 ** 30;
/** Milliseconds, where an application holds what has come. */
const SOON = 10;

/** Runs one connection until its end, and some turns longer. */
async function play(
  library: Library,
  role: Role,
  act: Act,
  frames: readonly FrameSpec[],
  closeTimeout: number = NEVER,
): Promise<Log> {
  const log: Log = [];
  const options = { allowSynchronousEvents: false, closeTimeout };
  const linked = await link(library, role, options);
  const { face: socket, transport, peer } = linked;
  socket.on('error', () => log.push('error'));
  socket.on('message', (data) => {
    log.push(`message ${data}`);
    if (String(data) === 'a') act(socket, transport, peer);
  });
  socket.on('ping', (data) => log.push(`ping ${data}`));
  const closed = new Promise<void>((resolve) => {
    socket.on('close', (code) => {
      log.push(`close ${code}`);
      resolve();
    });
  });
  peer.write(concat(frames.map((spec) => frameTo(role, spec))));
  await patiently(closed, () => `no close in the log: ${JSON.stringify(log)}`);
  await settle();
  return log;
}

async function link(library: Library, role: Role, options: object) {
  if (role === 'client') {
    const linked = await dialTo((url) => new library(url, options), {});
    const { face } = linked;
    if (face.readyState === 0) await new Promise((resolve) => face.once('open', resolve));
    return { ...linked, transport: face._socket as unknown as TcpSocket };
  }
  const server = new library.WebSocketServer({ noServer: true, ...options });
  return acceptFrom((request, transport, head) => {
    let accepted: Socket | undefined;
    server.handleUpgrade(request, transport, head, (socket) => {
      accepted = socket;
    });
    return accepted as Socket;
  }, {});
}

/** Ends after which all that came is delivered. */
const DELIVERING: Readonly<Record<string, Act>> = {
  'its transport is destroyed': (_, transport) => void transport.destroy(),
  'its transport is destroyed a turn later': (_, transport) =>
    void setImmediate(() => transport.destroy()),
  'the peer ends its side': (_socket, _transport, peer) => void peer.socket.end(),
  'it closes': (socket) => socket.close(),
};

/** Ends after which no more need be delivered than was on its way. */
const BREAKING: Readonly<Record<string, Act>> = {
  'terminate()': (socket) => socket.terminate(),
  'terminate() a tick later': (socket) => process.nextTick(() => socket.terminate()),
  'an error of its transport': (_, transport) => void transport.destroy(new Error('broken')),
  'an error of its transport a turn later': (_, transport) =>
    void setImmediate(() => transport.destroy(new Error('broken'))),
  'a reset by the peer': (_socket, _transport, peer) =>
    (peer.socket as TcpSocket).resetAndDestroy(),
  'pause() and the loss of its transport': (socket, transport) => {
    socket.pause();
    transport.destroy();
  },
};

describe.each(ROLES)('With allowSynchronousEvents: false, the %s delivers before close', (role) => {
  it.each(Object.entries(DELIVERING))('all that came, as ws does, when %s', async (_, act) => {
    const expected = await play(realWs, role, act, FRAMES);
    expect(expected).toEqual(
      expect.arrayContaining(['message a', 'ping p', 'message b', 'message c']),
    );
    expect(await play(sanswireWs, role, act, FRAMES)).toEqual(expected);
  });

  it('all that came, as ws does, when the peer closes', async () => {
    const frames: FrameSpec[] = [...FRAMES, { opcode: 'close', payload: closePayload(4000) }];
    const expected = await play(realWs, role, () => {}, frames);
    expect(expected.at(-1)).toBe('close 4000');
    expect(await play(sanswireWs, role, () => {}, frames)).toEqual(expected);
  });

  it.each(Object.entries(BREAKING))(
    'no later than that, and without a gap, on %s',
    async (name, act) => {
      const closeTimeout = name.startsWith('pause()') ? SOON : NEVER;
      const log = await play(sanswireWs, role, act, FRAMES, closeTimeout);
      const delivered = log.filter((line) => /^(message|ping)/.test(line));
      const all = ['message a', 'ping p', 'message b', 'message c'];
      expect(delivered).toEqual(all.slice(0, delivered.length));
      expect(log.filter((line) => line.startsWith('close'))).toEqual(['close 1006']);
      expect(log.at(-1)).toBe('close 1006');
    },
  );

  it('the event that was on its way, on an error of its transport', async () => {
    const act = BREAKING['an error of its transport a turn later'] as Act;
    const log = await play(sanswireWs, role, act, FRAMES);
    expect(log).toContain('ping p');
    expect(log.at(-1)).toBe('close 1006');
  });
});
