// The runner finds faults: a peer broken in one point fails just the cases that it should, in both
// roles, and a peer that is right is OK in every case.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { selectCases } from '../../autobahn/cases/index.ts';
import { playAllAgainstServer } from '../../autobahn/fuzzing-client.ts';
import { FuzzingServer } from '../../autobahn/fuzzing-server.ts';
import { type CaseResult, overallBehavior } from '../../autobahn/play/verdict.ts';
import { useFakeClock, withClock } from '../support/fake-clock.ts';
import { type Fault, runModelClient, startModelServer } from './model-peer.ts';

const SELECTION = [
  ...['1.1.1', '1.1.2', '1.1.3', '1.1.7', '1.1.8', '1.2.2', '2.*', '3.*', '4.*', '5.*'],
  ...['6.1.*', '6.2.*', '6.3.*', '6.4.*', '6.6.1', '6.6.2', '6.22.1', '7.*', '10.1.1'],
];
const cases = selectCases(SELECTION);

/** On a fake clock: time for 64 peers at once costs nothing. */
const settings = { timeScale: 10, pauseMs: 1_000 };
const PARALLEL = 64;

const cleanUps: (() => void)[] = [];

beforeEach(useFakeClock);

afterEach(() => {
  vi.useRealTimers();
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

async function judgeServer(fault: Fault | null, patterns = SELECTION): Promise<CaseResult[]> {
  const { server, url } = await startModelServer(fault);
  cleanUps.push(() => server.close());
  const chosen = selectCases(patterns);
  return withClock(playAllAgainstServer(url, chosen, settings, PARALLEL, () => {}));
}

async function judgeClient(fault: Fault | null): Promise<CaseResult[]> {
  const server = new FuzzingServer({
    cases,
    settings,
    onResult: () => {},
    onUpdateReports: () => {},
  });
  const url = `ws://127.0.0.1:${await server.listen(0)}`;
  cleanUps.push(() => void server.close());
  const run = (_: unknown, index: number): Promise<string> =>
    runModelClient(`${url}/runCase?case=${index + 1}&agent=model`, fault);
  await withClock(Promise.all(cases.map(run)));
  return await server.resultsOf('model');
}

/** The ids of the cases by what they came to, without those that are as they should be. */
function faultsOf(results: readonly CaseResult[]): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const result of results) {
    const behavior = overallBehavior(result);
    if (behavior === 'OK' || behavior === 'INFORMATIONAL') continue;
    found[behavior] = [...(found[behavior] ?? []), result.id];
  }
  return found;
}

const ids = (...patterns: string[]): string[] => selectCases(patterns).map(({ id }) => id);
const without = (all: readonly string[], ...few: string[]): string[] =>
  all.filter((id) => !few.includes(id));

const playable = ids(...SELECTION).filter((id) => !['7.1.6', '7.13.1', '7.13.2'].includes(id));
const invalidCloses = ids('7.3.2', '7.3.6', '7.5.1', '7.9.*');
const echoed = [
  ...ids('1.1.1', '1.1.2', '1.1.3', '1.1.7', '1.1.8', '1.2.2', '2.1', '2.2', '2.3', '2.4', '2.6'),
  ...ids('2.7', '2.8', '2.9', '2.10', '2.11', '5.3', '5.4', '5.5', '5.6', '5.7', '5.8', '5.19'),
  ...ids('5.20', '6.1.*', '6.2.*', '6.6.2', '6.22.1', '7.1.1', '10.1.1'),
];
const validCloses = [
  ...ids('7.1.2', '7.1.3', '7.1.4', '7.1.5'),
  ...ids('7.3.1', '7.3.3', '7.3.4', '7.3.5', '7.7.*'),
];
const failed = without(playable, ...echoed, ...validCloses);
const pinged = [
  ...ids('2.1', '2.2', '2.3', '2.4', '2.6', '2.9', '2.10', '2.11', '5.6', '5.7', '5.8'),
  ...ids('5.19', '5.20'),
];

/** Cases of section 7, where a wrong code makes the events FAILED. */
const codeTested = ids('7.*');
const wrongCode = (all: readonly string[]): Readonly<Record<string, readonly string[]>> => ({
  'WRONG CODE': without(all, ...codeTested),
  FAILED: all.filter((id) => codeTested.includes(id)),
});

interface Expectation {
  readonly fault: Fault;
  readonly found: Readonly<Record<string, readonly string[]>>;
}

