/**
 * Bundlers and runners in wide use, each with the built package, and `sanswire-ws` in place of ws:
 * `require` and `import`, an echo with each, and both forms in one program. bundlers/ and runners/
 * have one file for each tool; install.mjs installs them.
 */

import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureBuilt, ROOT } from '../seeds/built.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const isInstalled = existsSync(join(here, 'node_modules/webpack'));
const run = promisify(execFile);
const project = mkdtempSync(join(tmpdir(), 'sanswire-tools-'));

const TIME_LIMIT_MS = 120_000;
const PROGRAM = /^(both|(?:import|require)-.+)\.[cm]js$/;
const programs = readdirSync(join(here, 'programs')).flatMap(
  (name) => PROGRAM.exec(name)?.[1] ?? [],
);
const bun = join(ROOT, `bench/node_modules/@oven/bun-${process.platform}-${process.arch}/bin/bun`);

/** The names of the tools in a folder; Bun is one where the benchmarks have it. */
function listTools(folder: string): string[] {
  const names = readdirSync(join(here, folder)).map((name) => name.replace('.mjs', ''));
  return names.filter((name) => name !== 'bun' || existsSync(bun));
}

/** Runs a script in the project, and returns what it printed. */
async function runScript(...parameters: string[]): Promise<string> {
  // The variables that Vitest has set would change what the tools do.
  const own = Object.entries(process.env).filter(([name]) => !/^(?:VITEST|NODE_ENV$)/.test(name));
  const env = { ...Object.fromEntries(own), BUN: bun, NO_COLOR: '1', FORCE_COLOR: '0' };
  const { stdout, stderr } = await run(process.execPath, parameters, {
    cwd: project,
    env,
    timeout: TIME_LIMIT_MS,
  });
  return stdout + stderr;
}

/** The programs that said that all was fine, and what else began with their names. */
const reportsIn = (output: string): string[] =>
  output
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => programs.some((name) => line.startsWith(`${name}: `)))
    .sort();

const allFine = programs.map((name) => `${name}: fine`).sort();

beforeAll(async () => {
  await ensureBuilt();
  cpSync(join(here, 'programs'), project, { recursive: true });
  const installed = join(project, 'node_modules');
  mkdirSync(join(installed, 'sanswire'), { recursive: true });
  for (const part of ['dist', 'package.json']) {
    cpSync(join(ROOT, part), join(installed, 'sanswire', part), { recursive: true });
  }
  cpSync(join(ROOT, 'packages/ws'), join(installed, 'ws'), { recursive: true });
  cpSync(join(here, 'bufferutil.cjs'), join(installed, 'bufferutil/index.js'));
});

afterAll(() => rmSync(project, { recursive: true, force: true }));

describe.runIf(isInstalled)('What a bundler makes of the package echoes', () => {
  it.each(listTools('bundlers'))('%s', { timeout: TIME_LIMIT_MS }, async (name) => {
    await runScript(join(here, 'bundlers', `${name}.mjs`));
    expect(reportsIn(await runScript('run-all.mjs', join(project, 'out', name)))).toEqual(allFine);
  });
});

describe.runIf(isInstalled)('The package echoes in', () => {
  it.each(listTools('runners'))('%s', { timeout: TIME_LIMIT_MS }, async (name) => {
    expect(reportsIn(await runScript(join(here, 'runners', `${name}.mjs`)))).toEqual(allFine);
  });
});

if (!isInstalled) {
  it.skip('bundlers and runners: not installed, run `node test/tools/install.mjs`', () => {});
}

describe('sanswire-ws in a browser', () => {
  it('throws when it is called, and not before, as ws does', async () => {
    const code = `const WebSocket = require('ws');
      try { new WebSocket('ws://localhost'); } catch (error) { console.log(error.message); }`;
    expect(await runScript('--conditions=browser', '-e', code)).toMatch(/browser/);
  });
});
