/**
 * A reader learns that a connection was cut off: a loop or a stream ends normally only after a
 * Close that says so. What came before is read first, and the error comes once.
 */

import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { toDuplex } from '../../src/streams.ts';
import { ROLES, type Role } from '../api/sockets.ts';
import { patiently } from '../support/event-log.ts';
import { openMain, openWebSocketStream, type Subject } from '../support/subjects.ts';

type Reader = AsyncIterator<unknown>;

/** How messages are read, in each way that there is. */
const READERS: Readonly<
  Record<string, (role: Role) => Promise<{ subject: Subject; reader: Reader }>>
> = {
  'a for await loop': async (role) => {
    const subject = await openMain(role, {});
    return { subject, reader: subject.socket[Symbol.asyncIterator]() };
  },
  'a for await loop over a Duplex': async (role) => {
    const subject = await openMain(role, {});
    const duplex = toDuplex(subject.socket, { objectMode: true }).on('error', () => {});
    return { subject, reader: duplex[Symbol.asyncIterator]() };
  },
  'a for await loop over a WebSocketStream': async (role) => {
    const subject = await openWebSocketStream(role, {});
    return { subject, reader: subject.readable[Symbol.asyncIterator]() };
  },
};

/** Ends that are not clean, and those that are. */
const CUTS: Readonly<Record<string, (subject: Subject) => void>> = {
  'the peer ends the transport without a Close': ({ peer }) => void peer.socket.end(),
  'the peer ends the transport within a message': ({ peer }) => {
    peer.send({ opcode: 'text', fin: false, payload: 'part 3' });
    peer.socket.end();
  },
  'the peer resets': ({ peer }) => (peer.socket as Socket).resetAndDestroy(),
  'our transport is destroyed': ({ transport }) => void transport.destroy(),
};
/**
 * A reason to doubt; but to the proposal of WebSocketStream every closing handshake is a clean end.
 */
const FAILURES: typeof CUTS = {
  'the peer closes with 1011': ({ peer }) => peer.sendClose(1011),
};
const ENDS: Readonly<Record<string, (subject: Subject) => void>> = {
  'the peer closes with 1000': ({ peer }) => peer.sendClose(1000),
  'the peer closes without a code': ({ peer }) => peer.sendClose(),
};

/** Reads until the end or an error, and again after it. */
async function readToEnd(reader: Reader): Promise<string[]> {
  const told: string[] = [];
  for (let count = 0; count < 5; count++) {
    try {
      const { value, done } = await reader.next();
      told.push(done === true ? 'end' : String(value));
      if (done === true) break;
    } catch (error) {
      told.push(error instanceof Error ? 'error' : `threw ${error}`);
    }
  }
  return told;
}

/**
 * Has two messages read, the end among them: by a reader who waits already, or by one who is late.
 */
async function told(
  role: Role,
  readerName: string,
  end: (subject: Subject) => void,
  isLate: boolean,
): Promise<string[]> {
  const { subject, reader } = await READERS[readerName]!(role);
  const { peer, log } = subject;
  peer.send({ opcode: 'text', payload: 'part 1' });
  peer.send({ opcode: 'text', payload: 'part 2' });
  const first = [(await reader.next()).value, (await reader.next()).value];
  const rest = isLate ? undefined : readToEnd(reader);
  end(subject);
  await log.until('close');
  const lines = await patiently(rest ?? readToEnd(reader), () => 'the reader was told of no end');
  return [...first.map(String), ...lines];
}

describe.each(Object.keys(READERS))('%s', (reader) => {
  const cuts = reader.endsWith('WebSocketStream') ? CUTS : { ...CUTS, ...FAILURES };
  describe.each(ROLES)('at the %s', (role) => {
    for (const isLate of [false, true]) {
      const when = isLate ? 'when it looks later' : 'when it waits';
      it.each(Object.entries(cuts))(`throws once, ${when} and %s`, async (_, cut) => {
        expect(await told(role, reader, cut, isLate)).toEqual(['part 1', 'part 2', 'error', 'end']);
      });
      it.each(Object.entries(ENDS))(`ends, ${when} and %s`, async (_, end) => {
        expect(await told(role, reader, end, isLate)).toEqual(['part 1', 'part 2', 'end']);
      });
    }
  });
});
