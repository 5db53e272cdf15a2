/** Messages that cannot leave yet: they keep the order of the calls, close() among them, and are counted. */

import { describe, expect, it } from 'vitest';
import { Outbox } from '../../src/api/outbox.ts';
import { turn, until } from './sockets.ts';

/** An outbox whose owner writes down what it is told, and lets messages go when it is told to. */
function outboxWithLog() {
  const log: string[] = [];
  const owner = { isOpen: false, hasRoom: true };
  const outbox = new Outbox({
    canDeliver: () => owner.isOpen,
    deliver: (payload) => {
      log.push(`deliver ${Buffer.from(payload as string)}`);
      return owner.hasRoom;
    },
    onEmpty: (close, needsDrain) => {
      log.push(close === undefined ? 'empty' : `close ${close.code}`);
      if (needsDrain) log.push('drain');
    },
    onFailed: (error) => log.push(`failed ${(error as Error).name}`),
  });
  const open = (): void => {
    owner.isOpen = true;
    outbox.flush();
  };
  return { outbox, owner, log, open };
}

describe('Outbox', () => {
  it('keeps messages in order until they can be delivered', () => {
    const { outbox, log, open } = outboxWithLog();
    outbox.push('a', undefined);
    outbox.push(Buffer.from('b'), undefined);
    expect(log).toEqual([]);
    open();
    expect(log).toEqual(['deliver a', 'deliver b', 'empty']);
  });

  it('counts the bytes that it holds', () => {
    const { outbox, open } = outboxWithLog();
    outbox.push('é', undefined);
    outbox.push(new Uint8Array(5), undefined);
    outbox.push(new Blob(['abc']), undefined);
    expect(outbox.byteLength).toBe(10);
    open();
    expect(outbox.byteLength).toBe(3);
  });

  it('holds what comes behind a Blob until its bytes are there', async () => {
    const { outbox, log, open } = outboxWithLog();
    open();
    log.length = 0;
    outbox.push(new Blob(['slow']), undefined);
    outbox.push('fast', undefined);
    outbox.push(new Blob(['last']), undefined);
    expect(log).toEqual([]);
    await until(() => log.includes('empty'));
    expect(log).toEqual(['deliver slow', 'deliver fast', 'deliver last', 'empty']);
    expect(outbox.byteLength).toBe(0);
  });

  it('closes after the last message, with the arguments of the first close', async () => {
    const { outbox, log, open } = outboxWithLog();
    outbox.push(new Blob(['a']), undefined);
    outbox.closeAfter(4000, '');
    outbox.closeAfter(4001, '');
    open();
    await until(() => log.length >= 2);
    expect(log).toEqual(['deliver a', 'close 4000']);
  });

  it('asks for a drain event when a sender waits for one, unless the connection will give it', () => {
    const { outbox, owner, log } = outboxWithLog();
    outbox.push('a', undefined);
    outbox.needsDrain = true;
    owner.isOpen = true;
    owner.hasRoom = false;
    outbox.flush();
    expect(log).toEqual(['deliver a', 'empty']);
    const other = outboxWithLog();
    other.outbox.push('a', undefined);
    other.outbox.needsDrain = true;
    other.open();
    expect(other.log).toEqual(['deliver a', 'empty', 'drain']);
  });

  it('tells each callback once, in order, when it is discarded', () => {
    const { outbox } = outboxWithLog();
    const told: string[] = [];
    const error = new Error('gone');
    outbox.push('a', (given) => told.push(`a ${given?.message}`));
    outbox.push('b', (given) => told.push(`b ${given?.message}`));
    outbox.discard(error);
    outbox.discard(error);
    expect(told).toEqual(['a gone', 'b gone']);
    expect(outbox.byteLength).toBe(0);
  });

  it('delivers nothing of a Blob that is read after the discarding', async () => {
    const { outbox, log, open } = outboxWithLog();
    open();
    log.length = 0;
    outbox.push(new Blob(['a']), undefined);
    outbox.discard(new Error('gone'));
    for (let count = 0; count < 50; count++) await turn();
    expect(log.filter((line) => line.startsWith('deliver'))).toEqual([]);
  });

  it('reports a Blob that cannot be read, and delivers nothing behind it', async () => {
    const { outbox, log, open } = outboxWithLog();
    open();
    log.length = 0;
    const broken = new Blob(['abc']);
    broken.arrayBuffer = () => Promise.reject(new RangeError('unreadable'));
    outbox.push(broken, undefined);
    outbox.push('behind', undefined);
    await until(() => log.length > 0);
    outbox.flush();
    expect(log).toEqual(['failed RangeError']);
  });
});
