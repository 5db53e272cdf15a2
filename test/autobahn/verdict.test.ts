// What an observation comes to: each judgement by itself.
import { describe, expect, it } from 'vitest';
import { selectCases } from '../../autobahn/cases/index.ts';
import { judge, type Observation, overallBehavior } from '../../autobahn/play/verdict.ts';

const asWanted: Observation = {
  events: [],
  match: 'strict',
  fault: null,
  unimplemented: null,
  closeStartedBy: 'suite',
  remoteCloseCode: 1000,
  hasDroppedTcp: false,
  wasReset: false,
};

function verdict(id: string, seen: Partial<Observation>): [events: string, close: string] {
  const [conformanceCase] = selectCases([id]);
  if (conformanceCase === undefined) throw new Error(id);
  const result = judge(conformanceCase, { ...asWanted, ...seen }, 1, []);
  return [result.behavior, result.behaviorClose];
}

describe('the verdict on a case that the suite closes', () => {
  it.each([
    [{}, ['OK', 'OK']],
    [{ match: 'non-strict' }, ['NON-STRICT', 'OK']],
    [{ match: null }, ['FAILED', 'OK']],
    [{ fault: 'a wrong echo' }, ['FAILED', 'OK']],
    [{ unimplemented: 'no extension' }, ['UNIMPLEMENTED', 'OK']],
    [{ remoteCloseCode: 1001 }, ['OK', 'WRONG CODE']],
    [{ remoteCloseCode: null }, ['OK', 'WRONG CODE']],
    [{ remoteCloseCode: undefined }, ['OK', 'UNCLEAN']],
    [{ wasReset: true }, ['OK', 'UNCLEAN']],
    [{ hasDroppedTcp: true }, ['OK', 'FAILED BY CLIENT']],
    [{ closeStartedBy: 'peer' }, ['OK', 'FAILED']],
    [{ closeStartedBy: null }, ['OK', 'FAILED']],
  ] as const)('%j', (seen, expected) => {
    expect(verdict('1.1.1', seen)).toEqual(expected);
  });
});

describe('the verdict on a case that the peer has to fail', () => {
  it.each([
    [{ closeStartedBy: 'peer', remoteCloseCode: 1002 }, ['OK', 'OK']],
    [{ closeStartedBy: 'peer', remoteCloseCode: 1007 }, ['OK', 'WRONG CODE']],
    [{ closeStartedBy: 'peer', remoteCloseCode: undefined }, ['OK', 'UNCLEAN']],
    [{ closeStartedBy: 'suite', remoteCloseCode: 1002 }, ['OK', 'FAILED']],
  ] as const)('%j', (seen, expected) => {
    expect(verdict('3.1', seen)).toEqual(expected);
  });
});

describe('the verdict on a case that the specification leaves open', () => {
  it('is INFORMATIONAL whatever the peer does, but for a broken rule or no answer', () => {
    expect(verdict('7.13.1', { remoteCloseCode: undefined })).toEqual([
      'INFORMATIONAL',
      'INFORMATIONAL',
    ]);
    expect(verdict('7.13.1', { fault: 'not over in time' })).toEqual(['FAILED', 'OK']);
  });
});

describe('one word for both judgements', () => {
  it('is the first that is not OK', () => {
    const word = (behavior: 'OK' | 'NON-STRICT', behaviorClose: 'OK' | 'UNCLEAN'): string =>
      overallBehavior({ behavior, behaviorClose });
    expect(word('OK', 'OK')).toBe('OK');
    expect(word('OK', 'UNCLEAN')).toBe('UNCLEAN');
    expect(word('NON-STRICT', 'UNCLEAN')).toBe('NON-STRICT');
  });
});
