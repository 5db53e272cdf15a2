import { describe, expect, it } from 'vitest';
import { APPLICATION, Brake } from '../../src/connection/brake.ts';
import { InputGate } from '../../src/connection/input-gate.ts';
import type { WebSocketError } from '../../src/errors.ts';
import { CountingPlatform } from '../support/counting-platform.ts';
import { utf8 } from '../support/hex.ts';
import { expectLinear, LINEAR_TIMEOUT_MS } from '../support/linear.ts';

/** A gate, and what takes its bytes: one at a time, as long as nobody holds the brake. */
class Gated {
  readonly platform = new CountingPlatform();
  readonly brake = new Brake();
  /** The bytes that were taken. */
  taken = '';
  /** The chunks that were offered. */
  readonly offered: string[] = [];
  readonly failures: WebSocketError[] = [];
  /** Does something when a byte was taken. */
  react: ((byte: string) => void) | undefined;
  readonly gate: InputGate;

  constructor() {
    const parse = (bytes: Uint8Array, lentLength?: number): number =>
      this.#parse(bytes.subarray(0, lentLength));
    const fail = (error: WebSocketError): void => void this.failures.push(error);
    this.gate = new InputGate(this.platform, { parse }, this.brake, { fail });
  }

  /** Pushes a chunk that the transport overwrites afterwards. */
  push(text: string): void {
    const bytes = utf8(text);
    this.gate.push(bytes);
    bytes.fill(0x21);
  }

  /** Pushes a chunk in memory that is longer, and used again. */
  lend(text: string): void {
    const bytes = utf8(`${text}??`);
    this.gate.push(bytes, text.length);
    bytes.fill(0x21);
  }

  /** Holds the brake at each of some bytes. */
  holdAt(bytes: string): void {
    this.react = (byte) => {
      if (bytes.includes(byte)) this.brake.hold(APPLICATION);
    };
  }

  resume(): void {
    this.brake.release(APPLICATION);
    this.gate.proceed();
  }

  #parse(bytes: Uint8Array): number {
    this.offered.push(new TextDecoder().decode(bytes));
    let used = 0;
    while (used < bytes.length && this.brake.mayDeliver) {
      const byte = String.fromCharCode(bytes[used++]!);
      this.taken += byte;
      this.react?.(byte);
    }
    return used;
  }
}

describe('An input gate', () => {
  it('passes bytes on as they lie, and keeps nothing', () => {
    const gated = new Gated();
    gated.push('abc');
    gated.push('def');
    expect(gated.offered).toEqual(['abc', 'def']);
    expect(gated.taken).toBe('abcdef');
    expect([gated.gate.isBusy, gated.platform.allocationCount]).toEqual([false, 0]);
  });

  it('holds back what comes while the brake is held, in copies, and nothing for no bytes', () => {
    const gated = new Gated();
    gated.brake.hold(APPLICATION);
    gated.push('');
    expect(gated.gate.isBusy).toBe(false);
    gated.push('abc');
    gated.push('def');
    expect([gated.taken, gated.offered, gated.gate.isBusy]).toEqual(['', [], true]);
    gated.resume();
    expect([gated.taken, gated.gate.isBusy]).toEqual(['abcdef', false]);
  });

  it('holds back the rest of a chunk, ahead of what comes later', () => {
    const gated = new Gated();
    gated.holdAt('b');
    gated.push('abc');
    gated.push('de');
    gated.push('f');
    expect([gated.taken, gated.gate.isBusy]).toEqual(['ab', true]);
    gated.resume();
    expect([gated.taken, gated.gate.isBusy]).toEqual(['abcdef', false]);
  });

  it('stops again where the brake is held again', () => {
    const gated = new Gated();
    gated.holdAt('acde');
    gated.push('abc');
    gated.push('def');
    const steps: string[] = [];
    while (gated.brake.isHeld) {
      steps.push(gated.taken);
      gated.resume();
    }
    expect(steps).toEqual(['a', 'abc', 'abcd', 'abcde']);
    expect(gated.taken).toBe('abcdef');
  });

  it('does not go on while the brake is held', () => {
    const gated = new Gated();
    gated.brake.hold(APPLICATION);
    gated.push('abc');
    gated.gate.proceed();
    expect([gated.taken, gated.gate.isBusy]).toEqual(['', true]);
  });

  it('has what needs no bytes go on first, also when the brake is held', () => {
    const gated = new Gated();
    gated.brake.hold(APPLICATION);
    gated.push('abc');
    gated.gate.proceed();
    expect(gated.offered).toEqual(['']);
    gated.resume();
    expect(gated.offered).toEqual(['', '', 'abc']);
  });

  it('takes bytes that come within a call after the chunk of that call', () => {
    const gated = new Gated();
    gated.react = (byte) => {
      if (byte === 'a') gated.push('def');
      if (byte === 'd') gated.push('g');
    };
    gated.push('abc');
    expect([gated.taken, gated.gate.isBusy]).toEqual(['abcdefg', false]);
  });

  it('is busy within a call, which cannot be entered again', () => {
    const gated = new Gated();
    const seen: unknown[] = [];
    gated.react = (byte) => {
      if (byte !== 'a') return;
      gated.gate.proceed();
      seen.push(gated.gate.isBusy, gated.taken);
    };
    gated.push('abc');
    expect(seen).toEqual([true, 'a']);
    expect(gated.offered).toEqual(['abc']);
  });

  it('goes on within the call when the brake is held and released there', () => {
    const gated = new Gated();
    gated.react = () => {
      gated.brake.hold(APPLICATION);
      gated.resume();
    };
    gated.push('abc');
    expect([gated.taken, gated.gate.isBusy]).toEqual(['abc', false]);
  });

  it('takes lent memory as far as it is meant, and holds back copies of that', () => {
    const gated = new Gated();
    gated.lend('ab');
    expect([gated.taken, gated.gate.isBusy]).toEqual(['ab', false]);
    expect(gated.platform.allocationCount).toBe(0);
    gated.holdAt('c');
    gated.lend('cd');
    gated.lend('ef');
    gated.lend('');
    expect([gated.taken, gated.platform.allocatedLength]).toEqual(['abc', 1 + 2]);
    gated.resume();
    expect([gated.taken, gated.gate.isBusy]).toEqual(['abcdef', false]);
  });

  it('forgets what it holds back', () => {
    const gated = new Gated();
    gated.holdAt('a');
    gated.push('abc');
    gated.push('def');
    gated.gate.clear();
    expect(gated.gate.isBusy).toBe(false);
    gated.resume();
    gated.push('g');
    expect(gated.taken).toBe('ag');
  });

  it('keeps no rest when the brake is shut off within the call, and offers nothing more', () => {
    const gated = new Gated();
    gated.react = () => gated.brake.shutOff();
    gated.push('abc');
    expect([gated.taken, gated.gate.isBusy]).toEqual(['a', false]);
    gated.gate.proceed();
    expect(gated.offered).toEqual(['abc']);
  });
});

