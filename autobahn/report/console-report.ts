// What a run prints: a progress line, a table by sections at its end, and each case that is not OK.
import { sectionOf, sectionTitles } from '../cases/index.ts';
import { type Behavior, type CaseResult, isAcceptable, overallBehavior } from '../play/verdict.ts';

/** Counts results by what they come to. */
export function countBehaviors(results: readonly CaseResult[]): Map<Behavior, number> {
  const counts = new Map<Behavior, number>();
  for (const result of results) {
    const behavior = overallBehavior(result);
    counts.set(behavior, (counts.get(behavior) ?? 0) + 1);
  }
  return counts;
}

/** Says the counts in one line: `514 OK, 3 INFORMATIONAL`. */
export function summarize(results: readonly CaseResult[]): string {
  const counts = [...countBehaviors(results)].sort(([, left], [, right]) => right - left);
  return counts.map(([behavior, count]) => `${count} ${behavior}`).join(', ') || 'no case';
}

const PROGRESS_INTERVAL_MS = 200;
const LINE_INTERVAL_MS = 15_000;

/** Shows how far a run is: one line on a terminal, now and then a line elsewhere. */
export class Progress {
  readonly #total: number;
  readonly #startedAt = performance.now();
  readonly #output: NodeJS.WriteStream;
  #done = 0;
  #bad = 0;
  #shownAt = Number.NEGATIVE_INFINITY;

  constructor(total: number, output: NodeJS.WriteStream = process.stderr) {
    this.#total = total;
    this.#output = output;
  }

  /** Counts a result. */
  add(label: string, result: CaseResult): void {
    this.#done += 1;
    if (!isAcceptable(result)) this.#bad += 1;
    const now = performance.now();
    const interval = this.#output.isTTY ? PROGRESS_INTERVAL_MS : LINE_INTERVAL_MS;
    if (now - this.#shownAt < interval && this.#done < this.#total) return;
    this.#shownAt = now;
    const seconds = Math.round((now - this.#startedAt) / 1000);
    const counts = `${this.#done}/${this.#total} cases, ${this.#bad} not OK`;
    const line = `${counts}, ${seconds} s, last ${result.id} of ${label}`;
    this.#output.write(this.#output.isTTY ? `\r\u001b[K${line}` : `${line}\n`);
  }

  /** Makes room for what is printed next. */
  finish(): void {
    if (this.#output.isTTY) this.#output.write('\r\u001b[K');
  }
}

function row(cells: readonly (string | number)[]): string {
  const [section = '', ...rest] = cells.map(String);
  return `  ${section.padEnd(40)}${rest.map((cell) => cell.padStart(9)).join('')}`;
}

/** Makes the table of one agent: the sections, their sum, and each case that is not OK with why. */
export function resultTable(agent: string, results: readonly CaseResult[]): string {
  const sections = [...new Set(results.map(({ id }) => sectionOf(id)))];
  const lines = [agent, row(['', 'cases', 'OK', 'other', 'seconds'])];
  const line = (title: string, part: readonly CaseResult[]): string => {
    const ok = part.filter((result) => overallBehavior(result) === 'OK').length;
    const seconds = part.reduce((sum, { durationMs }) => sum + durationMs, 0) / 1000;
    return row([title, part.length, ok, part.length - ok, seconds.toFixed(1)]);
  };
  for (const section of sections) {
    const part = results.filter(({ id }) => sectionOf(id) === section);
    lines.push(line(`${section.padStart(2)}  ${sectionTitles[section] ?? ''}`, part));
  }
  lines.push(line('    all (seconds of all connections)', results));
  lines.push(`  ${summarize(results)}`);
  for (const result of results.filter((candidate) => overallBehavior(candidate) !== 'OK')) {
    const verdict = `${result.behavior} / ${result.behaviorClose}`;
    lines.push(`  ${result.id.padEnd(8)} ${verdict}: ${result.reason} ${result.reasonClose}`);
  }
  return lines.join('\n');
}
