import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EncodeCallback, EncodeJob } from '../../../src/extensions/message-codec.ts';
import { JobQueue } from '../../../src/extensions/permessage-deflate/job-queue.ts';

/** A queue whose jobs end when the test says so. */
function heldQueue(limit: number, isStoppable = true) {
  const queue = new JobQueue(limit);
  const started: number[] = [];
  const stopped: number[] = [];
  const ended: number[] = [];
  const dones = new Map<number, EncodeCallback>();
  let count = 0;
  const add = (): EncodeJob => {
    const id = count++;
    return queue.add(
      (done) => {
        started.push(id);
        dones.set(id, done);
        return isStoppable ? { cancel: () => stopped.push(id) } : undefined;
      },
      () => ended.push(id),
    );
  };
  const end = (id: number): void => dones.get(id)!(undefined, new Uint8Array(0));
  return { queue, add, end, started, stopped, ended };
}

describe('JobQueue', () => {
  it('runs as many jobs as its limit, the others in the order of the calls', () => {
    const { add, end, started, ended } = heldQueue(2);
    for (let count = 0; count < 5; count++) add();
    expect(started).toEqual([0, 1]);
    end(1);
    expect([started, ended]).toEqual([[0, 1, 2], [1]]);
    end(0);
    end(2);
    expect([started, ended]).toEqual([
      [0, 1, 2, 3, 4],
      [1, 0, 2],
    ]);
  });

  it('passes on the result, once', () => {
    const results: unknown[] = [];
    const queue = new JobQueue(1);
    let done: EncodeCallback = () => {};
    const error = new Error('of zlib');
    queue.add(
      (end) => {
        done = end;
        return undefined;
      },
      (...result) => results.push(result),
    );
    done(error, undefined);
    done(undefined, new Uint8Array(1));
    expect(results).toEqual([[error, undefined]]);
  });

  it('skips a job that is cancelled while it waits', () => {
    const { add, end, started, ended } = heldQueue(1);
    const [, second] = [add(), add(), add()];
    second!.cancel();
    second!.cancel();
    end(0);
    end(2);
    expect([started, ended]).toEqual([
      [0, 2],
      [0, 2],
    ]);
  });

  it('stops a running job that is cancelled, and starts the next', () => {
    const { add, end, started, stopped, ended } = heldQueue(1);
    const [first] = [add(), add()];
    first!.cancel();
    expect([started, stopped]).toEqual([[0, 1], [0]]);
    end(0);
    expect(ended).toEqual([]);
    end(1);
    expect(ended).toEqual([1]);
  });

  it('keeps the place of a running job that cannot be stopped until it has ended', () => {
    const { add, end, started, ended } = heldQueue(1, false);
    const [first] = [add(), add()];
    first!.cancel();
    expect(started).toEqual([0]);
    end(0);
    expect([started, ended]).toEqual([[0, 1], []]);
  });

  it('starts none of those that wait when all are cancelled', () => {
    const { queue, add, started, stopped, ended } = heldQueue(2);
    for (let count = 0; count < 5; count++) add();
    queue.cancelAll();
    expect([started, stopped, ended]).toEqual([[0, 1], [0, 1], []]);
    add();
    expect(started).toEqual([0, 1, 5]);
  });

  it('takes new jobs within a callback, behind those that wait', () => {
    const { add, end, started, queue } = heldQueue(1);
    const dones: EncodeCallback[] = [];
    queue.add(
      (done) => {
        dones.push(done);
        return undefined;
      },
      () => add(),
    );
    add();
    dones[0]!(undefined, undefined);
    end(0);
    end(1);
    expect(started).toEqual([0, 1]);
  });

  it('has its limit running whenever as many wait, in any sequence of calls', () => {
    const step = fc.record({ action: fc.constantFrom('add', 'end', 'cancel'), pick: fc.nat(30) });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), fc.array(step), (limit, steps) => {
        const { add, end, started, stopped, ended } = heldQueue(limit);
        const jobs: EncodeJob[] = [];
        const cancelled = new Set<number>();
        for (const { action, pick } of steps) {
          if (action === 'add') jobs.push(add());
          else if (action === 'end' && started.includes(pick)) end(pick);
          else if (action === 'cancel' && pick < jobs.length) {
            jobs[pick]!.cancel();
            if (!ended.includes(pick)) cancelled.add(pick);
          }
          const over = new Set([...ended, ...cancelled]);
          const running = started.filter((id) => !over.has(id));
          const waiting = jobs.length - over.size - running.length;
          expect(running.length).toBe(Math.min(limit, running.length + waiting));
          expect(started).toEqual(started.toSorted((a, b) => a - b));
          expect(new Set(ended).size).toBe(ended.length);
          expect(stopped.every((id) => cancelled.has(id) || ended.includes(id))).toBe(true);
        }
      }),
    );
  });

  it('takes no longer for each job, however many wait or were cancelled', () => {
    const { add, end, started } = heldQueue(1);
    const jobs = Array.from({ length: 200_000 }, add);
    for (const job of jobs.slice(100_000, -1)) job.cancel();
    for (let id = 0; id < 100_000; id++) end(id);
    expect(started.length).toBe(100_001);
    expect(started.at(-1)).toBe(199_999);
  });
});
