// What an observation comes to: each judgement by itself.
import { describe, expect, it } from 'vitest';
import { selectCases } from '../../autobahn/cases/index.ts';
import { judge, type Observation, overallBehavior } from '../../autobahn/play/verdict.ts';

const asWanted: Observation = {
  suiteRole: 'client',
  timeUpAfterMs: null,
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
    [{ hasDroppedTcp: true }, ['OK', 'UNCLEAN']],
    [{ hasDroppedTcp: true, remoteCloseCode: 1001 }, ['OK', 'UNCLEAN']],
    [{ hasDroppedTcp: true, suiteRole: 'server' }, ['OK', 'OK']],
    [{ closeStartedBy: 'peer' }, ['OK', 'FAILED']],
    [{ closeStartedBy: null, hasDroppedTcp: true }, ['OK', 'FAILED']],
  ] as const)('%j', (seen, expected) => {
    expect(verdict('1.1.1', seen)).toEqual(expected);
  });
});

describe('the verdict on a case that the peer has to fail', () => {
  const never = { closeStartedBy: null, remoteCloseCode: undefined, hasDroppedTcp: true } as const;

  it.each([
    [{ closeStartedBy: 'peer', remoteCloseCode: 1002 }, ['OK', 'OK']],
    [{ closeStartedBy: 'peer', remoteCloseCode: 1007 }, ['OK', 'WRONG CODE']],
    [{ closeStartedBy: 'peer', remoteCloseCode: undefined }, ['OK', 'UNCLEAN']],
    [{ closeStartedBy: 'suite', remoteCloseCode: 1002 }, ['OK', 'FAILED']],
    [
      { closeStartedBy: 'peer', remoteCloseCode: 1002, hasDroppedTcp: true },
      ['OK', 'FAILED BY CLIENT'],
    ],
    [{ closeStartedBy: 'peer', remoteCloseCode: 1007, hasDroppedTcp: true }, ['OK', 'WRONG CODE']],
    [never, ['OK', 'FAILED BY CLIENT']],
    [{ ...never, suiteRole: 'server' }, ['OK', 'FAILED']],
  ] as const)('%j', (seen, expected) => {
    expect(verdict('3.1', seen)).toEqual(expected);
  });
});

describe('the verdict on a case of section 7, which is about the code', () => {
  it.each([
    ['7.1.1', { remoteCloseCode: 1001 }, ['FAILED', 'WRONG CODE']],
    ['7.1.5', { remoteCloseCode: 1001 }, ['FAILED', 'WRONG CODE']],
    ['7.3.1', { remoteCloseCode: null }, ['OK', 'OK']],
    ['7.3.2', { remoteCloseCode: 1000 }, ['FAILED', 'WRONG CODE']],
    ['7.5.1', { remoteCloseCode: 1007 }, ['OK', 'OK']],
    ['7.7.2', { remoteCloseCode: 1002 }, ['FAILED', 'WRONG CODE']],
    ['7.9.1', { remoteCloseCode: 1000 }, ['FAILED', 'WRONG CODE']],
    ['7.9.1', { remoteCloseCode: undefined, hasDroppedTcp: true }, ['OK', 'FAILED BY CLIENT']],
    ['7.9.1', { remoteCloseCode: undefined }, ['OK', 'UNCLEAN']],
  ] as const)('%s %j', (id, seen, expected) => {
    expect(verdict(id, seen)).toEqual(expected);
  });
});

describe('the verdict on a case that the specification leaves open', () => {
  it('is INFORMATIONAL whatever the peer does, but for a broken rule or no answer', () => {
    for (const seen of [{ remoteCloseCode: undefined }, { remoteCloseCode: 1011 }]) {
      expect(verdict('7.13.1', seen)).toEqual(['INFORMATIONAL', 'INFORMATIONAL']);
    }
    expect(verdict('7.13.1', { fault: 'a reserved bit' })).toEqual(['FAILED', 'OK']);
    expect(verdict('7.13.1', { remoteCloseCode: undefined, hasDroppedTcp: true })).toEqual([
      'OK',
      'UNCLEAN',
    ]);
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
