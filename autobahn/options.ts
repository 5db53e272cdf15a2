// The command line of the conformance suite: what it takes, and what is wrong with what it was given.
import { parseArgs } from 'node:util';

/** Says what a run is to do. */
export interface Options {
  readonly target:
    | { readonly kind: 'server'; readonly url: URL }
    | { readonly kind: 'client'; readonly port: number; readonly stays: boolean }
    | { readonly kind: 'peer'; readonly name: string; readonly sides: readonly Side[] }
    | { readonly kind: 'compare'; readonly file: string; readonly side: Side }
    | { readonly kind: 'help' };
  readonly patterns: readonly string[];
  readonly parallel: number;
  readonly isQuick: boolean;
  readonly reports: string;
  readonly agent: string | null;
  readonly limitMs: number | null;
  readonly checksExpected: boolean;
}

/** The side that is judged. */
export type Side = 'server' | 'client';

/** What `--help` prints. */
export const USAGE = `Plays the 517 cases of the Autobahn test suite against a WebSocket server or client.

  npm run conformance                        Sanswire, both sides
  npm run conformance -- --server ws://host:port/path
                                             judge a server that echoes
  npm run conformance -- --client PORT       be the fuzzing server that a client under test loops through
  npm run conformance -- --peer NAME         judge a library: sanswire, ws, faye, undici
  npm run conformance -- --compare FILE      hold an index.json against autobahn/expected-results.json

  --side server|client   only this side (with --peer; says which side FILE is of with --compare)
  --cases LIST           ids and beginnings of ids: 6.*,7.1.1
  --parallel N           connections at a time (4)
  --quick                20 compressed messages a case in place of 1000, short pauses
  --reports DIR          where the reports go (reports/conformance)
  --agent NAME           what the report calls a server under test
  --limit SECONDS        no case may take longer than this
  --expected             also hold the results against autobahn/expected-results.json (the default for sanswire)
  --stay                 with --client: go on after a client has asked for its report
`;

/** Reports a mistake in the arguments. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const SPECIFICATION = {
  server: { type: 'string' },
  client: { type: 'string' },
  peer: { type: 'string' },
  compare: { type: 'string' },
  side: { type: 'string' },
  cases: { type: 'string', default: '*' },
  parallel: { type: 'string', default: '4' },
  quick: { type: 'boolean', default: false },
  reports: { type: 'string', default: 'reports/conformance' },
  agent: { type: 'string' },
  limit: { type: 'string' },
  expected: { type: 'boolean', default: false },
  stay: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

function wholeNumber(name: string, value: string, least: number, most: number): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < least || number > most) {
    throw new UsageError(`--${name} takes a whole number from ${least} to ${most}.`);
  }
  return number;
}

function parseUrl(value: string): URL {
  const url = URL.canParse(value) ? new URL(value) : null;
  if (url?.protocol !== 'ws:') throw new UsageError('--server takes a ws:// URL.');
  return url;
}

function parseSides(value: string | undefined): readonly Side[] {
  if (value === undefined) return ['server', 'client'];
  if (value !== 'server' && value !== 'client') throw new UsageError('--side is server or client.');
  return [value];
}

/**
 * Reads the arguments.
 *
 * @throws {@link UsageError} when they make no sense
 */
export function parseOptions(argv: readonly string[]): Options {
  const { values } = readArguments(argv);
  const sides = parseSides(values.side);
  const targets: Options['target'][] = [];
  if (values.help) targets.push({ kind: 'help' });
  else if (values.compare !== undefined) {
    targets.push({ kind: 'compare', file: values.compare, side: sides[0] ?? 'server' });
  }
  if (values.server !== undefined) {
    targets.push({ kind: 'server', url: parseUrl(values.server) });
  }
  if (values.client !== undefined) {
    const port = wholeNumber('client', values.client, 0, 65_535);
    targets.push({ kind: 'client', port, stays: values.stay });
  }
  if (values.peer !== undefined) targets.push({ kind: 'peer', name: values.peer, sides });
  if (targets.length > 1) {
    throw new UsageError('Only one of --server, --client, --peer and --compare.');
  }
  const target = targets[0] ?? { kind: 'peer', name: 'sanswire', sides };
  return {
    target,
    patterns: values.cases.split(',').map((pattern) => pattern.trim()),
    parallel: wholeNumber('parallel', values.parallel, 1, 256),
    isQuick: values.quick,
    reports: values.reports,
    agent: values.agent ?? null,
    limitMs:
      values.limit === undefined ? null : wholeNumber('limit', values.limit, 1, 86_400) * 1000,
    checksExpected: values.expected || (target.kind === 'peer' && target.name === 'sanswire'),
  };
}

function readArguments(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: SPECIFICATION });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
