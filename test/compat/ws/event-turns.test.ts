/** Events in turns of their own: the brake holds until each is told, and the last comes last. */

import { describe, expect, it } from 'vitest';
import { EventTurns } from '../../../src/compat/ws/event-turns.ts';
import { Brake } from '../../../src/connection/brake.ts';
import { collectUncaught } from '../../support/uncaught-exceptions.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('EventTurns', () => {
  it('emits an event in the next turn; the brake holds until then', async () => {
    const brake = new Brake();
    const turns = new EventTurns(brake);
    const log: string[] = [];
    turns.put(() => log.push(`event ${turns.isWaiting} ${brake.isHeld}`));
    brake.beginClosing();
    log.push(`put ${turns.isWaiting} ${brake.isHeld}`);
    await turn();
    log.push(`after ${turns.isWaiting} ${brake.isHeld}`);
    expect(log).toEqual(['put true true', 'event true true', 'after false false']);
  });

  it('emits the last event behind the one that waits, although that throws', async () => {
    const uncaught = collectUncaught();
    const turns = new EventTurns(new Brake());
    const log: string[] = [];
    turns.put(() => {
      log.push('event');
      throw new Error('own');
    });
    turns.end(() => log.push(`end ${turns.isWaiting}`));
    await turn();
    expect(log).toEqual(['event', 'end false']);
    expect(uncaught).toEqual([new Error('own')]);
  });

  it('rethrows what the event threw, although the last one throws, too', async () => {
    const uncaught = collectUncaught();
    const turns = new EventTurns(new Brake());
    turns.put(() => {
      throw new Error('first');
    });
    turns.end(() => {
      throw new Error('last');
    });
    await turn();
    expect(uncaught).toEqual([new Error('first')]);
  });

  it('emits the last event at once when none waits', () => {
    const log: string[] = [];
    new EventTurns(new Brake()).end(() => log.push('end'));
    expect(log).toEqual(['end']);
  });
});
