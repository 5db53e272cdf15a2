import { describe, expect, it } from 'vitest';
import { shield } from '../../src/api/shield.ts';
import { collectUncaught } from '../support/uncaught-exceptions.ts';

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
    const uncaught = collectUncaught();
    const thrown = new Error('thrown');
    const callback = shield(() => {
      throw thrown;
    });
    expect(() => callback?.()).not.toThrow();
    expect(uncaught).toEqual([]);
    await new Promise(setImmediate);
    expect(uncaught).toEqual([thrown]);
  });
});
