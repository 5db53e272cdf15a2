/**
 * How quantities and data are written on the page.
 */

const UNITS = ['KiB', 'MiB', 'GiB'];
const UNIT_STEP = 1024;

/** How much of a message the log shows: characters of text, bytes of binary. */
const PREVIEW_CHARACTERS = 160;
const PREVIEW_BYTES = 16;

/** Writes a length in bytes. */
export function formatBytes(length) {
  if (length < UNIT_STEP) return `${length} B`;
  let value = length;
  let unit = -1;
  while (value >= UNIT_STEP && unit < UNITS.length - 1) {
    value /= UNIT_STEP;
    unit += 1;
  }
  return `${Number(value.toFixed(1))} ${UNITS[unit]}`;
}

/** Writes a duration in milliseconds, with about three digits. */
export function formatMs(duration) {
  if (duration === undefined) return '–';
  const digits = duration < 10 ? 2 : duration < 100 ? 1 : 0;
  return `${duration.toFixed(digits)} ms`;
}

/** Writes the time of day. */
export function formatTime(date, hasFractions = false) {
  const two = (value) => String(value).padStart(2, '0');
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return hasFractions ? `${time}.${String(date.getMilliseconds()).padStart(3, '0')}` : time;
}

/** Shows the beginning of a message: text as it is, bytes in hexadecimal. */
export function formatPreview(data) {
  if (typeof data === 'string') {
    const isLong = data.length > PREVIEW_CHARACTERS;
    return isLong ? `${data.slice(0, PREVIEW_CHARACTERS)}…` : data;
  }
  const bytes = new Uint8Array(data, 0, Math.min(data.byteLength, PREVIEW_BYTES));
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return data.byteLength > PREVIEW_BYTES ? `${hex} …` : hex;
}

/** The length of a message in bytes, as it travels. */
export function lengthOf(data) {
  return typeof data === 'string' ? new TextEncoder().encode(data).length : data.byteLength;
}
