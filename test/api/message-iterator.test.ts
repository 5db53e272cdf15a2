/**
 * `for await` over messages: in order, bounded, ending with the connection, throwing when it fails.
 */

import { describe, expect, it } from 'vitest';
import { MessageIterator } from '../../src/api/message-iterator.ts';
import type { MessageReader } from '../../src/api/message-reader.ts';

/** A source that a test plays by hand, and the iterator over it. */
function sourceAndIterator(isClosed = false) {
  const log: string[] = [];
  const subscribers = new Set<MessageReader<string>>();
  const readers = {
    add: (subscriber: MessageReader<string>) => {
      subscribers.add(subscriber);
      return {
        pause: () => log.push('pause'),
        resume: () => log.push('resume'),
        unsubscribe: () => {
          log.push('unsubscribe');
          subscribers.delete(subscriber);
        },
        close: () => {},
      };
    },
  };
  const iterator = new MessageIterator<string>(readers.add, isClosed, (text) => text.length);
  const messages = (...texts: string[]): void => {
    for (const subscriber of subscribers)
      for (const text of texts) subscriber.onMessage(text, text);
  };
  const fail = (error: Error): void => {
    for (const subscriber of [...subscribers]) subscriber.onError?.(error);
  };
  const close = (): void => {
    for (const subscriber of [...subscribers]) subscriber.onClose(1000, '', true, undefined);
  };
  return { iterator, log, subscribers, messages, fail, close };
}

const numbers = (count: number): string[] => Array.from({ length: count }, (_, at) => String(at));

const DONE = { value: undefined, done: true };

describe('MessageIterator', () => {
  it('gives messages in order, whether they or the calls come first', async () => {
    const { iterator, messages } = sourceAndIterator();
    const early = [iterator.next(), iterator.next()];
    messages('a', 'b', 'c', '');
    expect(await Promise.all(early)).toEqual([
      { value: 'a', done: false },
      { value: 'b', done: false },
    ]);
    expect(await iterator.next()).toEqual({ value: 'c', done: false });
    expect(await iterator.next()).toEqual({ value: '', done: false });
  });

  it('ends when the connection has closed, after the messages that wait', async () => {
    const { iterator, messages, close } = sourceAndIterator();
    messages('a');
    close();
    expect(await iterator.next()).toEqual({ value: 'a', done: false });
    expect(await iterator.next()).toEqual(DONE);
    expect(await iterator.next()).toEqual(DONE);
  });

  it('ends all calls that wait when the connection closes', async () => {
    const { iterator, close } = sourceAndIterator();
    const waiting = [iterator.next(), iterator.next()];
    close();
    expect(await Promise.all(waiting)).toEqual([DONE, DONE]);
  });

  it('is at its end when the connection is closed already', async () => {
    const { iterator } = sourceAndIterator(true);
    expect(await iterator.next()).toEqual(DONE);
  });

  it('throws once when the connection failed, after the messages that wait', async () => {
    const { iterator, messages, fail, close } = sourceAndIterator();
    const error = new Error('failed');
    messages('a');
    fail(error);
    close();
    expect(await iterator.next()).toEqual({ value: 'a', done: false });
    await expect(iterator.next()).rejects.toBe(error);
    expect(await iterator.next()).toEqual(DONE);
  });

  it('gives the failure to the first call that waits, and the end to the others', async () => {
    const { iterator, fail } = sourceAndIterator();
    const error = new Error('failed');
    const [first, second] = [iterator.next(), iterator.next()];
    fail(error);
    await expect(first).rejects.toBe(error);
    expect(await second).toEqual(DONE);
  });

  it('pauses the source at 16 messages, and resumes it when half are gone', async () => {
    const { iterator, log, messages } = sourceAndIterator();
    messages(...numbers(15));
    expect(log).toEqual([]);
    messages('15', '16', '17');
    expect(log).toEqual(['pause']);
    for (let count = 0; count < 9; count++) await iterator.next();
    expect(log).toEqual(['pause']);
    await iterator.next();
    expect(log).toEqual(['pause', 'resume']);
  });

  it('lets go of its source when the loop is left early, and resumes what it paused', async () => {
    const { iterator, log, subscribers, messages } = sourceAndIterator();
    messages(...numbers(20));
    for await (const message of iterator) {
      if (message === '2') break;
    }
    expect(subscribers.size).toBe(0);
    expect(log).toEqual(['pause', 'unsubscribe', 'resume']);
    expect(await iterator.next()).toEqual(DONE);
  });

  it('forgets a failure that nobody will ask for when the loop is left', async () => {
    const { iterator, fail } = sourceAndIterator();
    fail(new Error('failed'));
    expect(await iterator.return()).toEqual(DONE);
    expect(await iterator.next()).toEqual(DONE);
  });
});
