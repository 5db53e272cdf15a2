/**
 * Programs in wide use, each doing its real job with Sanswire in place of `ws` or `faye-websocket`:
 * programs/ has one file for each, run in a process of its own. install.mjs installs them with npm
 * overrides.
 */

import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const here = fileURLToPath(new URL('.', import.meta.url));
const programs = readdirSync(join(here, 'programs')).filter((name) => name.endsWith('.mjs'));
const isInstalled = existsSync(join(here, 'node_modules/ws/index.cjs'));
const run = promisify(execFile);

const TIME_LIMIT_MS = 60_000;

describe.runIf(isInstalled)('programs that use ws or faye-websocket', () => {
  it.each([
    ['ws', 'sanswire/ws'],
    ['faye-websocket', 'sanswire'],
  ])('get Sanswire from require("%s")', async (name, ours) => {
    const print = `console.log(require('${name}') === require('${ours}'))`;
    const { stdout } = await run(process.execPath, ['-e', print], { cwd: here });
    expect(stdout.trim()).toBe('true');
  });

  for (const name of programs) {
    it(name.replace('.mjs', ''), { timeout: TIME_LIMIT_MS }, async () => {
      // A program that finds a fault exits with another code than 0, and describes it on stderr.
      await run(process.execPath, [join(here, 'programs', name)], { timeout: TIME_LIMIT_MS });
    });
  }
});

if (!isInstalled) {
  it.skip('programs: not installed, run `node test/dependants/install.mjs`', () => {});
}
