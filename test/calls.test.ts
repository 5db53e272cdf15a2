import { describe, expect, it } from 'vitest';
import { Calls, callAll } from '../src/calls.ts';
import { expectLinear, LINEAR_TIMEOUT_MS } from './support/linear.ts';

/** A call that throws. */
function thrower(log: string[], name: string): () => never {
  return () => {
    log.push(name);
    throw new Error(name);
  };
}

describe('Calls', () => {
  it('are made by run, in order, once', () => {
    const calls = new Calls();
    const log: string[] = [];
    for (const name of ['a', 'b', 'c']) calls.add(() => log.push(name));
    expect(log).toEqual([]);
    calls.run();
    calls.run();
    expect(log).toEqual(['a', 'b', 'c']);
  });

  it('are all made when some throw; the first exception is rethrown', () => {
    const calls = new Calls();
    const log: string[] = [];
    calls.add(() => log.push('a'));
    calls.add(thrower(log, 'b'));
    calls.add(thrower(log, 'c'));
    calls.add(() => log.push('d'));
    expect(() => calls.run()).toThrow('b');
    expect(log).toEqual(['a', 'b', 'c', 'd']);
  });

  it('go on after a run that threw', () => {
    const calls = new Calls();
    const log: string[] = [];
    calls.add(thrower(log, 'a'));
    expect(() => calls.run()).toThrow('a');
    calls.add(() => log.push('b'));
    calls.run();
    expect(log).toEqual(['a', 'b']);
  });

  it.each([undefined, null, 0, false])('rethrow %s, too', (thrown) => {
    const calls = new Calls();
    const log: string[] = [];
    calls.add(() => {
      throw thrown;
    });
    calls.add(thrower(log, 'second'));
    let caught: unknown = 'nothing';
    try {
      calls.run();
    } catch (error) {
      caught = error;
    }
    expect(caught).toBe(thrown);
    expect(log).toEqual(['second']);
  });

  it('that are added within a call wait until it has returned', () => {
    const calls = new Calls();
    const log: string[] = [];
    calls.add(() => {
      calls.add(() => log.push('added'));
      calls.run();
      log.push('a');
    });
    calls.add(() => log.push('b'));
    calls.run();
    expect(log).toEqual(['a', 'b', 'added']);
  });

  it('that are added within a call that throws are made, too', () => {
    const calls = new Calls();
    const log: string[] = [];
    calls.add(() => {
      calls.add(() => log.push('added'));
      throw new Error('a');
    });
    expect(() => calls.run()).toThrow('a');
    expect(log).toEqual(['added']);
  });

  it(
    'are made in linear time',
    async () => {
      await expectLinear(800_000, async (count) => {
        const calls = new Calls();
        let made = 0;
        for (let index = 0; index < count; index++) calls.add(() => made++);
        calls.run();
        expect(made).toBe(count);
      });
    },
    LINEAR_TIMEOUT_MS,
  );
});

describe('callAll', () => {
  it('passes each callback the error, or nothing at all', () => {
    const seen: unknown[][] = [];
    const callback = (...values: unknown[]): void => void seen.push(values);
    const error = new Error('lost');
    callAll([callback, callback], error);
    callAll([callback]);
    expect(seen).toEqual([[error], [error], []]);
  });

  it('calls all when some throw, then rethrows the first exception', () => {
    const log: string[] = [];
    const callbacks = [thrower(log, 'a'), () => void log.push('b'), thrower(log, 'c')];
    expect(() => callAll(callbacks)).toThrow('a');
    expect(() => callAll(callbacks, new Error('outcome'))).toThrow('a');
    expect(log).toEqual(['a', 'b', 'c', 'a', 'b', 'c']);
  });

  it('of none does nothing', () => {
    expect(() => callAll([], new Error('outcome'))).not.toThrow();
  });
});
