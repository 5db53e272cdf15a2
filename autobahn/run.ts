// The command: plays the chosen cases against the chosen targets, prints a table for each, writes
// the reports.
//
// Exit code 0: every case is as expected; without expected results, OK or INFORMATIONAL. 1: one is
// not. 2: the arguments make no sense, or a peer did not start.
import { readFile } from 'node:fs/promises';
import type { ConformanceCase } from './cases/case.ts';
import { isOfFaces, selectCases, shorten } from './cases/index.ts';
import { compareResults, type ExpectedResults, type ResultsById } from './expected-results.ts';
import { playAllAgainstServer } from './fuzzing-client.ts';
import { FuzzingServer } from './fuzzing-server.ts';
import { type Options, parseOptions, type Side, USAGE, UsageError } from './options.ts';
import type { PeerName } from './peers/load-peer.ts';
import { spawnPeer } from './peers/spawn-peer.ts';
import type { PlaySettings } from './play/play-case.ts';
import { type CaseResult, isAcceptable } from './play/verdict.ts';
import { Progress, resultTable } from './report/console-report.ts';
import { sideDirectory, writeReport } from './report/write-report.ts';

/** How long the pauses within cases are, in milliseconds: as in Autobahn, and in a quick run. */
const PAUSE_MS = { whole: 1_000, quick: 100 } as const;

// Compiled, this file is autobahn/dist/run.js.
const EXPECTED_RESULTS = new URL('../expected-results.json', import.meta.url);

interface Run {
  readonly options: Options;
  readonly cases: readonly ConformanceCase[];
  readonly settings: PlaySettings;
  readonly progress: Progress;
}

interface AgentResults {
  readonly side: Side;
  readonly agent: string;
  readonly results: readonly CaseResult[];
  /** The peer whose expected results hold. */
  readonly expected: PeerName | null;
}

async function judgeServer(
  { options, cases, settings, progress }: Run,
  url: URL,
  agent: string,
): Promise<AgentResults> {
  const results = await playAllAgainstServer(url, cases, settings, options.parallel, (result) =>
    progress.add(agent, result),
  );
  return { side: 'server', agent, results, expected: options.expected };
}

async function judgePeerServer(run: Run, name: PeerName): Promise<AgentResults> {
  const peer = await spawnPeer([name, 'serve']);
  try {
    const url = new URL(`ws://127.0.0.1:${peer.port}/`);
    return { ...(await judgeServer(run, url, peer.agent)), expected: name };
  } finally {
    peer.stop();
  }
}

async function judgePeerClient(
  { options, cases, settings, progress }: Run,
  name: PeerName,
): Promise<AgentResults> {
  const server = new FuzzingServer({
    cases,
    settings,
    onResult: (agent, result) => progress.add(agent, result),
    onUpdateReports: () => {},
  });
  const port = await server.listen(0);
  const url = `ws://127.0.0.1:${port}`;
  const peer = await spawnPeer([name, 'loop', url, String(options.parallel)]);
  await Promise.race([peer.exited, server.stalled]);
  peer.stop();
  const results = await server.resultsOf(peer.agent);
  await server.close();
  return { side: 'client', agent: peer.agent, results, expected: name };
}

/** Serves clients from outside; settles when one has asked for its report, or on Ctrl-C. */
async function judgeClients(
  { options, cases, settings, progress }: Run,
  port: number,
  stays: boolean,
): Promise<AgentResults[]> {
  const finished: AgentResults[] = [];
  let end: () => void = () => {};
  const over = new Promise<void>((resolve) => {
    end = resolve;
  });
  const server = new FuzzingServer({
    cases,
    settings,
    onResult: (agent, result) => progress.add(agent, result),
    onUpdateReports: async (agent) => {
      const results = await server.resultsOf(agent);
      finished.push({ side: 'client', agent, results, expected: options.expected });
      await writeReport(options.reports, 'client', agent, cases, results);
      if (!stays) setImmediate(() => end());
    },
  });
  const actualPort = await server.listen(port, '0.0.0.0');
  process.stderr.write(`Waiting for clients on ws://127.0.0.1:${actualPort}\n`);
  process.once('SIGINT', () => end());
  await over;
  await server.close();
  return finished;
}

/** The cases of a peer: a quick run plays of all but the first only those in which faces differ. */
function casesOfPeer(
  { isQuick }: Pick<Options, 'isQuick'>,
  cases: readonly ConformanceCase[],
  index: number,
): readonly ConformanceCase[] {
  return isQuick && index > 0 ? cases.filter(isOfFaces) : cases;
}

