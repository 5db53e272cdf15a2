// How long a peer may take for its answers, its Close and its end of TCP: as in Autobahn, times the
// scale of the run.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { selectCases } from '../../autobahn/cases/index.ts';
import { playAgainstServer } from '../../autobahn/fuzzing-client.ts';
import { FuzzingServer } from '../../autobahn/fuzzing-server.ts';
import type { CaseResult } from '../../autobahn/play/verdict.ts';
import { useFakeClock, withClock } from '../support/fake-clock.ts';
import { type Fault, runModelClient, startModelServer } from './model-peer.ts';

const cleanUps: (() => void)[] = [];

beforeEach(useFakeClock);

afterEach(() => {
  vi.useRealTimers();
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

type Words = readonly [behavior: string, behaviorClose: string];

const wordsOf = ({ behavior, behaviorClose }: CaseResult): Words => [behavior, behaviorClose];

async function judgeServer(
  id: string,
  fault: Fault,
  lateMs: number,
  timeScale: number,
): Promise<Words> {
  const { server, url } = await startModelServer(fault, lateMs);
  cleanUps.push(() => server.close());
  const [conformanceCase] = selectCases([id]);
  if (conformanceCase === undefined) throw new Error(id);
  const settings = { timeScale, pauseMs: 1_000 };
  return wordsOf(await withClock(playAgainstServer(url, conformanceCase, settings)));
}

async function judgeClient(
  id: string,
  fault: Fault,
  lateMs: number,
  timeScale: number,
): Promise<Words> {
  const server = new FuzzingServer({
    cases: selectCases([id]),
    settings: { timeScale, pauseMs: 1_000 },
    onResult: () => {},
    onUpdateReports: () => {},
  });
  const url = `ws://127.0.0.1:${await server.listen(0)}`;
  cleanUps.push(() => void server.close());
  await withClock(runModelClient(`${url}/runCase?case=1&agent=model`, fault, lateMs));
  const [result] = await server.resultsOf('model');
  if (result === undefined) throw new Error(id);
  return wordsOf(result);
}

interface Rule {
  readonly name: string;
  readonly id: string;
  readonly fault: Fault;
  /** In time and too late, in milliseconds. */
  readonly times: readonly [inTime: number, late: number];
  readonly server: Words;
  /** Absent where a client cannot be late. */
  readonly client?: Words;
}

const RULES: readonly Rule[] = [
  {
    name: 'an echo has 1 s, then TCP is dropped',
    id: '1.1.2',
    fault: 'answers late',
    times: [900, 1_100],
    server: ['FAILED', 'FAILED'],
    client: ['FAILED', 'FAILED'],
  },
  {
    name: 'an echo of 65,536 octets has 10 s',
    id: '1.1.7',
    fault: 'answers late',
    times: [9_900, 10_100],
    server: ['FAILED', 'FAILED'],
    client: ['FAILED', 'FAILED'],
  },
  {
    name: 'a pong has 1 s, then the suite closes',
    id: '2.2',
    fault: 'answers late',
    times: [900, 1_100],
    server: ['FAILED', 'OK'],
    client: ['FAILED', 'OK'],
  },
  {
    name: 'ten pongs have 3 s',
    id: '2.10',
    fault: 'answers late',
    times: [2_900, 3_100],
    server: ['FAILED', 'OK'],
    client: ['FAILED', 'OK'],
  },
  {
    name: 'an echo of valid UTF-8 has 0.5 s',
    id: '6.22.1',
    fault: 'answers late',
    times: [400, 600],
    server: ['FAILED', 'FAILED'],
    client: ['FAILED', 'FAILED'],
  },
  {
    name: 'an echo of 64 KiB has 10 s',
    id: '9.1.1',
    fault: 'answers late',
    times: [9_900, 10_100],
    server: ['FAILED', 'OK'],
    client: ['FAILED', 'OK'],
  },
  {
    name: 'the answer to a Close has 1 s',
    id: '2.2',
    fault: 'closes late',
    times: [900, 1_100],
    server: ['OK', 'UNCLEAN'],
    client: ['OK', 'UNCLEAN'],
  },
  {
    name: 'so has the answer to a Close that the case is about',
    id: '7.3.3',
    fault: 'closes late',
    times: [900, 1_100],
    server: ['OK', 'UNCLEAN'],
    client: ['OK', 'UNCLEAN'],
  },
  {
    name: 'so has the answer to a wrong Close',
    id: '7.9.1',
    fault: 'closes late',
    times: [900, 1_100],
    server: ['OK', 'FAILED BY CLIENT'],
    client: ['OK', 'FAILED'],
  },
  {
    name: 'a connection is failed within 1 s',
    id: '3.1',
    fault: 'closes late',
    times: [900, 1_100],
    server: ['OK', 'FAILED BY CLIENT'],
    client: ['OK', 'FAILED'],
  },
  {
    name: 'wrong UTF-8 fails the connection within 0.5 s',
    id: '6.6.1',
    fault: 'closes late',
    times: [400, 600],
    server: ['OK', 'FAILED BY CLIENT'],
    client: ['OK', 'FAILED'],
  },
  {
    name: 'a server ends TCP within 1 s of its Close',
    id: '2.2',
    fault: 'ends TCP late',
    times: [900, 1_100],
    server: ['OK', 'UNCLEAN'],
  },
  {
    name: 'so does a server that fails the connection',
    id: '3.1',
    fault: 'ends TCP late',
    times: [900, 1_100],
    server: ['OK', 'FAILED BY CLIENT'],
  },
  {
    name: 'the opening handshake has 5 s',
    id: '1.1.2',
    fault: 'opens late',
    times: [4_900, 5_100],
    server: ['FAILED', 'FAILED'],
  },
];

for (const [side, judge] of [
  ['server', judgeServer],
  ['client', judgeClient],
] as const) {
  describe(`the times of a ${side}`, () => {
    for (const { name, id, fault, times, [side]: late } of RULES) {
      if (late === undefined) continue;
      const [inTimeMs, lateMs] = times;

      it(`${name} (${id})`, async () => {
        expect(await judge(id, fault, inTimeMs, 1)).toEqual(['OK', 'OK']);
        expect(await judge(id, fault, lateMs, 1)).toEqual(late);
      });

      it(`${name}: twice as much at a time scale of 2 (${id})`, async () => {
        expect(await judge(id, fault, lateMs, 2)).toEqual(['OK', 'OK']);
        expect(await judge(id, fault, 2 * lateMs, 2)).toEqual(late);
      });
    }
  });
}

describe('an echo that comes late', () => {
  it('counts until the peer has to answer the Close, as in Autobahn', async () => {
    expect(await judgeServer('2.2', 'reads late', 1_900, 1)).toEqual(['OK', 'OK']);
    expect(await judgeServer('2.2', 'reads late', 2_100, 1)).toEqual(['FAILED', 'UNCLEAN']);
  });
});

describe('a pause', () => {
  it('is scaled, too: UTF-8 is wrong before it is over', async () => {
    expect(await judgeServer('6.4.1', 'closes late', 900, 1)).toEqual(['OK', 'OK']);
    expect(await judgeServer('6.4.1', 'closes late', 1_100, 1)).toEqual(['NON-STRICT', 'OK']);
    expect(await judgeServer('6.4.1', 'closes late', 1_100, 2)).toEqual(['OK', 'OK']);
  });
});
