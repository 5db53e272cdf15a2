/**
 * Numbers as people read them: the same in the terminal, in the charts and in the tables of
 * docs/performance.md.
 */

/** @param {number} value */
function threeDigits(value) {
  if (value >= 100) return Math.round(value).toLocaleString('en-US');
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** @param {number} microseconds */
export function formatMicroseconds(microseconds) {
  if (microseconds < 1) return `${threeDigits(microseconds * 1000)} ns`;
  if (microseconds < 10_000) return `${threeDigits(microseconds)} µs`;
  return `${threeDigits(microseconds / 1000)} ms`;
}

/** @param {number} bytes - decimal units, as FACTS and targets count */
export function formatBytes(bytes) {
  if (Math.abs(bytes) < 1e6) return `${threeDigits(bytes / 1e3)} KB`;
  return `${threeDigits(bytes / 1e6)} MB`;
}

/** @param {number | undefined} ratio */
export function formatRatio(ratio) {
  if (ratio === undefined) return '-';
  return ratio < 0.1 ? `1/${threeDigits(1 / ratio)}` : ratio.toFixed(2);
}

/**
 * The name of a peer for readers.
 *
 * @param {string} peer
 */
export function formatPeer(peer) {
  return peer === 'floor-shared' ? 'floor, shared buffer' : peer;
}

/** @param {number} perSecond */
export function formatRate(perSecond) {
  return Math.round(perSecond).toLocaleString('en-US');
}

/** @param {number | undefined} share */
export function formatShare(share) {
  return share === undefined ? '-' : `${Math.round(share * 100)} %`;
}

/**
 * @param {import('../types.d.ts').Metric} metric
 * @param {number | undefined} value
 */
export function formatMetric(metric, value) {
  if (value === undefined || Number.isNaN(value)) return '-';
  return metric === 'cpu' ? formatMicroseconds(value) : formatBytes(value);
}

/** @param {import('../types.d.ts').Verdict} verdict */
export function formatActual({ against, value, actual }) {
  if (actual === undefined) return '-';
  if (against !== 'absolute') return formatRatio(actual);
  return value === 'loopDelayP99' ? `${actual.toFixed(1)} ms` : formatBytes(actual);
}
