/**
 * The brake: the one answer to "may bytes flow in?".
 *
 * Whoever cannot take more holds it, and releases it later; bytes flow while nobody holds it. The
 * transport is paused and resumed from here, and nowhere else. Once what comes has no meaning any
 * more, the brake is shut off: the transport flows, so that its end is noticed, and what it
 * delivers is thrown away.
 */

/** What an object that holds the brake may say of itself. */
export interface BrakeHolder {
  /**
   * Whether it may hold the brake while we wait for the peer's Close. Others are released then:
   * a Close that nobody reads would keep the closing handshake from completing.
   */
  readonly outlastsClose?: boolean;
  /** Whether messages already inside the extensions may still come out. */
  readonly letsOut?: boolean;
}

/** Hears of the brake. */
export interface BrakeListener {
  /** Bytes must stop. */
  onHold(): void;
  /** A holder has released it; others may still hold it. */
  onRelease(): void;
}

/** The application, with `pause()`. */
export const APPLICATION: BrakeHolder = { outlastsClose: false };
/** Extensions with much under way. */
export const EXTENSIONS: BrakeHolder = { outlastsClose: true, letsOut: true };
/** A Close of the peer that waits for the messages before it. */
export const CLOSING: BrakeHolder = { outlastsClose: true, letsOut: true };

export class Brake {
  /** Whoever owns the transport. */
  listener: BrakeListener | undefined;
  #holders: Set<BrakeHolder> | undefined;
  #isClosing = false;
  #isOff = false;

  /** Whether anybody holds it. */
  get isHeld(): boolean {
    return this.#holders !== undefined;
  }

  /** Whether bytes may be taken and delivered now. */
  get mayDeliver(): boolean {
    return this.#holders === undefined && !this.#isOff;
  }

  /** Whether input is discarded. */
  get isOff(): boolean {
    return this.#isOff;
  }

  /** Whether what comes out of the extensions must wait, too. */
  get holdsDelivery(): boolean {
    for (const { letsOut } of this.#holders ?? []) if (letsOut !== true) return true;
    return false;
  }

  isHeldBy(holder: object): boolean {
    return this.#holders?.has(holder) === true;
  }

  hold(holder: object): void {
    if (this.#isOff || (this.#isClosing && !outlastsClose(holder))) return;
    if (this.#holders !== undefined) {
      this.#holders.add(holder);
      return;
    }
    this.#holders = new Set([holder]);
    this.listener?.onHold();
  }

  /** Releases the brake; returns whether the holder held it. */
  release(holder: object): boolean {
    const holders = this.#holders;
    if (holders?.delete(holder) !== true) return false;
    if (holders.size === 0) this.#holders = undefined;
    this.listener?.onRelease();
    return true;
  }

  /** We have begun the closing handshake. Returns whether a holder was released. */
  beginClosing(): boolean {
    this.#isClosing = true;
    let isEased = false;
    for (const holder of this.#holders ?? []) {
      if (!outlastsClose(holder)) isEased = this.release(holder);
    }
    return isEased;
  }

  /** Input no longer matters. */
  shutOff(): void {
    this.#isOff = true;
    if (this.#holders === undefined) return;
    this.#holders = undefined;
    this.listener?.onRelease();
  }
}

function outlastsClose(holder: BrakeHolder): boolean {
  return holder.outlastsClose === true;
}
