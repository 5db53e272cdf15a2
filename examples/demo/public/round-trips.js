/**
 * Round-trip times: messages that wait for their echo, the figures, and the chart.
 *
 * The server answers each message with one message, in order: a reply belongs to the oldest message
 * without one.
 */

/** The number of times that the median is of. */
const KEPT_TIMES = 1000;
/** The number of times in the chart, and its size: the viewBox of the SVG. */
const CHART_TIMES = 60;
const CHART_WIDTH = 240;
const CHART_HEIGHT = 48;
const CHART_MARGIN = 3;

export class RoundTrips {
  #pending = [];
  #times = [];
  #count = 0;
  #minimum;

  /** A message is being sent. */
  sent(data) {
    this.#pending.push({ data, start: performance.now() });
  }

  /**
   * A reply has come.
   *
   * @returns what was sent and the time it took; undefined for a message that is not a reply
   */
  received() {
    const message = this.#pending.shift();
    if (message === undefined) return undefined;
    const time = performance.now() - message.start;
    this.#times.push(time);
    if (this.#times.length > KEPT_TIMES) this.#times.shift();
    this.#count += 1;
    this.#minimum = Math.min(time, this.#minimum ?? time);
    return { data: message.data, time };
  }

  /** Forgets what was sent: no reply can come any more. */
  abandon() {
    this.#pending.length = 0;
  }

  get count() {
    return this.#count;
  }

  get last() {
    return this.#times.at(-1);
  }

  get minimum() {
    return this.#minimum;
  }

  get median() {
    if (this.#times.length === 0) return undefined;
    const sorted = this.#times.toSorted((one, other) => one - other);
    const middle = sorted.length >> 1;
    return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }

  /** The points of a line through the last times: newest on the right, zero at the bottom. */
  get chartPoints() {
    const times = this.#times.slice(-CHART_TIMES);
    const highest = Math.max(...times);
    const step = CHART_WIDTH / (CHART_TIMES - 1);
    return times
      .map((time, index) => {
        const x = CHART_WIDTH - (times.length - 1 - index) * step;
        const room = CHART_HEIGHT - 2 * CHART_MARGIN;
        const y = CHART_HEIGHT - CHART_MARGIN - (time / highest) * room;
        return `${x.toFixed(1)},${y.toFixed(1)}`;
      })
      .join(' ');
  }
}
