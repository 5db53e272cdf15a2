/**
 * `for await` over a socket ends as the connection did: normally after a Close of 1000 (normal
 * closure), 1001 (going away: the peer says that it leaves, and that nothing is missing) or without
 * a code (1005); with an error after anything else, for then messages may be missing. What came
 * before is delivered first in both cases.
 */

import type { Socket as TcpSocket } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { Client, ReceivedData, WebSocket } from '../../src/index.ts';
import { faceOpen, type RawPeer, ROLES, turn, until } from '../api/sockets.ts';
import { closePayload, frameTo } from '../support/frames.ts';
import { concat } from '../support/hex.ts';

/** What a loop saw: the messages, and how it ended. */
interface Seen {
  readonly messages: ReceivedData[];
  ending: 'none' | 'normal' | Error;
}

/** Runs a loop over a socket. */
function loopOver(
  socket: AsyncIterable<ReceivedData>,
  onMessage: () => Promise<void> = async () => {},
): Seen {
  const seen: Seen = { messages: [], ending: 'none' };
  const run = async (): Promise<void> => {
    for await (const message of socket) {
      seen.messages.push(message);
      await onMessage();
    }
    seen.ending = 'normal';
  };
  run().catch((error: Error) => {
    seen.ending = error;
  });
  return seen;
}

const close = (peer: RawPeer, payload?: Uint8Array): void => {
  peer.send({ opcode: 'close', ...(payload === undefined ? {} : { payload }) });
  peer.socket.end();
};

const NORMAL_ENDINGS: { readonly [name: string]: (peer: RawPeer) => void } = {
  'a Close of 1000': (peer) => close(peer, closePayload(1000, 'done')),
  'a Close of 1001': (peer) => close(peer, closePayload(1001)),
  'a Close without a code': (peer) => close(peer),
};

const FAILURES: { readonly [name: string]: (peer: RawPeer) => void } = {
  'a Close of 1011': (peer) => close(peer, closePayload(1011, 'oh no')),
  'the end of the transport without a Close': (peer) => void peer.socket.end(),
  'a reset of the transport': (peer) => void (peer.socket as TcpSocket).resetAndDestroy(),
  'a frame that breaks the rules': (peer) => peer.send({ opcode: 'text', rsv: 1 }),
  'the end of the transport within a message': (peer) => {
    peer.send({ opcode: 'text', fin: false, payload: 'cut' });
    peer.socket.end();
  },
};

async function sendTwo(peer: RawPeer): Promise<void> {
  peer.send({ opcode: 'text', payload: 'one' });
  peer.send({ opcode: 'binary', payload: 'two' });
}

const TWO = ['one', Buffer.from('two')];

describe.each(ROLES)('A loop over a %s', (role) => {
  it.each(Object.keys(NORMAL_ENDINGS))('ends normally after %s', async (ending) => {
    const { socket, peer } = await faceOpen(role);
    const seen = loopOver(socket);
    await sendTwo(peer);
    NORMAL_ENDINGS[ending]!(peer);
    await until(() => seen.ending !== 'none');
    expect(seen).toEqual({ messages: TWO, ending: 'normal' });
  });

  it('ends normally after our own Close that the peer has answered', async () => {
    const { socket, peer } = await faceOpen(role);
    const seen = loopOver(socket);
    await sendTwo(peer);
    await until(() => seen.messages.length === 2);
    socket.close(1000);
    await peer.untilFrame('close 1000');
    close(peer, closePayload(1000));
    await until(() => seen.ending !== 'none');
    expect(seen).toEqual({ messages: TWO, ending: 'normal' });
  });

  it.each(Object.keys(FAILURES))('throws after %s', async (ending) => {
    const { socket, peer } = await faceOpen(role);
    const seen = loopOver(socket);
    await sendTwo(peer);
    // A reset may overtake what was sent before it.
    await until(() => seen.messages.length === 2);
    FAILURES[ending]!(peer);
    await until(() => seen.ending !== 'none');
    expect(seen.messages).toEqual(TWO);
    expect(seen.ending).toBeInstanceOf(Error);
  });

  it.each(Object.keys(FAILURES).filter((name) => !name.includes('reset')))(
    'delivers what came before %s, however slow it is',
    async (ending) => {
      const { socket, peer } = await faceOpen(role);
      const seen = loopOver(socket, turn);
      const message = frameTo(role, { opcode: 'text', payload: 'message' });
      peer.write(concat(Array.from({ length: 100 }, () => message)));
      FAILURES[ending]!(peer);
      await until(() => seen.ending !== 'none');
      expect(seen.messages).toEqual(Array.from({ length: 100 }, () => 'message'));
      expect(seen.ending).toBeInstanceOf(Error);
    },
  );

  it('is told of the failure as every other loop is', async () => {
    const { socket, peer } = await faceOpen(role);
    const loops = [loopOver(socket), loopOver(socket, turn), loopOver(socket)];
    await sendTwo(peer);
    FAILURES['a Close of 1011']!(peer);
    await until(() => loops.every(({ ending }) => ending !== 'none'));
    for (const seen of loops) {
      expect(seen.messages).toEqual(TWO);
      expect(seen.ending).toBeInstanceOf(Error);
    }
  });

  it('fails once: after the error it is over', async () => {
    const { socket, peer } = await faceOpen(role);
    const messages = socket[Symbol.asyncIterator]();
    const first = messages.next().then(
      () => 'a message',
      () => 'an error',
    );
    FAILURES['a Close of 1011']!(peer);
    expect(await first).toBe('an error');
    expect(await messages.next()).toEqual({ done: true, value: undefined });
  });

  it('does not throw when it has been left before the failure', async () => {
    const { socket, peer } = await faceOpen(role);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    const leave = async (open: WebSocket | Client): Promise<string> => {
      for await (const message of open) return String(message);
      return 'none';
    };
    const left = leave(socket as WebSocket | Client);
    await sendTwo(peer);
    expect(await left).toBe('one');
    (peer.socket as TcpSocket).resetAndDestroy();
    await closed;
  });
});
