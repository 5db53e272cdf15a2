import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { shield } from '../../src/api/shield.ts';

describe('A shielded callback', () => {
  it('is nothing when the application gave no function', () => {
    for (const other of [undefined, null, 1, 'callback', {}]) expect(shield(other)).toBe(undefined);
  });

  it('gets what the engine says', () => {
    const calls: unknown[] = [];
    const error = new Error('late');
    shield((given: unknown) => calls.push(given))?.(error);
    expect(calls).toEqual([error]);
  });

  it('keeps what it throws from the engine; it is thrown later', async () => {
    const thrown = new Error('thrown');
    const listeners = process.rawListeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    try {
      const uncaught = once(process, 'uncaughtException');
      const callback = shield(() => {
        throw thrown;
      });
      expect(() => callback?.()).not.toThrow();
      expect((await uncaught)[0]).toBe(thrown);
    } finally {
      for (const listener of listeners) process.on('uncaughtException', listener as () => void);
    }
  });
});
