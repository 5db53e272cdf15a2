// Sections 12 and 13: permessage-deflate (RFC 7692). Long series of compressed messages, each sent
// when the one before is back.
//
// Section 12 goes through five kinds of data, section 13 through the parameters.
import type { DeflateWish } from '../wire/deflate-negotiation.ts';
import { type ConformanceCase, echoCase } from './case.ts';
import { type CorpusName, corpora } from './corpus.ts';

const KIB = 1024;

/** The 18 cases of each subsection; a fragment length of 0 leaves messages whole. */
const SHAPES: readonly (readonly [length: number, fragmentLength: number, seconds: number])[] = [
  [16, 0, 60],
  [64, 0, 60],
  [256, 0, 120],
  [KIB, 0, 240],
  [4 * KIB, 0, 480],
  [8 * KIB, 0, 480],
  [16 * KIB, 0, 480],
  [32 * KIB, 0, 480],
  [64 * KIB, 0, 480],
  [128 * KIB, 0, 480],
  [8 * KIB, 256, 480],
  [16 * KIB, 256, 480],
  [32 * KIB, 256, 480],
  [64 * KIB, 256, 480],
  [128 * KIB, 256, 480],
  [128 * KIB, KIB, 480],
  [128 * KIB, 4 * KIB, 480],
  [128 * KIB, 32 * KIB, 480],
];

/** How many messages a case sends; {@link QUICK_MESSAGE_COUNT} in a quick run. */
export const MESSAGE_COUNT = 1000;

/** How many messages a case sends in a quick run. */
export const QUICK_MESSAGE_COUNT = 20;

const DEFAULTS: DeflateWish = { noContextTakeover: false, maxWindowBits: null };
const NO_TAKEOVER: DeflateWish = { noContextTakeover: true, maxWindowBits: null };

const DATA: readonly CorpusName[] = ['json', 'bitmap', 'prose', 'html', 'pdf'];

const PARAMETERS: readonly (readonly [title: string, wishes: readonly DeflateWish[]])[] = [
  ['the default parameters', [DEFAULTS]],
  ['no context takeover', [NO_TAKEOVER]],
  ['a window of 9 bits', [{ noContextTakeover: false, maxWindowBits: 9 }]],
  ['a window of 15 bits', [{ noContextTakeover: false, maxWindowBits: 15 }]],
  ['no context takeover and a window of 9 bits', [{ noContextTakeover: true, maxWindowBits: 9 }]],
  ['no context takeover and a window of 15 bits', [{ noContextTakeover: true, maxWindowBits: 15 }]],
  [
    'three offers: no context takeover and 9 bits, no context takeover, the defaults',
    [{ noContextTakeover: true, maxWindowBits: 9 }, NO_TAKEOVER, DEFAULTS],
  ],
];

function compressedCases(
  subsection: string,
  corpus: CorpusName,
  parameters: string,
  deflate: readonly DeflateWish[],
): ConformanceCase[] {
  return SHAPES.map(([length, fragmentLength, seconds], index) => {
    const data = `${length} octets of ${corpora[corpus].title}`;
    const cut = fragmentLength === 0 ? '' : ` in fragments of ${fragmentLength} octets`;
    const base = echoCase(
      {
        id: `${subsection}.${index + 1}`,
        title: `${MESSAGE_COUNT} compressed messages of ${data}${cut}, with ${parameters}.`,
        expectation: 'Each message comes back equal; then the suite closes with 1000.',
        steps: [
          { step: 'compressed echoes', corpus, length, fragmentLength, count: MESSAGE_COUNT },
        ],
        patience: { ms: seconds * 1000, end: 'close' },
      },
      [{ type: 'echoes', count: MESSAGE_COUNT }],
    );
    return { ...base, deflate };
  });
}

/** The cases of section 12. */
export const section12: readonly ConformanceCase[] = DATA.flatMap((corpus, index) =>
  compressedCases(`12.${index + 1}`, corpus, 'the default parameters', [DEFAULTS]),
);

/** The cases of section 13. */
export const section13: readonly ConformanceCase[] = PARAMETERS.flatMap(([title, wishes], index) =>
  compressedCases(`13.${index + 1}`, 'json', title, wishes),
);
