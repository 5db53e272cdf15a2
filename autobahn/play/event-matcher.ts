// Compares the event log of a case with the wanted ones, event by event.
//
// As soon as the log cannot become one of them any more, the case is lost and its player can stop.
import { bytesOf, type ConformanceCase, type WantedEvent } from '../cases/case.ts';
import { previewOctets } from '../wire/wire-log.ts';

/** States one thing that happened in a case. */
export type SeenEvent =
  | { readonly type: 'text' | 'binary' | 'ping' | 'pong'; readonly payload: Buffer }
  | { readonly type: 'pause' }
  | { readonly type: 'echoes'; readonly count: number };

/** Puts an event into words. */
export function describeEvent(event: SeenEvent | WantedEvent): string {
  if (event.type === 'pause') return 'a pause passed';
  if (event.type === 'echoes') return `${event.count} right echoes`;
  const { payload } = event;
  const preview = payload instanceof Uint8Array ? previewOctets(payload) : '';
  return `${event.type} of ${payload.length} octets ${preview}`.trimEnd();
}

function isEqual(seen: SeenEvent, wanted: WantedEvent | undefined): boolean {
  if (wanted === undefined || seen.type !== wanted.type) return false;
  if (seen.type === 'echoes') return wanted.type === 'echoes' && seen.count === wanted.count;
  if (seen.type === 'pause' || !('payload' in wanted)) return true;
  return (
    seen.payload.length === wanted.payload.length && seen.payload.equals(bytesOf(wanted.payload))
  );
}

/** Follows the event log of one case. */
export class EventMatcher {
  readonly #strict: readonly WantedEvent[];
  readonly #nonStrict: readonly WantedEvent[] | null;
  readonly #described: string[] = [];
  #isStrictAlive = true;
  #isNonStrictAlive: boolean;

  constructor({ wanted }: ConformanceCase) {
    this.#strict = wanted.strict;
    this.#nonStrict = wanted.nonStrict ?? null;
    this.#isNonStrictAlive = this.#nonStrict !== null;
  }

  /** Adds an event and tells whether a wanted log is still possible. */
  add(event: SeenEvent): boolean {
    const index = this.#described.length;
    this.#described.push(describeEvent(event));
    this.#isStrictAlive &&= isEqual(event, this.#strict[index]);
    this.#isNonStrictAlive &&= isEqual(event, this.#nonStrict?.[index]);
    return this.#isStrictAlive || this.#isNonStrictAlive;
  }

  /** The events so far, in words. */
  get described(): readonly string[] {
    return this.#described;
  }

  /** Which wanted log the events so far equal. */
  get match(): 'strict' | 'non-strict' | null {
    const count = this.#described.length;
    if (this.#isStrictAlive && count === this.#strict.length) return 'strict';
    if (this.#isNonStrictAlive && count === this.#nonStrict?.length) return 'non-strict';
    return null;
  }
}
