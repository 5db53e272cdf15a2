/**
 * Pushes the server's time to every listener: an EventSource each, and one timer for all.
 */

import { EventSource } from 'sanswire';
import { sendText } from './pages.mjs';

const SECOND_MS = 1000;

export class Clock {
  #sources = new Set();
  #ticks = 0;
  #timer;

  /** Answers a request with the time, now and at each full second. */
  subscribe(request, response) {
    if (!EventSource.isEventSource(request)) {
      sendText(response, 406, 'The clock is an event stream: accept text/event-stream.');
      return;
    }
    // A client that loses the connection tries again after 2 seconds.
    const source = new EventSource(request, response, {
      headers: { 'X-Content-Type-Options': 'nosniff' },
      retry: 2,
    });
    this.#sources.add(source);
    source.on('close', () => this.#remove(source));
    this.#tell(source);
    if (this.#timer === undefined) this.#schedule();
  }

  /** Closes all streams. */
  stop() {
    for (const source of this.#sources) source.close();
  }

  #remove(source) {
    this.#sources.delete(source);
    if (this.#sources.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #schedule() {
    // A new timer for each full second: an interval would drift.
    this.#timer = setTimeout(
      () => {
        this.#schedule();
        this.#ticks += 1;
        for (const source of this.#sources) this.#tell(source);
      },
      SECOND_MS - (Date.now() % SECOND_MS),
    );
  }

  #tell(source) {
    source.send(JSON.stringify({ now: Date.now() }), { event: 'tick', id: this.#ticks });
  }
}
