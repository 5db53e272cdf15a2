/**
 * An application that uses its memory again as soon as it may: payloads that are told apart by
 * their bytes, and that are overwritten when the test says so.
 */

/** A byte that no payload has. */
const OVERWRITTEN = 0x21;
const FIRST_BYTE = 0x61;

/** A payload to send, and what overwrites it. */
export interface Lent {
  readonly bytes: Buffer;
  readonly reuse: () => void;
}

export class ReusedBuffers {
  readonly #lengths: number[] = [];
  /** How many payloads have been overwritten. */
  reuseCount = 0;

  get totalLength(): number {
    return this.#lengths.reduce((sum, length) => sum + length, 0);
  }

  get count(): number {
    return this.#lengths.length;
  }

  /** Makes the next payload. */
  next(length: number): Lent {
    // An ArrayBuffer of its own: what is checked is this payload's memory and no pool's.
    const bytes = Buffer.from(new ArrayBuffer(length)).fill(FIRST_BYTE + this.#lengths.length);
    this.#lengths.push(length);
    const reuse = (): void => {
      this.reuseCount++;
      bytes.fill(OVERWRITTEN);
    };
    return { bytes, reuse };
  }

  /**
   * Returns the lengths of the payloads that did not arrive as they were at the call; they arrive
   * joined, in order.
   */
  damagedLengths(arrived: Buffer): number[] {
    let offset = 0;
    return this.#lengths.filter((length, index) => {
      const payload = arrived.subarray(offset, offset + length);
      offset += length;
      return payload.length !== length || !payload.every((byte) => byte === FIRST_BYTE + index);
    });
  }
}
