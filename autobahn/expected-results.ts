// Holds results against the committed ones (expected-results.json): every case, both judgements.
//
// The file is {side: {caseId: {behavior, behaviorClose}}}; the results come from a run of ours or from the index.json of the
// official suite, which is {agent: {caseId: {behavior, behaviorClose, …}}}.
import type { Side } from './options.ts';

/** Holds the two judgements of a case. */
export interface ExpectedResult {
  readonly behavior: string;
  readonly behaviorClose: string;
}

/** Holds the committed results of both sides. */
export type ExpectedResults = Readonly<Record<Side, Readonly<Record<string, ExpectedResult>>>>;

const show = (result: ExpectedResult | undefined): string =>
  result === undefined ? 'missing' : `${result.behavior} / ${result.behaviorClose}`;

/**
 * Lists how results differ from the expected ones, a line each; empty means that they agree.
 *
 * @param ids - the cases to compare: those that were chosen for the run
 */
export function compareResults(
  expected: Readonly<Record<string, ExpectedResult>>,
  actual: Readonly<Record<string, ExpectedResult>>,
  ids: readonly string[],
): string[] {
  return ids
    .filter((id) => show(expected[id]) !== show(actual[id]))
    .map((id) => `${id}: expected ${show(expected[id])}, got ${show(actual[id])}`);
}
