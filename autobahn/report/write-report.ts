// Writes the report of one agent into a directory: index.json and index.html, and for each case a
// JSON file and a page.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ConformanceCase } from '../cases/case.ts';
import type { Side } from '../options.ts';
import type { CaseResult } from '../play/verdict.ts';
import { casePage } from './html-case.ts';
import { indexPage } from './html-index.ts';
import { indexEntries, readIndex, reportName } from './results-file.ts';

/** The directory of a side within the directory of reports, named as in Autobahn. */
export function sideDirectory(reports: string, side: Side): string {
  return join(reports, side === 'server' ? 'servers' : 'clients');
}

/** Writes a report, beside those of other agents that the directory holds. */
export async function writeReport(
  reports: string,
  side: Side,
  agent: string,
  cases: readonly ConformanceCase[],
  results: readonly CaseResult[],
): Promise<void> {
  const directory = sideDirectory(reports, side);
  await mkdir(directory, { recursive: true });
  const casesById = new Map(cases.map((conformanceCase) => [conformanceCase.id, conformanceCase]));
  for (const result of results) {
    const conformanceCase = casesById.get(result.id);
    if (conformanceCase === undefined) continue;
    const path = join(directory, reportName(agent, result.id));
    await writeFile(`${path}.json`, JSON.stringify({ agent, ...result }, null, 1));
    await writeFile(`${path}.html`, casePage(agent, conformanceCase, result));
  }
  const index = { ...(await readIndex(directory)), [agent]: indexEntries(agent, results) };
  await writeFile(join(directory, 'index.json'), `${JSON.stringify(index, null, 1)}\n`);
  await writeFile(join(directory, 'index.html'), indexPage(side, index));
}
