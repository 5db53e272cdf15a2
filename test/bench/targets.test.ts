import { describe, expect, it } from 'vitest';
import type { NodeResult, Verdict } from '../../bench/types.d.ts';
import { peerOf, rowOf, targets } from '../support/bench.ts';

const { judge, judgeNodes } = targets;

/** The rounds of a row in which Sanswire takes so much of what the floor and ws take. */
function echoPeers(ratio: number) {
  return [
    peerOf('floor', [10, 20]),
    peerOf('ws', [10, 20]),
    peerOf('sanswire', [ratio * 10, ratio * 20]),
  ];
}

/** What a verdict says, without its target. */
function sayings(verdicts: readonly Verdict[]) {
  return verdicts.map(({ label, outcome }) => `${label}: ${outcome}`);
}

describe('Targets', () => {
  it('pass up to the bound and miss over it, each against its own peer', () => {
    const verdicts = judge([rowOf('echo-16-text', echoPeers(0.8))]);
    expect(sayings(verdicts)).toEqual([
      '0.65 of ws: miss',
      '1 of floor: pass',
      '1.1 of sanswire (sanswire-ws): not measured',
    ]);
    expect(verdicts[0]?.actual).toBe(0.8);
  });

  it('get no verdict on a disturbed row', () => {
    const [first] = judge([rowOf('echo-16-text', echoPeers(0.1), ['busy'])]);
    expect(first).toMatchObject({ outcome: 'disturbed', actual: 0.1 });
  });

  it('are not measured without the other peer, disturbed or not', () => {
    const row = rowOf('echo-4k-binary', [peerOf('sanswire', [1])], ['busy']);
    expect(new Set(judge([row]).map(({ outcome }) => outcome))).toEqual(new Set(['not measured']));
  });

  it('of rows that the run left out are left out', () => {
    expect(judge([])).toEqual([]);
  });

  it('compare bytes, memory and plain bounds as well as CPU', () => {
    const own = peerOf('sanswire', [1], { wire: 103 });
    const chat = rowOf('deflate-1k-chat', [peerOf('ws', [10], { wire: 100 }), own]);
    expect(sayings(judge([chat]))).toEqual(['0.35 of ws: pass', '1.05 of the bytes of ws: pass']);
    const idle = rowOf('idle-deflate', [peerOf('sanswire', [], {})]);
    expect(sayings(judge([idle]))).toEqual(['14 KB a connection: not measured']);
    const measured = { ...peerOf('sanswire', [1], { memory: 15_000 }) };
    expect(sayings(judge([rowOf('idle-deflate', [measured])]))).toEqual([
      '14 KB a connection: miss',
    ]);
  });

  it('of sanswire/ws are about that face alone', () => {
    const peers = [peerOf('ws', [10]), peerOf('sanswire', [8]), peerOf('sanswire-ws', [9.5])];
    expect(sayings(judge([rowOf('handshake', peers)]))).toEqual([
      '0.85 of ws: pass',
      '0.9 of ws (sanswire-ws): miss',
    ]);
  });
});

describe('Targets between versions of Node', () => {
  const node = (version: string, ratio: number, reasons: string[] = []): NodeResult => ({
    version,
    workloads: [rowOf('echo-16-text', echoPeers(ratio), reasons)],
  });

  it('let a later Node be worse than Node 20 by 0.1', () => {
    const verdicts = judgeNodes([
      node('v20.19.0', 0.5),
      node('v24.1.0', 0.59),
      node('v26.0.0', 0.61),
    ]);
    expect(sayings(verdicts)).toEqual([
      '0.60 of ws on Node 24: pass',
      '0.60 of ws on Node 26: miss',
      '0.60 of floor on Node 24: pass',
      '0.60 of floor on Node 26: miss',
    ]);
  });

  it('get no verdict when the row was disturbed on either', () => {
    const disturbed = [
      [node('v20.19.0', 0.5, ['busy']), node('v24.1.0', 0.5)],
      [node('v20.19.0', 0.5), node('v24.1.0', 0.5, ['busy'])],
    ];
    for (const nodes of disturbed) {
      expect(judgeNodes(nodes).map(({ outcome }) => outcome)).toEqual(['disturbed', 'disturbed']);
    }
  });

  it('want Node 20, and say nothing of Node 22', () => {
    expect(judgeNodes([node('v22.0.0', 0.5), node('v24.1.0', 0.9)])).toEqual([]);
    expect(judgeNodes([node('v20.19.0', 0.5), node('v22.0.0', 0.9)])).toEqual([]);
  });
});
