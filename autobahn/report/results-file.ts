// The index.json of a report directory, in the format of the Autobahn suite: {agent: {caseId:
// entry}}.
//
// A run adds its agent to what is there: several runs into one directory make one comparison.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Behavior, CaseResult } from '../play/verdict.ts';

/** Holds what index.json says of one case. */
export interface IndexEntry {
  readonly behavior: Behavior;
  readonly behaviorClose: Behavior;
  /** In milliseconds. */
  readonly duration: number;
  readonly remoteCloseCode: number | null;
  /** The report of the case, beside the index; the page has the same name with `.html`. */
  readonly reportfile: string;
}

/** Holds an index. */
export type ReportIndex = Record<string, Record<string, IndexEntry>>;

/** The name of the report of a case, without its ending. */
export function reportName(agent: string, caseId: string): string {
  const name = `${agent} case ${caseId}`;
  return name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_');
}

/** Makes the entries of one agent. */
export function indexEntries(
  agent: string,
  results: readonly CaseResult[],
): Record<string, IndexEntry> {
  return Object.fromEntries(
    results.map((result) => [
      result.id,
      {
        behavior: result.behavior,
        behaviorClose: result.behaviorClose,
        duration: result.durationMs,
        remoteCloseCode: result.remoteCloseCode,
        reportfile: `${reportName(agent, result.id)}.json`,
      },
    ]),
  );
}

/** Reads the index of a directory; a directory without one has an empty one. */
export async function readIndex(directory: string): Promise<ReportIndex> {
  try {
    return JSON.parse(await readFile(join(directory, 'index.json'), 'utf8')) as ReportIndex;
  } catch {
    return {};
  }
}