describe('What an input gate holds back', () => {
  it('is copied once, exactly: a short rest does not keep its chunk', () => {
    const gated = new Gated();
    gated.holdAt('a');
    gated.push(`a${'b'.repeat(9)}`);
    expect(gated.platform.allocatedLength).toBe(9);
  });

  it('is not copied again while most of the copy is left', () => {
    const gated = new Gated();
    gated.brake.hold(APPLICATION);
    gated.push('abcdefgh');
    expect(gated.platform.allocationCount).toBe(1);
    gated.holdAt('adf');
    gated.resume();
    expect([gated.taken, gated.platform.allocationCount]).toEqual(['a', 1]);
    gated.resume();
    expect([gated.taken, gated.platform.allocationCount]).toEqual(['abcd', 1]);
    // Two of eight bytes are left.
    gated.resume();
    expect([gated.taken, gated.platform.allocationCount]).toEqual(['abcdef', 2]);
    expect(gated.platform.allocatedLength).toBe(8 + 2);
    gated.resume();
    expect(gated.taken).toBe('abcdefgh');
  });

  it(
    'leaves in linear time',
    async () => {
      await expectLinear(400_000, async (count) => {
        const gated = new Gated();
        gated.brake.hold(APPLICATION);
        for (let index = 0; index < count; index++) gated.gate.push(Uint8Array.of(0x61));
        gated.resume();
        expect(gated.taken.length).toBe(count);
      });
    },
    LINEAR_TIMEOUT_MS,
  );
});

describe('An exception out of a handler', () => {
  it('fails the connection with WS_INTERNAL, and reaches the caller', () => {
    const gated = new Gated();
    const bug = new Error('in the application');
    gated.react = () => {
      throw bug;
    };
    expect(() => gated.push('abc')).toThrow(bug);
    expect(gated.failures).toMatchObject([{ code: 'WS_INTERNAL', cause: bug }]);
    expect(gated.gate.isBusy).toBe(false);
  });

  it('reaches the one who resumes, too', () => {
    const gated = new Gated();
    const bug = new Error('in the application');
    gated.brake.hold(APPLICATION);
    gated.push('abc');
    gated.react = () => {
      throw bug;
    };
    expect(() => gated.resume()).toThrow(bug);
    expect(gated.failures).toMatchObject([{ code: 'WS_INTERNAL', cause: bug }]);
    expect(gated.gate.isBusy).toBe(false);
  });
});
