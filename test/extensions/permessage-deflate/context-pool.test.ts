import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ContextHolder,
  ContextPool,
} from '../../../src/extensions/permessage-deflate/context-pool.ts';

/** A context that counts what is done to it. */
class CountedContext {
  resets = 0;
  isClosed = false;

  reset(): void {
    if (this.isClosed) throw new Error('A closed context is reset');
    this.resets++;
  }

  close(): void {
    if (this.isClosed) throw new Error('A context is closed twice');
    this.isClosed = true;
  }
}

type Holder = ContextHolder<CountedContext>;

function poolOf(limit: number) {
  const pool = new ContextPool<CountedContext>(limit);
  const all: CountedContext[] = [];
  const create = (): CountedContext => {
    const context = new CountedContext();
    all.push(context);
    return context;
  };
  return {
    pool,
    all,
    holder: (): Holder => ({ context: undefined }),
    checkOut: (holder: Holder, kind = 'k', canReuse = true): CountedContext =>
      pool.checkOut(holder, kind, create, canReuse),
    use: (holder: Holder, kind = 'k'): CountedContext => {
      const context = pool.checkOut(holder, kind, create, true);
      pool.checkIn(holder, kind);
      return context;
    },
    open: (): number => all.filter(({ isClosed }) => !isClosed).length,
  };
}

