import { describe, expect, it } from 'vitest';
import {
  APPLICATION,
  Brake,
  type BrakeHolder,
  CLOSING,
  EXTENSIONS,
} from '../../src/connection/brake.ts';

/** A brake whose notices are written down. */
function watched(): { readonly brake: Brake; readonly log: string[] } {
  const brake = new Brake();
  const log: string[] = [];
  brake.listener = { onHold: () => log.push('hold'), onRelease: () => log.push('release') };
  return { brake, log };
}

const plain = (): BrakeHolder => ({});
const lasting = (): BrakeHolder => ({ outlastsClose: true });

describe('A brake', () => {
  it('lets bytes flow at first, and needs nobody to listen', () => {
    const brake = new Brake();
    expect(brake).toMatchObject({ isHeld: false, mayDeliver: true, isOff: false });
    const holder = plain();
    brake.hold(holder);
    expect(brake).toMatchObject({ isHeld: true, mayDeliver: false, isOff: false });
    expect(brake.release(holder)).toBe(true);
    expect(brake).toMatchObject({ isHeld: false, mayDeliver: true, isOff: false });
    brake.hold(holder);
    brake.shutOff();
    expect(brake.isHeld).toBe(false);
  });

  it('knows its holders by their identity', () => {
    const brake = new Brake();
    const [first, second] = [plain(), plain()];
    brake.hold(first);
    expect([brake.isHeldBy(first), brake.isHeldBy(second)]).toEqual([true, false]);
    expect(brake.release(second)).toBe(false);
    expect(brake.isHeld).toBe(true);
  });

  it('is held until the last holder lets go', () => {
    const { brake } = watched();
    const holders = [plain(), lasting(), APPLICATION, EXTENSIONS, CLOSING];
    for (const holder of holders) brake.hold(holder);
    for (const holder of holders) {
      expect(brake.mayDeliver).toBe(false);
      expect(brake.isHeldBy(holder)).toBe(true);
      expect(brake.release(holder)).toBe(true);
      expect(brake.isHeldBy(holder)).toBe(false);
    }
    expect(brake.mayDeliver).toBe(true);
  });

  it('says that bytes must stop when the first one holds, and not again', () => {
    const { brake, log } = watched();
    const [first, second] = [plain(), plain()];
    brake.hold(first);
    brake.hold(second);
    brake.hold(first);
    expect(log).toEqual(['hold']);
    brake.release(first);
    brake.release(second);
    brake.hold(second);
    expect(log).toEqual(['hold', 'release', 'release', 'hold']);
  });

  it('says each release: what comes out of the extensions may go on before the others do', () => {
    const { brake, log } = watched();
    brake.hold(EXTENSIONS);
    brake.hold(APPLICATION);
    brake.release(APPLICATION);
    expect(log).toEqual(['hold', 'release']);
    expect(brake.isHeld).toBe(true);
  });

  it('counts no holds: one release undoes two', () => {
    const { brake, log } = watched();
    brake.hold(APPLICATION);
    brake.hold(APPLICATION);
    expect(brake.release(APPLICATION)).toBe(true);
    expect(brake.isHeld).toBe(false);
    expect(brake.release(APPLICATION)).toBe(false);
    expect(log).toEqual(['hold', 'release']);
  });

  it('has moved on when it says so', () => {
    const brake = new Brake();
    const seen: boolean[] = [];
    const see = (): number => seen.push(brake.isHeld, brake.mayDeliver);
    brake.listener = { onHold: see, onRelease: see };
    brake.hold(APPLICATION);
    brake.release(APPLICATION);
    expect(seen).toEqual([true, false, false, true]);
  });

  it('may be released within the notice of a hold', () => {
    const { brake, log } = watched();
    brake.listener = {
      onRelease: () => log.push('release'),
      onHold() {
        log.push('hold');
        brake.release(APPLICATION);
      },
    };
    brake.hold(APPLICATION);
    expect(log).toEqual(['hold', 'release']);
    expect(brake).toMatchObject({ isHeld: false, mayDeliver: true });
  });

  it('may be held within the notice of a release', () => {
    const { brake, log } = watched();
    brake.listener = {
      onHold: () => log.push('hold'),
      onRelease() {
        log.push('release');
        brake.hold(EXTENSIONS);
      },
    };
    brake.hold(APPLICATION);
    expect(brake.release(APPLICATION)).toBe(true);
    expect(log).toEqual(['hold', 'release', 'hold']);
    expect([brake.isHeldBy(EXTENSIONS), brake.isHeldBy(APPLICATION)]).toEqual([true, false]);
  });
});

