/** Every example of docs/extensions.md runs as it stands, and prints what stands below it. */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { ensureBuilt } from '../examples/running.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const markdown = readFileSync(`${root}docs/extensions.md`, 'utf8');
const EXAMPLE = /```js\n(.*?)```\n\n```text\n(.*?)```/gs;
const examples = [...markdown.matchAll(EXAMPLE)].map(([, code, output]) => ({ code, output }));

/** Ample for a machine that is busy with other tests. */
const TIMEOUT_MS = 60_000;

beforeAll(ensureBuilt, 120_000);

describe('docs/extensions.md', { timeout: TIMEOUT_MS }, () => {
  it('has an output for each example', () => {
    expect(examples.length).toBeGreaterThan(0);
    expect(examples.length).toBe(markdown.split('```js\n').length - 1);
  });

  it.each(examples)('has an example that runs: example %#', ({ code, output }) => {
    const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module'], {
      cwd: root,
      input: code,
      encoding: 'utf8',
    });
    expect({ stdout, stderr, status }).toEqual({ stdout: output, stderr: '', status: 0 });
  });

  it('names files that exist', () => {
    for (const [, path] of markdown.matchAll(/`((?:extensions|connection|node)\/[\w/-]+\.ts)`/g)) {
      expect(() => readFileSync(`${root}src/${path}`)).not.toThrow();
    }
  });
});
