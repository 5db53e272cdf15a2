/**
 * Streams that are left in every way there is: the connection ends, and nothing of it stays behind.
 */

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, expect, it } from 'vitest';
import { permessageDeflate } from '../../src/api/permessage-deflate.ts';
import { toDuplex } from '../../src/streams.ts';
import { type AnySocket, closed, endsOf, openPair, ROLES, until } from '../api/sockets.ts';
import { nextStream, write } from '../support/messages.ts';

const compressed = {
  options: { extensions: [permessageDeflate] },
  clientOptions: { extensions: [permessageDeflate] },
};

/** The sockets and timers that the process has at this moment. */
function resources(): string[] {
  const held = process.getActiveResourcesInfo();
  return held.filter((name) => name === 'TCPSocketWrap' || name === 'Timeout');
}

/** What an application does wrong with two sockets that are connected to each other. */
const MISDEEDS: Readonly<Record<string, (socket: AnySocket, peer: AnySocket) => Promise<void>>> = {
  'a reader that stops reading': async (socket, peer) => {
    const begun = nextStream(socket);
    peer.send(randomBytes(2 ** 20));
    await begun;
    await until(() => socket.isPaused);
    socket.close();
  },
  'a writer that never ends, whose peer goes away': async (socket, peer) => {
    await write(socket.createMessageStream(), 'a part');
    peer.terminate();
  },
  'a stream that is destroyed half way, while it is written': async (socket) => {
    const message = socket.createMessageStream();
    await write(message, randomBytes(100_000));
    message.destroy();
  },
  'a stream that is destroyed half way, while it is read': async (socket, peer) => {
    const begun = nextStream(socket);
    const message = peer.createMessageStream();
    await write(message, randomBytes(100_000));
    (await begun).on('error', () => {}).destroy(new Error('my bug'));
  },
  'an error behind a stream': async (socket, peer) => {
    const begun = nextStream(socket);
    peer.send(randomBytes(2 ** 20));
    const broken = new Writable({ write: (_chunk, _encoding, done) => done(new Error('my bug')) });
    await pipeline(await begun, broken).catch(() => {});
  },
  'a Duplex that nobody reads': async (socket, peer) => {
    const duplex = toDuplex(socket).on('error', () => {});
    for (let count = 0; count < 20; count++) peer.send(randomBytes(2 ** 18));
    await until(() => socket.isPaused);
    duplex.destroy();
  },
  'a loop that is forgotten': async (socket, peer) => {
    const iterator = socket[Symbol.asyncIterator]();
    for (let count = 0; count < 20; count++) peer.send(randomBytes(2 ** 18));
    await until(() => socket.isPaused);
    await iterator.next();
    socket.close();
  },
};

describe.each(ROLES)('The socket of the %s is gone after', (role) => {
  it.each(Object.entries(MISDEEDS))('%s', async (_name, misbehave) => {
    for (const settings of [{}, compressed]) {
      const pair = await openPair(settings);
      const [socket, peer] = endsOf(pair, role);
      const ends = Promise.all([closed(socket), closed(peer)]);
      await misbehave(socket, peer);
      await ends;
      expect([socket.readyState, peer.readyState]).toEqual([3, 3]);
    }
    // The runner's own timers come and go; what is left of a connection stays for longer than a
    // test may take.
    await until(() => resources().length === 0);
  });
});

describe.each(ROLES)('A full stream at the %s', (role) => {
  it('does not keep the connection from being closed', async () => {
    const [socket, peer] = endsOf(await openPair(), role);
    const begun = nextStream(socket);
    peer.send(randomBytes(2 ** 20));
    const stream = await begun;
    await until(() => socket.isPaused);
    const ours = closed(socket);
    const destroyed = once(stream, 'close').catch(() => {});
    socket.close(4000);
    expect(await ours).toMatchObject({ code: 4000, wasClean: true });
    await destroyed;
  });
});