describe('letsOut', () => {
  it('of all holders lets the extensions go on', () => {
    const brake = new Brake();
    expect(brake.holdsDelivery).toBe(false);
    brake.hold(EXTENSIONS);
    brake.hold(CLOSING);
    expect([brake.holdsDelivery, brake.mayDeliver]).toEqual([false, false]);
  });

  it.each([
    ['the application', APPLICATION],
    ['a holder that says nothing of it', plain()],
    ['a holder that lets nothing out', { letsOut: false }],
  ])('is not enough when %s holds, too', (_, holder) => {
    const brake = new Brake();
    for (const each of [EXTENSIONS, holder]) brake.hold(each);
    expect(brake.holdsDelivery).toBe(true);
    brake.release(holder);
    expect(brake.holdsDelivery).toBe(false);
  });
});

describe('A brake while we close', () => {
  it('keeps those who outlast the Close, and only those', () => {
    const { brake, log } = watched();
    const holders = [
      APPLICATION,
      lasting(),
      plain(),
      EXTENSIONS,
      CLOSING,
      { outlastsClose: false },
    ];
    for (const holder of holders) brake.hold(holder);
    expect(brake.beginClosing()).toBe(true);
    expect(holders.map((holder) => brake.isHeldBy(holder))).toEqual([
      false,
      true,
      false,
      true,
      true,
      false,
    ]);
    expect(log).toEqual(['hold', 'release', 'release', 'release']);
  });

  it('says whether anybody had to let go', () => {
    const brake = new Brake();
    expect(brake.beginClosing()).toBe(false);
    const other = new Brake();
    other.hold(EXTENSIONS);
    expect(other.beginClosing()).toBe(false);
    expect(other.isHeld).toBe(true);
  });

  it('is held by no others from then on', () => {
    const { brake, log } = watched();
    brake.beginClosing();
    brake.hold(APPLICATION);
    brake.hold(plain());
    expect([brake.isHeld, brake.mayDeliver, log]).toEqual([false, true, []]);
    const holder = lasting();
    brake.hold(holder);
    expect([brake.isHeldBy(holder), brake.mayDeliver, log]).toEqual([true, false, ['hold']]);
    brake.release(holder);
    expect(brake.mayDeliver).toBe(true);
  });

  it('may be released by another one within the notice', () => {
    const { brake, log } = watched();
    const [first, second] = [plain(), plain()];
    brake.hold(first);
    brake.hold(second);
    brake.listener = {
      onHold: () => log.push('hold'),
      onRelease() {
        log.push('release');
        brake.release(second);
      },
    };
    expect(brake.beginClosing()).toBe(true);
    expect(log).toEqual(['hold', 'release', 'release']);
    expect(brake.isHeld).toBe(false);
  });
});

describe('A brake that is shut off', () => {
  it('lets go of everybody, so that the transport flows, and delivers nothing', () => {
    const { brake, log } = watched();
    brake.hold(APPLICATION);
    brake.hold(EXTENSIONS);
    brake.shutOff();
    expect(brake).toMatchObject({ isHeld: false, mayDeliver: false, isOff: true });
    expect(brake.holdsDelivery).toBe(false);
    expect(log).toEqual(['hold', 'release']);
  });

  it('says nothing when nobody held it, and nothing when it is shut off again', () => {
    const { brake, log } = watched();
    brake.shutOff();
    brake.shutOff();
    expect(log).toEqual([]);
    expect(brake.isOff).toBe(true);
  });

  it('is held by nobody any more', () => {
    const { brake, log } = watched();
    brake.hold(APPLICATION);
    brake.shutOff();
    for (const holder of [APPLICATION, EXTENSIONS, CLOSING, lasting()]) {
      brake.hold(holder);
      expect(brake.isHeldBy(holder)).toBe(false);
      expect(brake.release(holder)).toBe(false);
    }
    expect(brake.beginClosing()).toBe(false);
    expect([brake.isHeld, brake.mayDeliver, log]).toEqual([false, false, ['hold', 'release']]);
  });

  it('is shut off already when it says the release', () => {
    const brake = new Brake();
    const seen: boolean[] = [];
    brake.hold(APPLICATION);
    brake.listener = {
      onHold: () => {},
      onRelease() {
        brake.hold(APPLICATION);
        seen.push(brake.isOff, brake.isHeld);
      },
    };
    brake.shutOff();
    expect(seen).toEqual([true, false]);
  });
});
