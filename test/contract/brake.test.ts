/**
 * Whoever holds a connection's input, nobody takes it back for another: the socket is read only
 * when all have let go.
 */

import { describe, expect, it } from 'vitest';
import { ROLES, settle, until } from '../api/sockets.ts';
import { LatePlugIn } from '../extensions/plug-ins.ts';
import { patiently } from '../support/event-log.ts';
import { frameTo } from '../support/frames.ts';
import { concat } from '../support/hex.ts';
import { type Holder, MAIN } from '../support/holders.ts';
import { type MainSubject, openMain } from '../support/subjects.ts';

/** All holders but the application itself. */
const OTHERS: Readonly<Record<string, Holder>> = Object.fromEntries(
  Object.entries(MAIN.holders).filter(
    ([name, { held }]) => !name.startsWith('pause()') && (held === 'socket' || held === 'all'),
  ),
);

/** More than a socket that is paused may take. */
function flood({ peer }: MainSubject): void {
  const frame = frameTo(peer.role, { opcode: 'binary', payload: Buffer.alloc(2 ** 16) });
  for (let count = 0; count < 64; count++) peer.write(frame);
}

/** What the system and the stream of a paused socket still take, in bytes, and more. */
const SLACK = 2 ** 20;

/** Expects that the socket stands still although the peer sends. */
async function expectHeld(subject: MainSubject): Promise<void> {
  const { transport } = subject;
  const before = transport.bytesRead;
  flood(subject);
  await settle();
  expect(transport.isPaused(), 'whether the socket is paused').toBe(true);
  expect(transport.bytesRead - before).toBeLessThan(SLACK);
}

describe.each(ROLES)('The socket of the %s', (role) => {
  it.each(Object.entries(OTHERS))(
    'held by %s is not let go by pause() and resume()',
    async (_, holder) => {
      const subject = (await holder.hold(role, {})).subject as MainSubject;
      await expectHeld(subject);
      subject.socket.pause();
      subject.socket.resume();
      await expectHeld(subject);
      subject.socket.terminate();
      await subject.log.until('close');
    },
  );

  it.each(Object.entries(OTHERS).filter(([, { held }]) => held === 'socket'))(
    'paused by the application is not let go by %s',
    async (_, holder) => {
      const holding = await holder.hold(role, {});
      const subject = holding.subject as MainSubject;
      subject.socket.pause();
      holding.letGo?.();
      await settle();
      await expectHeld(subject);
      const { bytesRead } = subject.transport;
      subject.socket.resume();
      const read = until(() => subject.transport.bytesRead > bytesRead);
      await patiently(read, () => 'nothing was read after resume()');
    },
  );

  it('paused by the application is not let go by a plug-in that answers', async () => {
    const extension = new LatePlugIn();
    const subject = await openMain(role, { extension });
    const messages = Array.from({ length: 40 }, (_, index) =>
      frameTo(role, { opcode: 'text', payload: `${index}` }),
    );
    subject.peer.write(concat(messages));
    await until(() => subject.transport.isPaused());
    subject.socket.pause();
    extension.answerAll();
    await expectHeld(subject);
    expect(subject.log.all('message')).toEqual([]);
    subject.socket.resume();
    const answering = until(() => {
      extension.answerAll();
      return subject.log.all('message').length >= 40;
    });
    await patiently(answering, () => `messages are missing: ${subject.log.lines.length}`);
    expect(subject.log.all('message').slice(0, 40)).toEqual(
      messages.map((_, index) => `message ${[...`${index}`].reverse().join('')}`),
    );
  });
});
