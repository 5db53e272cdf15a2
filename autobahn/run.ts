// The command: plays the chosen cases against the chosen target, prints the table, writes the reports, sets the exit code.
//
// Exit code 0: every case is OK or INFORMATIONAL (and as expected, where that is checked). 1: one is not. 2: the arguments make
// no sense, or a peer did not start.
import { readFile } from 'node:fs/promises';
import type { ConformanceCase } from './cases/case.ts';
import { selectCases, shorten } from './cases/index.ts';
import { compareResults, type ExpectedResult, type ExpectedResults } from './expected-results.ts';
import { playAllAgainstServer } from './fuzzing-client.ts';
import { FuzzingServer } from './fuzzing-server.ts';
import { type Options, parseOptions, type Side, USAGE, UsageError } from './options.ts';
import { spawnPeer } from './peers/spawn-peer.ts';
import type { PlaySettings } from './play/play-case.ts';
import { type CaseResult, isAcceptable } from './play/verdict.ts';
import { Progress, resultTable } from './report/console-report.ts';
import { sideDirectory, writeReport } from './report/write-report.ts';

/** How long the pauses within cases are, in milliseconds: as in the Autobahn suite, and in a quick run. */
const PAUSE_MS = { whole: 1_000, quick: 300 } as const;

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
}

async function judgeServer(
  { options, cases, settings, progress }: Run,
  url: URL,
  agent: string,
): Promise<AgentResults> {
  const results = await playAllAgainstServer(url, cases, settings, options.parallel, (result) =>
    progress.add(agent, result),
  );
  return { side: 'server', agent, results };
}

async function judgePeerServer(run: Run, name: string): Promise<AgentResults> {
  const peer = await spawnPeer([name, 'serve']);
  try {
    return await judgeServer(run, new URL(`ws://127.0.0.1:${peer.port}/`), peer.agent);
  } finally {
    peer.stop();
  }
}

async function judgePeerClient(
  { options, cases, settings, progress }: Run,
  name: string,
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
  return { side: 'client', agent: peer.agent, results };
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
      finished.push({ side: 'client', agent, results });
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

async function play(run: Run): Promise<AgentResults[]> {
  const { target, agent, reports } = run.options;
  let played: AgentResults[] = [];
  if (target.kind === 'server') {
    played = [await judgeServer(run, target.url, agent ?? target.url.host)];
  } else if (target.kind === 'client') {
    return judgeClients(run, target.port, target.stays);
  } else if (target.kind === 'peer') {
    played = await Promise.all(
      target.sides.map((side) =>
        side === 'server' ? judgePeerServer(run, target.name) : judgePeerClient(run, target.name),
      ),
    );
  }
  for (const { side, agent: name, results } of played) {
    await writeReport(reports, side, name, run.cases, results);
  }
  return played;
}

async function readExpected(side: Side): Promise<Readonly<Record<string, ExpectedResult>>> {
  const text = await readFile(EXPECTED_RESULTS, 'utf8');
  return (JSON.parse(text) as ExpectedResults)[side];
}

/** Prints what differs from the expected results and tells whether nothing does. */
async function checkExpected(
  side: Side,
  actual: Readonly<Record<string, ExpectedResult>>,
  ids: readonly string[],
): Promise<boolean> {
  const differences = compareResults(await readExpected(side), actual, ids);
  for (const difference of differences) process.stdout.write(`  ${side} ${difference}\n`);
  const verdict =
    differences.length === 0 ? 'as expected' : `${differences.length} not as expected`;
  process.stdout.write(`  ${side}: ${ids.length} cases compared, ${verdict}\n`);
  return differences.length === 0;
}

async function compareFile(file: string, side: Side, ids: readonly string[]): Promise<boolean> {
  const index = JSON.parse(await readFile(file, 'utf8')) as Record<
    string,
    Record<string, ExpectedResult>
  >;
  let isAsExpected = Object.keys(index).length > 0;
  for (const [agent, actual] of Object.entries(index)) {
    process.stdout.write(`${agent}\n`);
    isAsExpected = (await checkExpected(side, actual, ids)) && isAsExpected;
  }
  return isAsExpected;
}

/** Runs the command and gives its exit code. */
async function main(argv: readonly string[]): Promise<number> {
  const options = parseOptions(argv);
  const { target, isQuick, limitMs } = options;
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
  const sides = target.kind === 'peer' ? target.sides.length : 1;
  const settings = {
    pauseMs: isQuick ? PAUSE_MS.quick : PAUSE_MS.whole,
    ...(limitMs !== null && { limitMs }),
  };
  const progress = new Progress(cases.length * sides);
  const startedAt = performance.now();
  const played = await play({ options, cases, settings, progress });
  progress.finish();
  let isGreen = played.length > 0;
  for (const { side, agent, results } of played) {
    process.stdout.write(`\n${resultTable(`${agent}, ${side}`, results)}\n`);
    process.stdout.write(`  report: ${sideDirectory(options.reports, side)}/index.html\n`);
    isGreen &&= results.every(isAcceptable);
    if (!options.checksExpected) continue;
    const actual = Object.fromEntries(results.map((result) => [result.id, result]));
    isGreen =
      (await checkExpected(
        side,
        actual,
        results.map(({ id }) => id),
      )) && isGreen;
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
