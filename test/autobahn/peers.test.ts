// Our faces, and peers that nobody here wrote, judged in-process on a part of the cases: the
// verdicts that the official suite gives on them.
import { describe, expect, it } from 'vitest';
import { selectCases, shorten } from '../../autobahn/cases/index.ts';
import { playAllAgainstServer } from '../../autobahn/fuzzing-client.ts';
import { FuzzingServer } from '../../autobahn/fuzzing-server.ts';
import { runClientLoop } from '../../autobahn/peers/client-loop.ts';
import { loadPeer } from '../../autobahn/peers/load-peer.ts';
import { type CaseResult, overallBehavior } from '../../autobahn/play/verdict.ts';

const cases = selectCases([
  ...['1.1.8', '1.2.7', '2.*', '3.*', '4.1.*', '5.*', '6.1.*', '6.2.*', '6.3.*', '6.4.*', '7.*'],
  ...['9.1.1', '9.3.2', '9.5.6', '9.7.4', '10.1.1', '12.1.3', '12.2.5', '12.3.11'],
  ...['13.2.6', '13.3.6', '13.4.6', '13.5.6', '13.6.6', '13.7.6'],
]).map(shorten);
const settings = { timeScale: 10, pauseMs: 10 };
const PARALLEL = 8;

function notOk(results: readonly CaseResult[]): Record<string, string> {
  const odd = results.filter((result) => overallBehavior(result) !== 'OK');
  return Object.fromEntries(odd.map((result) => [result.id, overallBehavior(result)]));
}

async function judgeServer(name: string): Promise<Record<string, string>> {
  const peer = await loadPeer(name);
  const port = await peer.serve?.('127.0.0.1', 0);
  const url = new URL(`ws://127.0.0.1:${port}/`);
  return notOk(await playAllAgainstServer(url, cases, settings, PARALLEL, () => {}));
}

async function judgeClient(name: string): Promise<Record<string, string>> {
  const peer = await loadPeer(name);
  const server = new FuzzingServer({
    cases,
    settings,
    onResult: () => {},
    onUpdateReports: () => {},
  });
  const url = `ws://127.0.0.1:${await server.listen(0)}`;
  if (peer.echo !== undefined) await runClientLoop(peer.echo, url, name, PARALLEL);
  const results = await server.resultsOf(name);
  await server.close();
  return notOk(results);
}

const INFORMATIONAL = Object.fromEntries(
  ['7.1.6', '7.13.1', '7.13.2'].map((id) => [id, 'INFORMATIONAL']),
);
const LATE_UTF8 = Object.fromEntries(
  ['6.4.1', '6.4.2', '6.4.3', '6.4.4'].map((id) => [id, 'NON-STRICT']),
);

describe.each(['sanswire', 'sanswire/ws', 'sanswire/streams', 'sanswire/pull-ws'])(
  '%s: is right',
  (name) => {
    it('as a server', async () => {
      expect(await judgeServer(name)).toEqual(INFORMATIONAL);
    });

    it('as a client', async () => {
      expect(await judgeClient(name)).toEqual(INFORMATIONAL);
    });
  },
);

describe('ws: validates UTF-8 late, and takes no more than 16,384 fragments', () => {
  const wanted = { ...INFORMATIONAL, ...LATE_UTF8, '9.3.2': 'FAILED' };

  it('as a server', async () => {
    expect(await judgeServer('ws')).toEqual(wanted);
  });

  it('as a client', async () => {
    expect(await judgeClient('ws')).toEqual(wanted);
  });
});

describe('faye-websocket: validates UTF-8 late', () => {
  it('as a server', async () => {
    expect(await judgeServer('faye')).toEqual({ ...INFORMATIONAL, ...LATE_UTF8 });
  });

  it('as a client', async () => {
    expect(await judgeClient('faye')).toEqual({ ...INFORMATIONAL, ...LATE_UTF8 });
  });
});

describe('undici: validates UTF-8 late', () => {
  it('as a client', async () => {
    expect(await judgeClient('undici')).toEqual({ ...INFORMATIONAL, ...LATE_UTF8 });
  });
});
