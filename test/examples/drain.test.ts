/** A deploy, as it is: a process that gets SIGTERM while 1,000 clients are connected to it. */

import { get, type IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Client } from '../../src/api/client.ts';
import type { CloseEvent } from '../../src/api/events.ts';
import { ensureBuilt, RunningExample, runExample } from './running.ts';

const CLIENTS = 1000;
/** So many connect at a time: the listen queue of a system is short. */
const AT_ONCE = 100;
const TIMEOUT_MS = 120_000;

let serving: RunningExample;

beforeAll(async () => {
  await ensureBuilt();
  serving = new RunningExample('drain.mjs', ['--serve'], { PORT: '0', SPREAD: '500' });
}, TIMEOUT_MS);
afterAll(() => serving.stop('SIGKILL'));

function open(url: string): Promise<Client> {
  const client = new Client(url);
  return new Promise((resolve, reject) => {
    client.on('open', () => resolve(client));
    client.on('error', ({ error }) => reject(error));
  });
}

describe('drain.mjs', { timeout: TIMEOUT_MS }, () => {
  it('ends by itself', async () => {
    const { code, stdout, stderr } = await runExample('drain.mjs');
    expect([code, stderr]).toEqual([0, '']);
    const lines = stdout.trimEnd().split('\n').slice(1).sort();
    expect(lines).toEqual([
      'client: 1001, clean: true',
      'client: 1001, clean: true',
      'server: all is closed',
      'server: closed 2, terminated 0',
    ]);
  });

  it(`closes ${CLIENTS} clients on SIGTERM, none of them with 1006, and exits`, async () => {
    const [, url = ''] = await serving.printed(/listening on (\S+),/);
    const clients: Client[] = [];
    while (clients.length < CLIENTS) {
      clients.push(...(await Promise.all(Array.from({ length: AT_ONCE }, () => open(url)))));
    }
    // A connection of HTTP that is kept alive must not hold the process.
    const response = await new Promise<IncomingMessage>((resolve) => {
      get(
        url.replace('ws:', 'http:'),
        { agent: false, headers: { Connection: 'keep-alive' } },
        resolve,
      );
    });
    response.resume();
    const endings = clients.map(
      (client) => new Promise<CloseEvent>((resolve) => client.on('close', resolve)),
    );
    serving.child.kill('SIGTERM');
    const seen = new Map<string, number>();
    for (const { code, wasClean } of await Promise.all(endings)) {
      const ending = `${code} ${wasClean}`;
      seen.set(ending, (seen.get(ending) ?? 0) + 1);
    }
    expect([...seen]).toEqual([['1001 true', CLIENTS]]);
    const { code, stdout, stderr } = await serving.ended;
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain(`server: closed ${CLIENTS}, terminated 0\n`);
  });
});