describe('ContextPool', () => {
  it('gives a holder its own context again, as it left it', () => {
    const { use, holder, all } = poolOf(2);
    const own = holder();
    const context = use(own);
    expect(use(own)).toBe(context);
    expect(own.context).toBe(context);
    expect(all.length).toBe(1);
    expect(context.resets).toBe(0);
  });

  it('makes no more contexts than its limit for holders that are idle', () => {
    const { use, holder, open, pool } = poolOf(3);
    for (let count = 0; count < 20; count++) use(holder());
    expect(open()).toBe(3);
    expect(pool.size).toBe(3);
  });

  it('takes the context of the holder that has not used its own for longest, reset', () => {
    const { use, holder } = poolOf(2);
    const [first, second, third] = [holder(), holder(), holder()];
    const taken = use(first);
    const kept = use(second);
    use(first);
    expect(use(third)).toBe(kept);
    expect(second.context).toBeUndefined();
    expect(first.context).toBe(taken);
    expect([taken.resets, kept.resets]).toEqual([0, 1]);
  });

  it('frees the oldest and makes a new one where a used one will not do', () => {
    const { use, holder, checkOut, all } = poolOf(1);
    const first = holder();
    const context = use(first);
    const other = checkOut(holder(), 'k', false);
    expect(other).not.toBe(context);
    expect(first.context).toBeUndefined();
    expect(context.isClosed).toBe(true);

    const third = checkOut(holder(), 'of another kind');
    expect(all.indexOf(third)).toBe(2);
  });

  it('never gives a context of one kind for another', () => {
    const { use, holder, all } = poolOf(1);
    const nine = use(holder(), '9');
    const fifteen = use(holder(), '15');
    expect(fifteen).not.toBe(nine);
    expect(nine.isClosed).toBe(true);
    expect(all.length).toBe(2);
  });

  it('never takes a context that is checked out, but counts it', () => {
    const { checkOut, holder, pool, open } = poolOf(1);
    const holders = [holder(), holder(), holder()];
    const contexts = holders.map((each) => checkOut(each));
    expect(new Set(contexts).size).toBe(3);
    expect(holders.map((each) => checkOut(each))).toEqual(contexts);
    expect([pool.size, open()]).toEqual([3, 3]);
    for (const each of holders) pool.checkIn(each, 'k');
    expect(open()).toBe(1);
    expect(holders.map(({ context }) => context !== undefined)).toEqual([false, false, true]);
  });

  it('gives up free contexts, then idle ones, for those that are checked out', () => {
    const { use, holder, checkOut, pool } = poolOf(4);
    const [idle, released] = [holder(), holder()];
    const [kept, free] = [use(idle), use(released)];
    pool.release(released, 'k');
    const state = (): boolean[] => [free.isClosed, kept.isClosed];
    for (let count = 0; count < 2; count++) checkOut(holder(), 'k', false);
    expect([pool.size, ...state()]).toEqual([4, false, false]);
    checkOut(holder(), 'k', false);
    expect([pool.size, ...state()]).toEqual([4, true, false]);
    checkOut(holder(), 'k', false);
    expect([pool.size, ...state(), idle.context]).toEqual([4, true, true, undefined]);
    checkOut(holder(), 'k', false);
    expect(pool.size).toBe(5);
  });

  it('keeps no context that comes back while those checked out fill it', () => {
    const { holder, checkOut, pool, open } = poolOf(2);
    const incomplete = [holder(), holder()];
    for (const each of incomplete) checkOut(each);
    const [returned, released] = [holder(), holder()];
    checkOut(returned);
    pool.checkIn(returned, 'k');
    checkOut(released);
    pool.release(released, 'k');
    expect([returned.context, pool.size, open()]).toEqual([undefined, 2, 2]);
    for (const each of incomplete) pool.checkIn(each, 'k');
    expect([pool.size, open()]).toEqual([2, 2]);
  });

  it('keeps a released context, reset, for the next of its kind', () => {
    const { use, holder, pool, all } = poolOf(2);
    const first = holder();
    const context = use(first);
    pool.release(first, 'k');
    expect([first.context, context.resets, pool.size]).toEqual([undefined, 1, 1]);
    expect(use(holder())).toBe(context);
    pool.release(holder(), 'k');
    expect(all.length).toBe(1);
  });

  it('frees what it has too much of: contexts that nobody holds first', () => {
    const { use, holder, pool, checkOut } = poolOf(2);
    const first = holder();
    const held = use(first);
    const second = holder();
    const free = use(second);
    pool.release(second, 'k');
    const third = holder();
    checkOut(third, 'of another kind');
    expect(free.isClosed).toBe(true);
    pool.checkIn(third, 'of another kind');
    expect(first.context).toBe(held);
    expect(pool.size).toBe(2);
  });

  it('destroys the context of a holder, once', () => {
    const { use, holder, pool } = poolOf(2);
    const own = holder();
    const context = use(own);
    pool.destroy(own);
    pool.destroy(own);
    expect([own.context, context.isClosed, pool.size]).toEqual([undefined, true, 0]);
  });

  it('frees those that have not been used for longest when its limit is lowered', () => {
    const { use, holder, pool, open } = poolOf(8);
    const holders = Array.from({ length: 8 }, holder);
    for (const each of [...holders, ...holders]) use(each);
    use(holders[0]!);
    pool.limit = 2;
    expect(pool.limit).toBe(2);
    expect(open()).toBe(2);
    expect(holders.filter(({ context }) => context !== undefined)).toEqual([
      holders[0],
      holders[7],
    ]);
    pool.limit = 5;
    for (const each of holders) use(each);
    expect(open()).toBe(5);
  });

  it('lets a holder keep one from the second use on, where many have one', () => {
    const { use, holder, open } = poolOf(8);
    const holders = Array.from({ length: 6 }, holder);
    for (const each of holders) use(each);
    expect(holders.filter(({ context }) => context !== undefined)).toEqual(holders.slice(0, 4));
    expect(open()).toBe(5);
    use(holders[5]!);
    expect(holders[5]!.context).toBeDefined();
  });

  it('keeps its promises in any sequence of calls', () => {
    const step = fc.record({
      holder: fc.nat(9),
      kind: fc.constantFrom('a', 'b'),
      action: fc.constantFrom('checkOut', 'checkIn', 'release', 'destroy', 'limit'),
      limit: fc.integer({ min: 1, max: 4 }),
      canReuse: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const { pool, all, checkOut, open } = poolOf(2);
        const holders: Holder[] = Array.from({ length: 10 }, () => ({ context: undefined }));
        const kindOf = (index: number): string => (index % 2 === 0 ? 'a' : 'b');
        const out = new Set<Holder>();
        for (const { holder: index, action, limit, canReuse } of steps) {
          const holder = holders[index]!;
          const kind = kindOf(index);
          if (action === 'limit') pool.limit = limit;
          else if (action === 'checkOut') {
            expect(checkOut(holder, kind, canReuse).isClosed).toBe(false);
            out.add(holder);
          } else if (action === 'checkIn' && out.delete(holder)) pool.checkIn(holder, kind);
          else if (action === 'release' && holder.context !== undefined) {
            pool.release(holder, kind);
            out.delete(holder);
          } else if (action === 'destroy') {
            pool.destroy(holder);
            out.delete(holder);
          }
          for (const each of out) expect(each.context?.isClosed).toBe(false);
          const contexts = holders.flatMap(({ context }) => context ?? []);
          expect(new Set(contexts).size).toBe(contexts.length);
          expect(contexts.every(({ isClosed }) => !isClosed)).toBe(true);
          expect(pool.size).toBeLessThanOrEqual(Math.max(pool.limit, out.size));
          expect(open()).toBe(pool.size);
        }
        expect(all.length).toBeGreaterThanOrEqual(open());
      }),
      { numRuns: 300 },
    );
  });
});
