// What a run leaves behind: index.json in the format of the Autobahn suite, pages that are safe to
// open, the comparison with the expected results, and the arguments that ask for it.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allCases, selectCases } from '../../autobahn/cases/index.ts';
import expectedResults from '../../autobahn/expected-results.json' with { type: 'json' };
import { compareResults, type ExpectedResults } from '../../autobahn/expected-results.ts';
import { parseOptions, UsageError } from '../../autobahn/options.ts';
import { peerNames } from '../../autobahn/peers/load-peer.ts';
import { type CaseResult, failedBeforeStart } from '../../autobahn/play/verdict.ts';
import { resultTable } from '../../autobahn/report/console-report.ts';
import { writeReport } from '../../autobahn/report/write-report.ts';
import { WireLog } from '../../autobahn/wire/wire-log.ts';

const cases = selectCases(['1.1.1', '6.4.1']);
const AGENT = '<b>"agent"</b> & 1.0';

function resultOf(id: string, more: Partial<CaseResult>): CaseResult {
  const [conformanceCase] = selectCases([id]);
  if (conformanceCase === undefined) throw new Error(id);
  return { ...failedBeforeStart(conformanceCase, '<script>', 12.6), ...more };
}

const good = resultOf('1.1.1', { behavior: 'OK', behaviorClose: 'OK', remoteCloseCode: 1000 });
const bad = resultOf('6.4.1', {});

describe('a report', () => {
  let reports = '';

  beforeAll(async () => {
    reports = await mkdtemp(join(tmpdir(), 'conformance-'));
    await writeReport(reports, 'server', AGENT, cases, [good, bad]);
    await writeReport(reports, 'server', 'other', cases, [good]);
  });

  afterAll(async () => {
    await rm(reports, { recursive: true });
  });

  it('has an index.json of agents and cases, added to by each run', async () => {
    const text = await readFile(join(reports, 'servers', 'index.json'), 'utf8');
    const index = JSON.parse(text) as Record<string, unknown>;
    expect(Object.keys(index)).toEqual([AGENT, 'other']);
    expect(index[AGENT]).toEqual({
      '1.1.1': {
        behavior: 'OK',
        behaviorClose: 'OK',
        duration: 13,
        remoteCloseCode: 1000,
        reportfile: '_b_agent_b_1_0_case_1_1_1.json',
      },
      '6.4.1': {
        behavior: 'FAILED',
        behaviorClose: 'FAILED',
        duration: 13,
        remoteCloseCode: null,
        reportfile: '_b_agent_b_1_0_case_6_4_1.json',
      },
    });
  });

  it('links to a page for each case, and escapes what came from outside', async () => {
    const index = await readFile(join(reports, 'servers', 'index.html'), 'utf8');
    expect(index).toContain('href="_b_agent_b_1_0_case_6_4_1.html"');
    expect(index).toContain('&lt;b&gt;&quot;agent&quot;&lt;/b&gt; &amp; 1.0');
    const page = await readFile(join(reports, 'servers', '_b_agent_b_1_0_case_6_4_1.html'), 'utf8');
    expect(page).toContain('&lt;script&gt;');
    expect(page).not.toContain('<script>');
  });

  it('says in the table what is not OK and why', () => {
    const table = resultTable('agent', [good, bad]);
    expect(table).toContain('1 OK, 1 FAILED');
    expect(table).toContain('6.4.1    FAILED / FAILED: <script>.');
  });
});

describe('a wire log', () => {
  it('keeps the first and the last entries and says how many it does not', () => {
    const log = new WireLog();
    for (let index = 0; index < 1000; index += 1) log.add('peer', () => `entry ${index}`);
    const texts = log.entries().map(({ text }) => text);
    expect(texts).toHaveLength(81);
    expect(texts[0]).toBe('entry 0');
    expect(texts[60]).toBe('… 920 more …');
    expect(texts.at(-1)).toBe('entry 999');
  });
});

describe('the expected results', () => {
  const expected: ExpectedResults = expectedResults;
  const open = allCases.filter(({ isInformational }) => isInformational === true);
  const informational = { behavior: 'INFORMATIONAL', behaviorClose: 'INFORMATIONAL' };

  it('of our faces are OK on both sides, and INFORMATIONAL where RFC 6455 is open', () => {
    const wanted = Object.fromEntries(open.map(({ id }) => [id, informational]));
    for (const face of peerNames.filter((name) => name.startsWith('sanswire'))) {
      expect(expected[face]).toEqual({ server: wanted, client: wanted });
    }
  });

  it('are there for each peer, and name cases that exist', () => {
    const known = new Set(allCases.map(({ id }) => id));
    expect(Object.keys(expected)).toEqual(peerNames);
    for (const sides of Object.values(expected)) {
      for (const results of Object.values(sides)) {
        expect(Object.keys(results).filter((id) => !known.has(id))).toEqual([]);
      }
    }
  });

  it('are compared case by case, also those that are missing', () => {
    const ok = { behavior: 'OK', behaviorClose: 'OK' };
    const unclean = { behavior: 'OK', behaviorClose: 'UNCLEAN' };
    const actual = { '1.1.1': ok, '1.1.2': unclean, '1.1.4': unclean, '1.1.5': ok };
    const ids = ['1.1.1', '1.1.2', '1.1.3', '1.1.4', '1.1.5'];
    expect(compareResults({ '1.1.4': unclean, '1.1.5': unclean }, actual, ids)).toEqual([
      '1.1.2: expected OK / OK, got OK / UNCLEAN',
      '1.1.3: expected OK / OK, got missing',
      '1.1.5: expected OK / UNCLEAN, got OK / OK',
    ]);
  });
});

describe('the arguments', () => {
  it('ask for two faces on both sides when there are none', () => {
    const options = parseOptions([]);
    expect(options.target).toEqual({
      kind: 'peers',
      names: ['sanswire', 'sanswire/ws'],
      sides: ['server', 'client'],
    });
    expect(options).toMatchObject({ patterns: ['*'], isQuick: false, timeScale: 1 });
  });

  it('choose peers and a side', () => {
    const { target } = parseOptions(['--peer', 'sanswire/streams,ws', '--side', 'client']);
    expect(target).toEqual({ kind: 'peers', names: ['sanswire/streams', 'ws'], sides: ['client'] });
  });

  it('are read', () => {
    const options = parseOptions([
      ...['--server', 'ws://[::1]:9001/echo', '--cases', '6.*,7.1.1', '--parallel', '8'],
      ...['--quick', '--limit', '5', '--time-scale', '10'],
    ]);
    expect(options.target).toMatchObject({ kind: 'server', url: { port: '9001' } });
    expect(options).toMatchObject({ parallel: 8, isQuick: true, limitMs: 5000, timeScale: 10 });
    expect(options.patterns).toEqual(['6.*', '7.1.1']);
  });

  it.each([
    ['--server wss://example.org'],
    ['--server http://example.org'],
    ['--server nonsense'],
    ['--client 70000'],
    ['--parallel 0'],
    ['--parallel many'],
    ['--limit -1'],
    ['--time-scale 0'],
    ['--peer sanswire,mystery'],
    ['--side both --peer ws'],
    ['--server ws://a --client 9001'],
    ['--unknown'],
    ['stray'],
  ])('%s is a mistake', (line) => {
    expect(() => parseOptions(line.split(' '))).toThrow(UsageError);
  });
});
