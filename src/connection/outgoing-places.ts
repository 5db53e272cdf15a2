/**
 * What waits in the outgoing order: a place for each call, first in, first out, and ahead of them
 * pieces of the message whose turn it is. Its cost does not depend on how much waits.
 */

import type { WriteCallback } from '../calls.ts';
import { Queue } from '../queue.ts';

/** Sends a message in pieces. */
export interface TurnTaker {
  /** The turn has come. */
  takeTurn(): void;
  /** The turn will never come, or is taken away. */
  refuseTurn(error: Error): void;
}

/** A place in the order. */
export interface Place {
  /** The payload bytes that wait. */
  readonly length: number;
  readonly callback: WriteCallback | undefined;
  /** Whether messages inside the encoder must have left before. */
  readonly needsIdle?: boolean;
  /** Whether its request was taken back. */
  isEmpty?: boolean;
  /** The turn has come. */
  run(): unknown;
  /** It will never come. */
  drop?(error: Error): void;
}

/** From this many places on, those that are empty are forgotten. */
const FORGET_MIN = 64;

export class OutgoingPlaces {
  /** The payload bytes that wait. */
  waitingLength = 0;
  readonly #places: Queue<Place> = new Queue();
  /** Pieces of the one whose turn it is, which wait for the encoder. */
  readonly #pieces: Queue<Place> = new Queue();
  readonly #requests: Map<TurnTaker, Place> = new Map();
  /** How many places are empty, at most. */
  #emptyCount = 0;

  get isEmpty(): boolean {
    return this.#places.length === 0;
  }

  push(place: Place): void {
    this.#places.push(place);
    this.waitingLength += place.length;
  }

  pushPiece(piece: Place): void {
    this.#pieces.push(piece);
    this.waitingLength += piece.length;
  }

  /** Keeps a place for a turn. */
  pushRequest(taker: TurnTaker, takeTurn: () => void): void {
    const run = (): void => {
      this.#requests.delete(taker);
      takeTurn();
    };
    const drop = (error: Error): void => taker.refuseTurn(error);
    const place: Place = { length: 0, callback: undefined, run, drop };
    this.#requests.set(taker, place);
    this.push(place);
  }

  /** Empties the place of a request, and forgets such places when they are most of the queue. */
  takeBack(taker: TurnTaker): void {
    const place = this.#requests.get(taker);
    if (place === undefined) return;
    this.#requests.delete(taker);
    place.isEmpty = true;
    if (++this.#emptyCount < FORGET_MIN || this.#emptyCount * 2 < this.#places.length) return;
    this.#emptyCount = 0;
    for (const one of this.#places.takeAll()) {
      if (one.isEmpty !== true) this.#places.push(one);
    }
  }

  /**
   * Takes what is next.
   *
   * @param isTurnTaken - whether only pieces may leave
   * @param isBusy - whether messages are inside the encoder
   */
  take(isTurnTaken: boolean, isBusy: boolean): Place | undefined {
    const next = this.#pieces.take() ?? (isTurnTaken ? undefined : this.#takePlace(isBusy));
    if (next !== undefined) this.waitingLength -= next.length;
    return next;
  }

  /** Takes all that waits, in order. */
  takeAll(): Place[] {
    this.waitingLength = 0;
    this.#requests.clear();
    const all = [...this.#pieces.takeAll(), ...this.#places.takeAll()];
    return all.filter(({ isEmpty }) => isEmpty !== true);
  }

  #takePlace(isBusy: boolean): Place | undefined {
    for (let place = this.#places.first; place !== undefined; place = this.#places.first) {
      if (place.needsIdle === true && isBusy) return undefined;
      this.#places.take();
      if (place.isEmpty !== true) return place;
    }
    return undefined;
  }
}
