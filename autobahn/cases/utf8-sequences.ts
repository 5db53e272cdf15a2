// The octet sequences of the UTF-8 cases 6.5 to 6.23, after Markus Kuhn's decoder stress test, in
// the order of their numbers.
//
// A group is valid or not as a whole, except the prefixes of 6.6 and the borders of 6.11, which
// `isUtf8` of Node tells apart.
import { isUtf8 } from 'node:buffer';
import { hex } from './case.ts';

/** Holds one group of sequences, that is, one subsection. */
export interface Utf8Group {
  readonly subsection: string;
  readonly title: string;
  readonly sequences: readonly Buffer[];
}

/** The Greek word that the fragmentation cases cut, 11 octets. */
export const GREEK_WORD: Buffer = hex('ce ba e1 bd b9 cf 83 ce bc ce b5');

const INCOMPLETE = [
  'c0',
  'e0 80',
  'f0 80 80',
  'f8 80 80 80',
  'fc 80 80 80 80',
  'df',
  'ef bf',
  'f7 bf bf',
  'fb bf bf bf',
  'fd bf bf bf bf',
];

function octetRange(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

function helloWorld(middle: string): Buffer {
  return Buffer.concat([Buffer.from('hello'), hex(middle), Buffer.from('world')]);
}

function lonelyStarts(from: number, to: number): Buffer {
  return Buffer.from(octetRange(from, to).flatMap((octet) => [octet, 0x20]));
}

/** U+FFFE and U+FFFF, then the last two code points of planes 1 to 16. */
function noncharacters(): Buffer[] {
  return octetRange(0, 16).flatMap((plane) =>
    [0xfffe, 0xffff].map((low) => Buffer.from(String.fromCodePoint(plane * 0x1_0000 + low))),
  );
}

const PAIRED_SURROGATES = ['eda080', 'edadbf', 'edae80', 'edafbf'].flatMap((high) =>
  ['edb080', 'edbfbf'].map((low) => hex(high + low)),
);

const group = (
  subsection: string,
  title: string,
  sequences: readonly (string | Buffer)[],
): Utf8Group => ({
  subsection,
  title,
  sequences: sequences.map((sequence) => (typeof sequence === 'string' ? hex(sequence) : sequence)),
});

/** The groups of subsections 6.5 to 6.23. */
export const utf8Groups: readonly Utf8Group[] = [
  group('6.5', 'valid sequences of one to four octets', [
    helloWorld('24'),
    helloWorld('c2 a2'),
    helloWorld('e2 82 ac'),
    helloWorld('f0 a4 ad a2'),
    GREEK_WORD,
  ]),
  group(
    '6.6',
    'all prefixes of a valid string',
    octetRange(1, GREEK_WORD.length).map((length) => GREEK_WORD.subarray(0, length)),
  ),
  group('6.7', 'the first sequence of each length', ['00', 'c2 80', 'e0 a0 80', 'f0 90 80 80']),
  group('6.8', 'the first sequence of the lengths five and six', [
    'f8 88 80 80 80',
    'fc 84 80 80 80 80',
  ]),
  group('6.9', 'the last sequence of each length', ['7f', 'df bf', 'ef bf bf', 'f4 8f bf bf']),
  group('6.10', 'the last sequence of the lengths four, five and six as they once were', [
    'f7 bf bf bf',
    'fb bf bf bf bf',
    'fd bf bf bf bf bf',
  ]),
  group('6.11', 'other borders', [
    'ed 9f bf',
    'ee 80 80',
    'ef bf bd',
    'f4 8f bf bf',
    'f4 90 80 80',
  ]),
  group('6.12', 'continuation octets that continue nothing', [
    '80',
    'bf',
    '80 bf',
    '80 bf 80',
    '80 bf 80 bf',
    '80 bf 80 bf 80',
    '80 bf 80 bf 80 bf',
    Buffer.from(octetRange(0x80, 0xbe)),
  ]),
  group('6.13', 'start octets, each followed by a space', [
    lonelyStarts(0xc0, 0xde),
    lonelyStarts(0xe0, 0xee),
    lonelyStarts(0xf0, 0xf6),
    lonelyStarts(0xf8, 0xfa),
    lonelyStarts(0xfc, 0xfc),
  ]),
  group('6.14', 'sequences whose last octet is missing', INCOMPLETE),
  group('6.15', 'all of those, joined', [INCOMPLETE.join('')]),
  group('6.16', 'octets that never occur', ['fe', 'ff', 'fe fe ff ff']),
  group('6.17', 'overlong forms of the slash', [
    'c0 af',
    'e0 80 af',
    'f0 80 80 af',
    'f8 80 80 80 af',
    'fc 80 80 80 80 af',
  ]),
  group('6.18', 'the last overlong form of each length', [
    'c1 bf',
    'e0 9f bf',
    'f0 8f bf bf',
    'f8 87 bf bf bf',
    'fc 83 bf bf bf bf',
  ]),
  group('6.19', 'overlong forms of NUL', [
    'c0 80',
    'e0 80 80',
    'f0 80 80 80',
    'f8 80 80 80 80',
    'fc 80 80 80 80 80',
  ]),
  group('6.20', 'single UTF-16 surrogates', [
    'eda080',
    'edadbf',
    'edae80',
    'edafbf',
    'edb080',
    'edbe80',
    'edbfbf',
  ]),
  group('6.21', 'paired UTF-16 surrogates', PAIRED_SURROGATES),
  group('6.22', 'noncharacters, which are valid UTF-8', noncharacters()),
  group(
    '6.23',
    'the specials U+FFF9 to U+FFFF',
    octetRange(0xb9, 0xbf).map((octet) => Buffer.of(0xef, 0xbf, octet)),
  ),
];

/** Tells whether a sequence of these groups has to be echoed or refused. */
export const isValidSequence = (sequence: Buffer): boolean => isUtf8(sequence);
