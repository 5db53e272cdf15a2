/**
 * The log: what was sent, received, and what happened, newest first.
 *
 * Entries are added once per frame of the screen, and old ones are removed: a thousand messages a
 * second cost no more than the eye can follow.
 */

import { formatBytes, formatMs, formatPreview, formatTime, lengthOf } from './format.js';

/** The most entries that are shown. */
const MAX_ENTRIES = 200;

const LABELS = { sent: '↑ sent', received: '↓ received', event: '• event' };

export class Log {
  #list;
  #empty;
  #announcement;
  #waiting = [];

  /**
   * @param list - the list to fill
   * @param empty - what is shown while it is empty
   * @param announcement - where a screen reader hears the latest entry
   */
  constructor(list, empty, announcement) {
    this.#list = list;
    this.#empty = empty;
    this.#announcement = announcement;
  }

  /** Adds a message. `note` says more about it, such as its round-trip time. */
  addMessage(direction, data, note = {}) {
    this.#add({ direction, data, ...note });
  }

  /** Adds something that happened, in words. */
  addEvent(text) {
    this.#add({ direction: 'event', text });
  }

  clear() {
    this.#waiting.length = 0;
    this.#list.replaceChildren();
    this.#empty.hidden = false;
  }

  #add(entry) {
    if (this.#waiting.length === 0) requestAnimationFrame(() => this.#show());
    this.#waiting.push({ ...entry, date: new Date() });
    // A page in the background draws no frames: it keeps what it would show.
    if (this.#waiting.length > MAX_ENTRIES) this.#waiting.shift();
  }

  #show() {
    if (this.#waiting.length === 0) return;
    const rows = this.#waiting.splice(0).map(buildRow).reverse();
    this.#list.prepend(...rows);
    while (this.#list.childElementCount > MAX_ENTRIES) this.#list.lastElementChild.remove();
    this.#empty.hidden = true;
    this.#announcement.textContent = rows[0].dataset.summary;
  }
}

function buildRow(entry) {
  const row = document.createElement('li');
  row.className = `entry ${entry.direction}`;
  row.append(
    build('time', 'entry-time', formatTime(entry.date, true)),
    build('span', 'direction', LABELS[entry.direction]),
  );
  if (entry.direction === 'event') {
    row.dataset.summary = entry.text;
    row.append(build('span', 'preview', entry.text));
    return row;
  }
  const kind = typeof entry.data === 'string' ? 'text' : 'binary';
  const size = formatBytes(lengthOf(entry.data));
  const trip = entry.time === undefined ? '' : formatMs(entry.time);
  const isWrong = entry.isSame === false;
  row.dataset.summary = `${entry.direction} ${kind}, ${size} ${trip}`;
  row.append(
    build('code', 'preview', formatPreview(entry.data)),
    build('span', 'kind', kind),
    build('span', 'size', size),
    build('span', isWrong ? 'trip wrong' : 'trip', isWrong ? 'not as sent' : trip),
  );
  return row;
}

function build(tag, className, text) {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}
