// The command line of the conformance suite.
import { parseArgs } from 'node:util';
import { isPeerName, type PeerName, peerNames } from './peers/load-peer.ts';

/** The side that is judged. */
export type Side = 'server' | 'client';

/** Says what a run judges. */
export type Target =
  | { readonly kind: 'server'; readonly url: URL }
  | { readonly kind: 'client'; readonly port: number; readonly stays: boolean }
  | { readonly kind: 'peers'; readonly names: readonly PeerName[]; readonly sides: readonly Side[] }
  | { readonly kind: 'compare'; readonly file: string; readonly side: Side }
  | { readonly kind: 'help' };

/** Says what a run does. */
export interface Options {
  readonly target: Target;
  readonly patterns: readonly string[];
  readonly parallel: number;
  readonly isQuick: boolean;
  readonly timeScale: number;
  readonly reports: string;
  readonly agent: string | null;
  readonly limitMs: number | null;
  /** The peer whose expected results hold for a target that is no peer, or null. */
  readonly expected: PeerName | null;
}

const DEFAULT_PEERS: readonly PeerName[] = ['sanswire', 'sanswire/ws'];

/** What `--help` prints. */
export const USAGE = `\
Plays the 517 cases of the Autobahn test suite against WebSocket servers and clients.

  npm run conformance                sanswire and sanswire/ws, both sides
  npm run conformance -- --peer NAMES
                                     judge some of: ${peerNames.join(', ')}
  npm run conformance -- --server ws://host:port/path
                                     judge a server that echoes
  npm run conformance -- --client PORT
                                     be the fuzzing server that a client under test loops through
  npm run conformance -- --compare FILE
                                     compare an index.json with the expected results

  --side server|client   only this side (with --peer; says which side FILE is of with --compare)
  --cases LIST           ids and beginnings of ids: 6.*,7.1.1
  --parallel N           connections at a time (4)
  --quick                20 compressed messages a case in place of 1000, short pauses; of a second
                         peer only the sections in which faces differ
  --time-scale N         wait N times as long as Autobahn does, on a slow or busy machine (1)
  --limit SECONDS        no case may take longer than this
  --reports DIR          where the reports go (reports/conformance)
  --agent NAME           what the report calls a server under test
  --expected             compare the results of --server or --client with those of sanswire
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
  'time-scale': { type: 'string', default: '1' },
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

function parsePeers(value: string | undefined): readonly PeerName[] {
  if (value === undefined) return DEFAULT_PEERS;
  const names = value.split(',').map((name) => name.trim());
  if (names.every(isPeerName)) return names;
  throw new UsageError(`--peer takes names of: ${peerNames.join(', ')}.`);
}

function parseTarget(values: ReturnType<typeof readArguments>['values']): Target {
  if (values.help) return { kind: 'help' };
  const { compare, server, client, peer } = values;
  if ([compare, server, client, peer].filter((value) => value !== undefined).length > 1) {
    throw new UsageError('Only one of --server, --client, --peer and --compare.');
  }
  const sides = parseSides(values.side);
  if (compare !== undefined) return { kind: 'compare', file: compare, side: sides[0] ?? 'server' };
  if (server !== undefined) return { kind: 'server', url: parseUrl(server) };
  if (client !== undefined) {
    const port = wholeNumber('client', client, 0, 65_535);
    return { kind: 'client', port, stays: values.stay };
  }
  return { kind: 'peers', names: parsePeers(peer), sides };
}

/**
 * Reads the arguments.
 *
 * @throws {@link UsageError} when they make no sense
 */
export function parseOptions(argv: readonly string[]): Options {
  const { values } = readArguments(argv);
  const { limit } = values;
  return {
    target: parseTarget(values),
    patterns: values.cases.split(',').map((pattern) => pattern.trim()),
    parallel: wholeNumber('parallel', values.parallel, 1, 256),
    isQuick: values.quick,
    timeScale: wholeNumber('time-scale', values['time-scale'], 1, 100),
    reports: values.reports,
    agent: values.agent ?? null,
    limitMs: limit === undefined ? null : wholeNumber('limit', limit, 1, 86_400) * 1000,
    expected: values.expected ? 'sanswire' : null,
  };
}

function readArguments(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: SPECIFICATION });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
