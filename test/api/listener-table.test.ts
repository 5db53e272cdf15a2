import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { useSmallTable } from '../../src/api/listener-table.ts';

describe('An emitter with a small table', () => {
  it('knows no name that nobody listens to, also of Object.prototype', () => {
    const emitter = new EventEmitter();
    useSmallTable(emitter);
    for (const name of ['constructor', 'toString', '__proto__']) {
      expect([emitter.listenerCount(name), emitter.emit(name)]).toEqual([0, false]);
      emitter.once(name, () => {});
      expect([emitter.listenerCount(name), emitter.emit(name)]).toEqual([1, true]);
    }
    expect(emitter.eventNames()).toEqual([]);
  });
});
