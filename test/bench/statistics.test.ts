import { describe, expect, it } from 'vitest';
import { statistics } from '../support/bench.ts';

const { median, medianSample, pairedRatio, relativeSpread } = statistics;

describe('The statistics of the benchmark', () => {
  it('take the middle of the sorted values, or the mean of the two in the middle', () => {
    expect(median([30, 2, 10])).toBe(10);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([])).toBeNaN();
  });

  it('take the spread around the median, which one outlier does not widen', () => {
    expect(relativeSpread([10, 10, 10])).toBe(0);
    expect(relativeSpread([8, 10, 12])).toBe(0.2);
    expect(relativeSpread([10, 10, 10, 10, 1000])).toBe(0);
  });

  it('take the median of each field apart', () => {
    const samples = [
      { cpu: 1, rss: 30 },
      { cpu: 3, rss: 10 },
      { cpu: 2, rss: 20, wire: 7 },
    ];
    expect(medianSample(samples)).toEqual({ cpu: 2, rss: 20, wire: 7 });
  });

  it('divide round by round, so that a slow round falls on both sides', () => {
    const own = [{ cpu: 1 }, { cpu: 10 }, { cpu: 2 }];
    const others = [{ cpu: 2 }, { cpu: 20 }, { cpu: 2 }];
    expect(pairedRatio(own, others, 'cpu')).toBe(0.5);
  });

  it('have no ratio without a round that both sides measured', () => {
    expect(pairedRatio([{ cpu: 1 }], undefined, 'cpu')).toBeUndefined();
    expect(pairedRatio([{ cpu: 1 }], [], 'cpu')).toBeUndefined();
    expect(pairedRatio([{ cpu: 1 }], [{ cpu: 0 }], 'cpu')).toBeUndefined();
    expect(pairedRatio([{ cpu: 1 }], [{ memory: 1 }], 'cpu')).toBeUndefined();
  });
});
