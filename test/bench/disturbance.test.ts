import { describe, expect, it } from 'vitest';
import { disturbance, peerOf, rowOf } from '../support/bench.ts';

const { describeDisturbance, measureUndisturbed, parseCoreTimes, shareOfOthers } = disturbance;

describe('What others took of a core', () => {
  it('is read from /proc/stat, in ticks of 1/100 s', () => {
    const text = [
      'cpu  3000 100 400 5000 100 50 150 200 0 0',
      'cpu0 1000 100 200 2500 50 20 80 100 0 0',
      'intr 31059183 0 0',
    ].join('\n');
    const cores = parseCoreTimes(text);
    expect([...cores.keys()]).toEqual(['cpu', 'cpu0']);
    expect(cores.get('cpu0')).toEqual({ busy: 14, steal: 1, total: 40.5 });
  });

  it('is what the core was busy with besides the process that belongs there', () => {
    const before = { busy: 10, steal: 1, total: 20 };
    const after = { busy: 18, steal: 1.5, total: 30 };
    expect(shareOfOthers(before, after, 6)).toEqual({ others: 0.2, steal: 0.05 });
  });

  it('is nothing where ticks count less than the process itself did', () => {
    const before = { busy: 0, steal: 0, total: 0 };
    expect(shareOfOthers(before, { busy: 9, steal: 0, total: 10 }, 9.3).others).toBe(0);
  });

  it('is unknown where the kernel does not tell', () => {
    expect(parseCoreTimes('').size).toBe(0);
    expect(shareOfOthers(undefined, undefined, 1)).toEqual({});
  });
});

describe('A row of the benchmark', () => {
  const calm = { others: 0.05, steal: 0 };

  it('is undisturbed when its windows and its rounds are', () => {
    const peers = [peerOf('floor', [10, 11, 10], calm), peerOf('sanswire', [5, 5, 6], calm)];
    expect(describeDisturbance(peers, { metric: 'cpu' })).toMatchObject({
      windows: 0,
      reasons: [],
    });
  });

  it.each([
    { others: 0.4, steal: 0 },
    { others: 0, steal: 0.1 },
  ])('is disturbed when others took too much in over a quarter of the windows: %o', (busy) => {
    const quiet = peerOf('floor', [10, 10, 10], calm);
    const one = peerOf('ws', [10], busy);
    expect(describeDisturbance([quiet, one], { metric: 'cpu' }).reasons).toEqual([]);
    const two = peerOf('ws', [10, 10], busy);
    expect(describeDisturbance([quiet, two], { metric: 'cpu' }).reasons).toEqual([
      'others took part of a core in 40 % of the windows',
    ]);
  });

  it('is disturbed when the rounds of the floor or of ws differ too much', () => {
    const peers = [peerOf('floor', [10, 10, 10], calm), peerOf('ws', [5, 10, 15], calm)];
    const { reasons, spread } = describeDisturbance(peers, { metric: 'cpu' });
    expect(spread).toBe(0.5);
    expect(reasons).toEqual(['the rounds of ws differ by 50 %']);
  });

  it('is not disturbed by uneven rounds of Sanswire itself, which may be a miss', () => {
    const peers = [peerOf('sanswire', [5, 10, 15], calm), peerOf('ws', [10, 10, 10], calm)];
    expect(describeDisturbance(peers, { metric: 'cpu' }).reasons).toEqual([]);
  });

  it('is not disturbed by uneven rounds that had processes of their own', () => {
    const peers = [peerOf('floor', [10, 10, 10], calm), peerOf('ws', [5, 10, 15], calm)];
    expect(describeDisturbance(peers, { metric: 'cpu', afresh: true }).reasons).toEqual([]);
  });

  it('of memory does not mind who else had the core', () => {
    const peers = [peerOf('ws', [1], { memory: 5000, others: 0.9 })];
    expect(describeDisturbance(peers, { metric: 'memory' }).reasons).toEqual([]);
  });

  it('is undisturbed where nothing is known or measured', () => {
    expect(describeDisturbance([peerOf('ws', [1, 1])], { metric: 'cpu' }).reasons).toEqual([]);
    expect(describeDisturbance([peerOf('ws', [])], { metric: 'cpu' }).reasons).toEqual([]);
  });
});

describe('Measuring a row', () => {
  /** Gives one result after the other, by the share of windows that are disturbed. */
  function resultsOf(...windows: number[]) {
    const left = windows.map((share) => rowOf('echo', [], share > 0 ? ['busy'] : [], share));
    return { left, measure: async () => left.shift() ?? rowOf('echo', [], ['none left'], 9) };
  }

  it('ends with the first result that is undisturbed', async () => {
    const { left, measure } = resultsOf(0.5, 0, 0);
    const result = await measureUndisturbed(measure, 2, () => true);
    expect(result.disturbance).toMatchObject({ windows: 0, reasons: [], repeats: 1 });
    expect(left).toHaveLength(1);
  });

  it('gives the least disturbed result after the last repeat', async () => {
    const { measure } = resultsOf(0.9, 0.4, 0.7);
    const result = await measureUndisturbed(measure, 2, () => true);
    expect(result.disturbance).toMatchObject({ windows: 0.4, reasons: ['busy'], repeats: 2 });
  });

  it('repeats nothing once it may not', async () => {
    const { left, measure } = resultsOf(0.9, 0);
    const result = await measureUndisturbed(measure, 2, () => false);
    expect(result.disturbance).toMatchObject({ windows: 0.9, repeats: 0 });
    expect(left).toHaveLength(1);
  });
});
