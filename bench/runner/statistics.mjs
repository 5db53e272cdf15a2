/** Medians, spreads and paired ratios: what a run makes of its rounds. */

/** @param {number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/**
 * Gives the median distance from the median, as a share of it: how far rounds differ. One outlier
 * does not widen it.
 *
 * @param {number[]} values
 */
export function relativeSpread(values) {
  const middle = median(values);
  return median(values.map((value) => Math.abs(value - middle))) / middle;
}

/**
 * Takes the median of each field apart.
 *
 * @param {import('../types.d.ts').Sample[]} samples
 * @returns {import('../types.d.ts').Sample}
 */
export function medianSample(samples) {
  /** @type {Record<string, number>} */
  const result = {};
  for (const field of new Set(samples.flatMap((sample) => Object.keys(sample)))) {
    const key = /** @type {keyof import('../types.d.ts').Sample} */ (field);
    result[field] = median(samples.flatMap((sample) => sample[key] ?? []));
  }
  return result;
}

/**
 * Gives the median of the ratios round by round: both peers of a pair ran within seconds of each
 * other, so what slows the whole machine cancels out.
 *
 * @param {import('../types.d.ts').Sample[]} samples
 * @param {import('../types.d.ts').Sample[] | undefined} others
 * @param {keyof import('../types.d.ts').Sample} metric
 */
export function pairedRatio(samples, others, metric) {
  if (others === undefined) return undefined;
  const ratios = samples.flatMap((sample, round) => {
    const value = sample[metric];
    const base = others[round]?.[metric];
    return value === undefined || base === undefined || base <= 0 ? [] : value / base;
  });
  return ratios.length === 0 ? undefined : median(ratios);
}
