/**
 * The server's clock: an EventSource, which reconnects by itself.
 */

import { formatTime } from './format.js';
import { pulse } from './wire.js';

const STATES = ['Connecting', 'Open', 'Closed'];

/** Listens to the clock and shows it. */
export function showClock({ clock, detail, state, wire }) {
  const source = new EventSource('/clock');
  let ticks = 0;

  const showState = () => {
    state.textContent = STATES[source.readyState];
    state.dataset.state = wire.dataset.state = STATES[source.readyState].toLowerCase();
  };

  source.addEventListener('tick', (event) => {
    const { now } = JSON.parse(event.data);
    ticks += 1;
    const date = new Date(now);
    clock.textContent = formatTime(date);
    clock.dateTime = date.toISOString();
    clock.dataset.ticks = String(ticks);
    detail.textContent = `${ticks} ${ticks === 1 ? 'tick' : 'ticks'} pushed`;
    pulse(wire, 'received');
  });
  source.addEventListener('open', showState);
  source.addEventListener('error', showState);
  showState();
}
