// Compares results with the committed ones (expected-results.json): every case, both judgements.
//
// The file is {peer: {side: {caseId: {behavior, behaviorClose}}}}; a case that it does not name is
// OK in both. The results come from a run of this suite, or from an index.json of the official one,
// which is {agent: {caseId: {behavior, behaviorClose, …}}}.
import type { Side } from './options.ts';

/** Holds the two judgements of a case. */
export interface ExpectedResult {
  readonly behavior: string;
  readonly behaviorClose: string;
}

/** Holds the results of cases by their ids. */
export type ResultsById = Readonly<Record<string, ExpectedResult>>;

/** Holds the committed results: of each peer, by side, the cases that are not OK. */
export type ExpectedResults = Readonly<
  Record<string, Readonly<Partial<Record<Side, ResultsById>>>>
>;

const OK: ExpectedResult = { behavior: 'OK', behaviorClose: 'OK' };

const show = (result: ExpectedResult | undefined): string =>
  result === undefined ? 'missing' : `${result.behavior} / ${result.behaviorClose}`;

/**
 * Lists the differences from the expected results, a line each.
 *
 * @param ids - the cases to compare: those that were chosen for the run
 */
export function compareResults(
  expected: ResultsById,
  actual: ResultsById,
  ids: readonly string[],
): string[] {
  return ids.flatMap((id) => {
    const [wanted, got] = [show(expected[id] ?? OK), show(actual[id])];
    return wanted === got ? [] : [`${id}: expected ${wanted}, got ${got}`];
  });
}