function countCases({ isQuick, target }: Options, cases: readonly ConformanceCase[]): number {
  if (target.kind !== 'peers') return cases.length;
  const counts = target.names.map((_, index) => casesOfPeer({ isQuick }, cases, index).length);
  return target.sides.length * counts.reduce((sum, count) => sum + count, 0);
}

async function play(run: Run): Promise<AgentResults[]> {
  const { target, agent } = run.options;
  if (target.kind === 'server') {
    return [await judgeServer(run, target.url, agent ?? target.url.host)];
  }
  if (target.kind === 'client') return judgeClients(run, target.port, target.stays);
  if (target.kind !== 'peers') return [];
  const played: AgentResults[] = [];
  for (const [index, name] of target.names.entries()) {
    const cases = casesOfPeer(run.options, run.cases, index);
    const judge = (side: Side): Promise<AgentResults> =>
      (side === 'server' ? judgePeerServer : judgePeerClient)({ ...run, cases }, name);
    played.push(...(await Promise.all(target.sides.map(judge))));
  }
  return played;
}

/** Prints what differs from the expected results and tells whether nothing does. */
async function checkExpected(
  peer: PeerName,
  side: Side,
  actual: ResultsById,
  ids: readonly string[],
): Promise<boolean> {
  const expected = JSON.parse(await readFile(EXPECTED_RESULTS, 'utf8')) as ExpectedResults;
  const differences = compareResults(expected[peer]?.[side] ?? {}, actual, ids);
  for (const difference of differences) process.stdout.write(`  ${side} ${difference}\n`);
  const verdict =
    differences.length === 0 ? 'as expected' : `${differences.length} not as expected`;
  process.stdout.write(`  ${side}: ${ids.length} cases compared, ${verdict}\n`);
  return differences.length === 0;
}

async function compareFile(file: string, side: Side, ids: readonly string[]): Promise<boolean> {
  const index = JSON.parse(await readFile(file, 'utf8')) as Record<string, ResultsById>;
  let isAsExpected = Object.keys(index).length > 0;
  for (const [agent, actual] of Object.entries(index)) {
    process.stdout.write(`${agent}\n`);
    isAsExpected = (await checkExpected('sanswire', side, actual, ids)) && isAsExpected;
  }
  return isAsExpected;
}

/** Prints the table of an agent and tells whether it is green. */
async function printResults(
  { side, agent, results, expected }: AgentResults,
  reports: string,
): Promise<boolean> {
  process.stdout.write(`\n${resultTable(`${agent}, ${side}`, results)}\n`);
  process.stdout.write(`  report: ${sideDirectory(reports, side)}/index.html\n`);
  if (expected === null) return results.every(isAcceptable);
  const actual = Object.fromEntries(results.map((result) => [result.id, result]));
  const ids = results.map(({ id }) => id);
  return checkExpected(expected, side, actual, ids);
}

/** Runs the command and gives its exit code. */
async function main(argv: readonly string[]): Promise<number> {
  const options = parseOptions(argv);
  const { target, isQuick, timeScale, limitMs } = options;
  if (target.kind === 'help') {
    process.stdout.write(USAGE);
    return 0;
  }
  const chosen = selectCases(options.patterns);
  if (target.kind === 'compare') {
    const ids = chosen.map(({ id }) => id);
    return (await compareFile(target.file, target.side, ids)) ? 0 : 1;
  }
  const cases = isQuick ? chosen.map(shorten) : chosen;
  const settings: PlaySettings = {
    timeScale,
    pauseMs: isQuick ? PAUSE_MS.quick : PAUSE_MS.whole,
    ...(limitMs !== null && { limitMs }),
  };
  const progress = new Progress(countCases(options, cases));
  const startedAt = performance.now();
  const played = await play({ options, cases, settings, progress });
  progress.finish();
  for (const { side, agent, results } of played) {
    await writeReport(options.reports, side, agent, cases, results);
  }
  let isGreen = played.length > 0;
  for (const results of played) {
    isGreen = (await printResults(results, options.reports)) && isGreen;
  }
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  process.stdout.write(`\n${isGreen ? 'Green' : 'Not green'} after ${seconds} s.\n`);
  return isGreen ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const isMistake = error instanceof UsageError || error instanceof RangeError;
  process.stderr.write(`${isMistake ? error.message : (error as Error).stack}\n`);
  // The other side of a peer may still be running: it ends with this process.
  process.exit(2);
}
