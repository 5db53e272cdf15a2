/**
 * Results in the order of their questions, though the answers may come in any order.
 *
 * A large message must not be overtaken by a small one behind it just because the small one is processed sooner. Each
 * message takes a place when its processing starts; a result waits until all before it have come. Answers that come at
 * once, in order, take no place at all.
 */

/** A place in the order; filled once. */
interface Place<Result> {
  isFilled: boolean;
  result: Result | undefined;
}

export class OrderedResults<Result> {
  readonly #deliver: (result: Result) => void;
  readonly #places: Place<Result>[] = [];

  constructor(deliver: (result: Result) => void) {
    this.#deliver = deliver;
  }

  /** How many results are waited for or wait. */
  get size(): number {
    return this.#places.length;
  }

  /**
   * Starts one process and delivers its result in its turn.
   *
   * @param start - is called at once, with the function to give the result to, which counts once
   */
  run(start: (done: (result: Result) => void) => void): void {
    const place: Place<Result> = { isFilled: false, result: undefined };
    this.#places.push(place);
    start((result) => {
      if (place.isFilled) return;
      place.isFilled = true;
      place.result = result;
      this.#release();
    });
  }

  /** Forgets everything: results that still come go nowhere. */
  clear(): void {
    for (const place of this.#places.splice(0)) place.isFilled = true;
  }

  #release(): void {
    while (this.#places[0]?.isFilled === true) {
      const { result } = this.#places.shift()!;
      this.#deliver(result as Result);
    }
  }
}
