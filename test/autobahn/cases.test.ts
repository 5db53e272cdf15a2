// The list of cases: their numbers, and what their groups say of themselves.
import { describe, expect, it } from 'vitest';
import { lengthOf } from '../../autobahn/cases/case.ts';
import { CORPUS_LENGTH, corpora } from '../../autobahn/cases/corpus.ts';
import {
  allCases,
  isOfFaces,
  sectionOf,
  selectCases,
  shorten,
} from '../../autobahn/cases/index.ts';
import { isValidSequence, utf8Groups } from '../../autobahn/cases/utf8-sequences.ts';

describe('the cases', () => {
  it('are 517, each number once', () => {
    expect(allCases).toHaveLength(517);
    expect(new Set(allCases.map(({ id }) => id)).size).toBe(517);
  });

  it('are as many in each section as in the Autobahn suite', () => {
    const counts: Record<string, number> = {};
    for (const { id } of allCases) counts[sectionOf(id)] = (counts[sectionOf(id)] ?? 0) + 1;
    expect(counts).toEqual({
      '1': 16,
      '2': 11,
      '3': 7,
      '4': 10,
      '5': 20,
      '6': 145,
      '7': 37,
      '9': 54,
      '10': 1,
      '12': 90,
      '13': 126,
    });
  });

  it('are chosen by number and by beginning, in their own order', () => {
    const ids = selectCases(['7.1.1', '6.4.*', '7.1.1']).map(({ id }) => id);
    expect(ids).toEqual(['6.4.1', '6.4.2', '6.4.3', '6.4.4', '7.1.1']);
    expect(() => selectCases(['8.*'])).toThrow(/"8\.\*"/);
  });

  it('send twenty compressed messages in a quick run and want as many echoes', () => {
    const [long] = selectCases(['12.1.1']);
    const short = long && shorten(long);
    expect(short?.steps[0]).toMatchObject({ count: 20 });
    expect(short?.wanted.strict).toEqual([{ type: 'echoes', count: 20 }]);
  });

  it('are fewer for the other peers of a quick run: what tests their face, and a sample', () => {
    const counts: Record<string, number> = {};
    for (const { id } of allCases.filter(isOfFaces)) {
      counts[sectionOf(id)] = (counts[sectionOf(id)] ?? 0) + 1;
    }
    expect(counts).toMatchObject({ '1': 16, '6': 145, '7': 37, '9': 32, '12': 2, '13': 1 });
    expect(selectCases(['9.3.*', '9.4.*']).every(isOfFaces)).toBe(true);
  });

  it('cut 4 MiB into 65,536 fragments of 64 octets', () => {
    const [fragmented] = selectCases(['9.3.1']);
    const step = fragmented?.steps[0];
    expect(step).toMatchObject({ step: 'fragments', fragmentLength: 64 });
    if (step?.step === 'fragments') expect(lengthOf(step.payload)).toBe(65_536 * 64);
  });
});

describe('the UTF-8 sequences', () => {
  it('are as many in each group as in the Autobahn suite', () => {
    const counts = utf8Groups.map(({ sequences }) => sequences.length);
    expect(counts).toEqual([5, 11, 4, 2, 4, 3, 5, 8, 5, 10, 1, 3, 5, 5, 5, 7, 8, 34, 7]);
  });

  it('are valid or not as their groups say', () => {
    const valid = utf8Groups.map(({ sequences }) => sequences.filter(isValidSequence).length);
    expect(valid).toEqual([5, 5, 4, 0, 4, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 34, 7]);
  });
});

describe('the corpora', () => {
  it.each(Object.keys(corpora))('%s has its full length and is the same each time', (name) => {
    const corpus = corpora[name as keyof typeof corpora];
    expect(corpus.bytes()).toHaveLength(CORPUS_LENGTH);
    expect(corpus.bytes()).toBe(corpus.bytes());
    // What is sent as text may be cut anywhere, so it has to be ASCII.
    if (corpus.type === 'text') expect(corpus.bytes().every((octet) => octet < 0x80)).toBe(true);
  });
});
