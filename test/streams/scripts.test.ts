/**
 * The examples of docs/streams.md run with one command and print what they promise; so do the
 * scripts that measure.
 */

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { ensureBuilt, runExample } from '../examples/running.ts';

/** Ample for a machine that is busy with other tests. */
const TIMEOUT_MS = 120_000;

const root = fileURLToPath(new URL('../..', import.meta.url));
beforeAll(ensureBuilt, TIMEOUT_MS);

async function linesOf(example: string): Promise<string[]> {
  const { code, stdout, stderr } = await runExample(example);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return stdout.trimEnd().split('\n');
}

function runScript(name: string, ...arguments_: readonly string[]): string[] {
  const { status, stdout, stderr } = spawnSync(process.execPath, [`bench/${name}`, ...arguments_], {
    cwd: root,
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  expect(stdout).not.toContain('TOO MUCH');
  expect(status).toBe(0);
  return stdout.trimEnd().split('\n');
}

describe('the examples of streams run and end', { timeout: TIMEOUT_MS }, () => {
  it('streams-messages.mjs', async () => {
    expect((await linesOf('streams-messages.mjs')).sort()).toEqual([
      'client: received 67108864 bytes, the same',
      'client: the answer begins before the upload ends',
      'server: a binary message begins',
      'server: sent it back',
    ]);
  });

  it('streams-duplex.mjs', async () => {
    const lines = await linesOf('streams-duplex.mjs');
    expect(lines.slice(0, 2).sort()).toEqual([
      'client: closed 1000',
      'server: unpacked 1300009 bytes',
    ]);
    expect(lines.slice(2)).toEqual([
      'server: incorrect header check',
      'client: WebSocketError 1011',
      'client: closed 1011',
    ]);
  });

  it('streams-web.mjs', async () => {
    const lines = await linesOf('streams-web.mjs');
    expect(lines.slice(0, 6)).toEqual([
      'client: open, protocol shout',
      'client: HELLO',
      'client: TO',
      'client: THE',
      'client: OTHER',
      'client: SIDE',
    ]);
    expect(lines.slice(6).sort()).toEqual([
      'client: closed 4000 "hoarse"',
      'server: closed 4000 "hoarse"',
    ]);
  });
});

describe('the scripts that measure streams run and end', { timeout: TIMEOUT_MS }, () => {
  it('streams-two-gib.mjs, with less', () => {
    const lines = runScript('streams-two-gib.mjs', '64');
    expect(lines.filter((line) => line.includes('sha-256 matches')).length).toBe(2);
  });

  it('streams-slow-consumer.mjs, for a shorter time', () => {
    const lines = runScript('streams-slow-consumer.mjs', '1');
    expect(lines.map((line) => line.split(' consumed')[0]?.trim())).toEqual([
      'for await',
      'WebSocketStream',
      'toDuplex',
      'message stream',
    ]);
  });
});