/** Faults that show in the same cases whichever side the peer is. */
const sameOnBothSides: readonly Expectation[] = [
  { fault: 'never pongs', found: { FAILED: pinged } },
  {
    fault: 'answers pings when the message is over',
    found: { FAILED: ids('5.6', '5.7', '5.8', '5.19', '5.20') },
  },
  {
    fault: 'knows no UTF-8',
    found: { FAILED: ids('6.3.*', '6.4.*', '6.6.1', '7.5.1') },
  },
  { fault: 'validates UTF-8 at the end of a message', found: { 'NON-STRICT': ids('6.4.*') } },
  {
    fault: 'validates UTF-8 at the end of a frame',
    found: { 'NON-STRICT': ids('6.4.3', '6.4.4') },
  },
  {
    fault: 'ignores RSV',
    found: { FAILED: without(ids('3.*'), '3.7'), 'WRONG CODE': ['3.7'] },
  },
  {
    fault: 'ignores stray continuations',
    found: {
      FAILED: [...ids('5.9', '5.10', '5.11', '5.12', '5.13', '5.14', '5.15', '5.16', '5.17')],
    },
  },
  {
    // Where the connection is to be failed anyway, it is failed too early or with the code of the
    // refusal.
    fault: 'refuses fragments',
    found: {
      FAILED: [
        ...ids('5.3', '5.4', '5.5', '5.6', '5.7', '5.8', '5.19', '5.20', '6.1.2', '6.1.3'),
        ...ids('6.2.2', '6.2.3', '6.2.4', '6.4.1', '6.4.2', '7.1.5', '10.1.1'),
      ],
      'NON-STRICT': ['5.15'],
      'WRONG CODE': ['5.18', '6.3.2'],
    },
  },
  {
    fault: 'takes any control frame',
    found: { FAILED: ['2.5', '5.1', '7.3.6'] },
  },
  { fault: 'takes any close code', found: { FAILED: ids('7.3.2', '7.9.*') } },
  { fault: 'closes with another code', found: wrongCode([...echoed, ...validCloses]) },
  {
    // An empty Close may answer an empty one, and no other.
    fault: 'closes without a code',
    found: wrongCode(without([...echoed, ...validCloses], '7.3.1')),
  },
  {
    fault: 'drops TCP in place of a Close',
    found: {
      UNCLEAN: [...echoed, ...validCloses, ...invalidCloses].filter((id) => id !== '7.3.6'),
    },
  },
  { fault: 'fails with another code', found: wrongCode(failed) },
  { fault: 'fails without a Close', found: { UNCLEAN: failed } },
  { fault: 'masks the wrong way round', found: { FAILED: playable } },
  { fault: 'writes long lengths', found: { FAILED: playable } },
];

/** Reserved opcodes that nothing follows: a peer that ignores them has nothing to say. */
const reservedAlone = ids('4.1.1', '4.1.2', '4.2.1', '4.2.2');

/** Faults that only a server can have, or that have other words there. */
const ofServers: readonly Expectation[] = [
  {
    fault: 'ignores reserved opcodes',
    found: { FAILED: without(ids('4.*'), ...reservedAlone), 'FAILED BY CLIENT': reservedAlone },
  },
  {
    fault: 'keeps TCP up',
    found: { UNCLEAN: [...echoed, ...validCloses], 'FAILED BY CLIENT': failed },
  },
  { fault: 'sends a wrong accept value', found: { FAILED: playable } },
  { fault: 'chooses a subprotocol', found: { FAILED: playable } },
  { fault: 'chooses an extension', found: { FAILED: playable } },
];

const ofClients: readonly Expectation[] = [
  { fault: 'ignores reserved opcodes', found: { FAILED: ids('4.*') } },
];

/**
 * Brings both sides of a comparison into the order of the cases, without the cases that the
 * specification leaves open.
 */
function inOrder(found: Readonly<Record<string, readonly string[]>>): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(found).map(([behavior, list]) => [
      behavior,
      playable.filter((id) => list.includes(id)),
    ]),
  );
}

describe('a peer that is right', () => {
  it('as a server is OK in every case, and only the open ones are INFORMATIONAL', async () => {
    const results = await judgeServer(null);
    expect(faultsOf(results)).toEqual({});
    const open = results.filter(({ behavior }) => behavior === 'INFORMATIONAL');
    expect(open.map(({ id }) => id)).toEqual(['7.1.6', '7.13.1', '7.13.2']);
  });

  it('as a client is OK in every case', async () => {
    expect(faultsOf(await judgeClient(null))).toEqual({});
  });
});

describe('a peer that is broken in one point fails just the cases that it should', () => {
  for (const { fault, found } of [...sameOnBothSides, ...ofServers]) {
    it(`a server that ${fault}`, async () => {
      expect(inOrder(faultsOf(await judgeServer(fault)))).toEqual(inOrder(found));
    });
  }

  for (const { fault, found } of [...sameOnBothSides, ...ofClients]) {
    it(`a client that ${fault}`, async () => {
      expect(inOrder(faultsOf(await judgeClient(fault)))).toEqual(inOrder(found));
    });
  }

  it('a server that breaks no masks gets nothing right that has a payload', async () => {
    const patterns = ['1.1.2', '1.1.8', '1.2.2', '2.2', '2.3', '5.3', '6.2.1', '7.1.1'];
    const results = await judgeServer('breaks no masks', patterns);
    expect(faultsOf(results)).toEqual({ FAILED: ids(...patterns) });
  });

  it('a server that forgets what it has not sent when it fails is NON-STRICT', async () => {
    // Only the cases that arrive in one read: the others depend on how the octets are cut on the
    // way.
    const patterns = ['3.2', '4.1.3', '4.1.4', '4.2.3', '4.2.4', '5.15'];
    const results = await judgeServer('forgets what it has not sent when it fails', [
      '1.1.2',
      ...patterns,
    ]);
    expect(faultsOf(results)).toEqual({ 'NON-STRICT': patterns });
  });

  it('a server that answers after the Close fails the cases that send after it', async () => {
    const patterns = ['7.1.2', '7.1.3', '7.1.4', '7.1.5'];
    const results = await judgeServer('answers after the Close', patterns);
    const broken = results.filter(({ behavior }) => behavior === 'FAILED');
    expect(broken.map(({ id }) => id)).toEqual(['7.1.3', '7.1.4', '7.1.5']);
  });
});
