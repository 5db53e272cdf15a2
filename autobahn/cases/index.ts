// All cases in the order of their numbers, and the choice of some of them by pattern.
import type { ConformanceCase } from './case.ts';
import { section1 } from './section-1.ts';
import { section2 } from './section-2.ts';
import { section3, section4 } from './section-3-4.ts';
import { section5 } from './section-5.ts';
import { section6 } from './section-6.ts';
import { section7 } from './section-7.ts';
import { section9, section10 } from './section-9-10.ts';
import { QUICK_MESSAGE_COUNT, section12, section13 } from './section-12-13.ts';

/** All 517 cases; numbers that are missing (section 8, 7.2, 7.4 …) are missing in Autobahn, too. */
export const allCases: readonly ConformanceCase[] = [
  ...section1,
  ...section2,
  ...section3,
  ...section4,
  ...section5,
  ...section6,
  ...section7,
  ...section9,
  ...section10,
  ...section12,
  ...section13,
];

/** What each section is about. */
export const sectionTitles: Readonly<Record<string, string>> = {
  '1': 'Framing',
  '2': 'Pings and pongs',
  '3': 'Reserved bits',
  '4': 'Reserved opcodes',
  '5': 'Fragmentation',
  '6': 'UTF-8',
  '7': 'Closing handshake',
  '9': 'Volume',
  '10': 'Automatic fragmentation',
  '12': 'Compression: five kinds of data',
  '13': 'Compression: parameters',
};

/** The section of a case: the number before the first dot of its id. */
export function sectionOf(id: string): string {
  return id.slice(0, id.indexOf('.'));
}

/**
 * Chooses cases by patterns, keeping the order of the numbers.
 *
 * @param patterns - ids, or beginnings of ids before a `*`: `6.*`, `7.1.1`, `*`
 * @throws RangeError when a pattern chooses nothing, so that a slip does not pass as a green run
 */
export function selectCases(patterns: readonly string[]): ConformanceCase[] {
  const chosen = new Set<ConformanceCase>();
  for (const pattern of patterns) {
    const prefix = pattern.endsWith('*') ? pattern.slice(0, -1) : null;
    const matches = allCases.filter(({ id }) =>
      prefix === null ? id === pattern : id.startsWith(prefix),
    );
    if (matches.length === 0) throw new RangeError(`No case matches "${pattern}".`);
    for (const match of matches) chosen.add(match);
  }
  return allCases.filter((candidate) => chosen.has(candidate));
}

/** The sections that test no face but the engine below: round trips, TCP chops, compression. */
const ENGINE_SECTIONS = ['9.5.', '9.6.', '9.7.', '9.8.', '12.', '13.'];

/** Of these, what each face is tested with all the same. */
const SAMPLES = ['9.7.1', '9.8.6', '12.1.3', '12.2.5', '13.7.6'];

/** Tells whether a quick run plays a case against more than one face. */
export function isOfFaces({ id }: ConformanceCase): boolean {
  return SAMPLES.includes(id) || !ENGINE_SECTIONS.some((section) => id.startsWith(section));
}

/** Shortens a case for a quick run: fewer compressed messages. */
export function shorten(conformanceCase: ConformanceCase): ConformanceCase {
  if (conformanceCase.deflate === undefined) return conformanceCase;
  const count = QUICK_MESSAGE_COUNT;
  return {
    ...conformanceCase,
    steps: conformanceCase.steps.map((step) =>
      step.step === 'compressed echoes' ? { ...step, count } : step,
    ),
    wanted: { strict: [{ type: 'echoes', count }] },
  };
}
