/**
 * The queue of messages that wait for a reader, and what it does for `for await` loops: bounded in
 * number and in bytes.
 */

import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { MessageQueue } from '../../src/api/message-queue.ts';
import { LIMITS } from '../../src/limits.ts';
import { closed, endsOf, openPair, ROLES, settle, until } from '../api/sockets.ts';

const MAX_WAITING = LIMITS.unreadMessages.default;
const MAX_WAITING_LENGTH = LIMITS.unreadLength.default;

function queueAndLog(): { queue: MessageQueue<string>; log: string[] } {
  const log: string[] = [];
  const flow = { pause: () => log.push('pause'), resume: () => log.push('resume') };
  return { queue: new MessageQueue(flow, (message) => message.length), log };
}

describe('MessageQueue', () => {
  it('keeps order, and knows its size', () => {
    const { queue } = queueAndLog();
    expect(queue.take()).toBeUndefined();
    queue.push('a');
    queue.push('');
    expect([queue.size, queue.take(), queue.take(), queue.take()]).toEqual([2, 'a', '', undefined]);
  });

  it('stops the flow at its number of messages, and continues it at half', () => {
    const { queue, log } = queueAndLog();
    for (let count = 1; count < MAX_WAITING; count++) queue.push('');
    expect(log).toEqual([]);
    queue.push('');
    queue.push('');
    expect(log).toEqual(['pause']);
    while (queue.size > MAX_WAITING / 2 + 1) queue.take();
    expect(log).toEqual(['pause']);
    queue.take();
    expect(log).toEqual(['pause', 'resume']);
  });

  it('stops the flow at its number of bytes, and continues it at half', () => {
    const { queue, log } = queueAndLog();
    const half = 'x'.repeat(MAX_WAITING_LENGTH / 2);
    queue.push(half);
    expect(log).toEqual([]);
    queue.push(half);
    expect(log).toEqual(['pause']);
    queue.take();
    expect(log).toEqual(['pause', 'resume']);
  });

  it('stops the flow at one message that is over the budget by itself', () => {
    const { queue, log } = queueAndLog();
    queue.push('x'.repeat(MAX_WAITING_LENGTH));
    expect(log).toEqual(['pause']);
  });

  it('continues the flow when it is cleared', () => {
    const { queue, log } = queueAndLog();
    queue.push('x'.repeat(MAX_WAITING_LENGTH));
    queue.clear();
    expect([queue.size, ...log]).toEqual([0, 'pause', 'resume']);
  });
});

describe.each(ROLES)('A for await loop at the %s', (role) => {
  it('keeps no more than one message that is longer than its budget', async () => {
    const [socket, peer] = endsOf(await openPair(), role);
    let count = 0;
    socket.on('message', () => {
      count++;
    });
    const iterator = socket[Symbol.asyncIterator]();
    const message = Buffer.alloc(MAX_WAITING_LENGTH);
    for (let sent = 0; sent < 5; sent++) peer.send(message);
    await until(() => socket.isPaused);
    await settle();
    expect(count).toBe(1);
    for (let taken = 0; taken < 5; taken++) {
      expect(((await iterator.next()).value as Buffer).length).toBe(message.length);
    }
    expect(socket.isPaused).toBe(false);
  });

  it('is held back by the slowest of several, and by the application', async () => {
    const [socket, peer] = endsOf(await openPair(), role);
    const slow = socket[Symbol.asyncIterator]();
    const quick = socket[Symbol.asyncIterator]();
    for (let count = 0; count < 40; count++) peer.send(`${count}`);
    await until(() => socket.isPaused);
    for (let count = 0; count < MAX_WAITING; count++) await quick.next();
    await settle();
    expect(socket.isPaused).toBe(true);
    socket.pause();
    for (let count = 0; count < MAX_WAITING; count++) await slow.next();
    expect(socket.isPaused).toBe(true);
    socket.resume();
    expect((await slow.next()).value).toBe(`${MAX_WAITING}`);
    expect((await quick.next()).value).toBe(`${MAX_WAITING}`);
  });

  it('loses no message between two awaits', async () => {
    const [socket, peer] = endsOf(await openPair(), role);
    const received: unknown[] = [];
    const loop = (async () => {
      for await (const message of socket) {
        received.push(message);
        await settle();
      }
    })();
    for (let count = 0; count < 40; count++) peer.send(`${count}`);
    peer.close();
    await loop;
    expect(received).toEqual(Array.from({ length: 40 }, (_, count) => `${count}`));
  });

  it('does not keep a connection from being closed', async () => {
    const [socket, peer] = endsOf(await openPair(), role);
    const iterator = socket[Symbol.asyncIterator]();
    for (let count = 0; count < 40; count++) peer.send(`${count}`);
    await until(() => socket.isPaused);
    const [theirs, ours] = [once(peer, 'close'), closed(socket)];
    socket.close(4000);
    expect(await ours).toMatchObject({ code: 4000, wasClean: true });
    await theirs;
    for (let count = 0; count < MAX_WAITING; count++) {
      expect((await iterator.next()).value).toBe(`${count}`);
    }
    expect((await iterator.next()).done).toBe(true);
  });
});
