import { describe, expect, it } from 'vitest';
import { Queue } from '../src/queue.ts';

describe('Queue', () => {
  it('gives items back in the order in which they came', () => {
    const queue = new Queue<number>();
    const taken: (number | undefined)[] = [];
    for (let index = 0; index < 500; index++) {
      queue.push(2 * index);
      queue.push(2 * index + 1);
      taken.push(queue.take());
    }
    expect(queue.length).toBe(500);
    expect(queue.first).toBe(500);
    taken.push(...queue.takeAll());
    expect(taken).toEqual(Array.from({ length: 1000 }, (_, index) => index));
    expect(queue.length).toBe(0);
  });

  it('is empty at first and when all is taken', () => {
    const queue = new Queue<string>();
    expect([queue.length, queue.first, queue.take()]).toEqual([0, undefined, undefined]);
    queue.push('a');
    expect([queue.take(), queue.length, queue.first, queue.take()]).toEqual([
      'a',
      0,
      undefined,
      undefined,
    ]);
    queue.push('b');
    expect(queue.takeAll()).toEqual(['b']);
    expect(queue.takeAll()).toEqual([]);
  });

  it('keeps an item that is undefined in its place', () => {
    const queue = new Queue<number | undefined>();
    queue.push(undefined);
    queue.push(1);
    expect([queue.length, queue.take(), queue.take(), queue.length]).toEqual([2, undefined, 1, 0]);
  });
});
