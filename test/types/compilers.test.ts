/**
 * The package as users of TypeScript compile against it: each version that is supported, each
 * module resolution, and programs written for the types of `ws`. compilers/programs/ has the
 * programs, compilers/install.mjs installs the versions.
 */

import { execFile } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureBuilt, ROOT } from '../seeds/built.ts';

const here = fileURLToPath(new URL('compilers/', import.meta.url));
const installed = join(here, 'node_modules');
const isInstalled = existsSync(join(installed, 'typescript-5.4'));
const project = mkdtempSync(join(tmpdir(), 'sanswire-compilers-'));
const run = promisify(execFile);

const TIME_LIMIT_MS = 240_000;
const VERSIONS = ['5.4', '5.5', '5.6', '5.7', '5.8', '5.9', '6.0', '7.0'] as const;
type Version = (typeof VERSIONS)[number];

interface Mode {
  readonly files: readonly string[];
  /** The types of Node, and whether the libraries of ws are those of @types/ws. */
  readonly node: 20 | 22;
  readonly types?: 'ws';
  readonly options: Readonly<Record<string, unknown>>;
  /** Whether a version has the mode; by default all have. */
  readonly versions?: (version: Version) => boolean;
}

/** The examples of the README that need nothing else; test/frameworks runs the others. */
const EXAMPLES = [...readFileSync(join(ROOT, 'README.md'), 'utf8').matchAll(/^```js\n(.+?)^```/gms)]
  .map(([, code = '']) => code)
  .filter((code) => code.includes("'sanswire") && !/from '(?!node:|sanswire)/.test(code))
  .map((code, index) => {
    const isModule = code.includes('import ');
    return { name: `readme-${index}.${isModule ? 'mjs' : 'cjs'}`, code };
  });

const COMMON_JS = { module: 'commonjs', moduleResolution: 'node10', esModuleInterop: true };
const beforeSeven = (version: Version): boolean => version !== '7.0';
const edges = (version: Version): boolean => ['5.4', '5.9', '7.0'].includes(version);

const MODES: Readonly<Record<string, Mode>> = {
  'nodenext, import and require': {
    files: ['modules.mts', 'commonjs.cts', 'exchange.mts'],
    node: 22,
    // With declarations, because the types of ours that end up in those need names.
    options: {
      ...{ module: 'nodenext', declaration: true },
      ...{ skipLibCheck: false, skipDefaultLibCheck: true },
    },
  },
  'node16, types of Node not named, and ws under an override': {
    files: ['commonjs.cts', 'defaults.ts', 'override.ts', 'written-for-ws.ts'],
    node: 20,
    options: { module: 'node16', esModuleInterop: true, types: [], skipLibCheck: true },
    versions: edges,
  },
  'nodenext, import of ws under an override': {
    files: ['override.mts'],
    node: 20,
    options: { module: 'nodenext', skipLibCheck: true },
    versions: edges,
  },
  'node10, CommonJS': {
    files: ['commonjs.cts', 'defaults.ts', 'override.ts', 'written-for-ws.ts'],
    node: 20,
    options: { ...COMMON_JS, skipLibCheck: false, skipDefaultLibCheck: true },
    versions: beforeSeven,
  },
  'node10, without esModuleInterop': {
    files: ['commonjs.cts', 'stars.ts', 'override.ts'],
    node: 22,
    options: { ...COMMON_JS, esModuleInterop: false, skipLibCheck: true },
    versions: (version) => version === '5.4' || version === '5.9',
  },
  'bundler, with the DOM': {
    files: ['modules.mts', 'written-for-ws.ts'],
    node: 22,
    options: {
      ...{ module: 'esnext', moduleResolution: 'bundler', esModuleInterop: true },
      ...{ lib: ['es2023', 'dom', 'dom.iterable'], skipLibCheck: true },
    },
    versions: edges,
  },
  'the examples of the README': {
    files: EXAMPLES.map(({ name }) => name),
    node: 22,
    options: {
      ...{ module: 'nodenext', allowJs: true, checkJs: true, noImplicitAny: false },
      ...{ skipLibCheck: true },
    },
    versions: (version) => version === '7.0',
  },
  'the types of ws themselves, to tell that the program is right': {
    files: ['written-for-ws.ts'],
    node: 20,
    types: 'ws',
    options: { module: 'nodenext', esModuleInterop: true, skipLibCheck: true },
    versions: (version) => version === '5.9',
  },
};

const CASES = VERSIONS.flatMap((version) =>
  Object.entries(MODES)
    .filter(([, { versions }]) => versions?.(version) ?? true)
    .map(([name, mode]) => ({ version, name, mode })),
);

/** Makes a folder with what `npm install` would put there. */
function makeProject(folder: string, { node, types }: Mode): void {
  const modules = join(folder, 'node_modules');
  cpSync(join(here, 'programs'), folder, { recursive: true });
  for (const { name, code } of EXAMPLES) writeFileSync(join(folder, name), code);
  for (const part of ['dist', 'package.json']) {
    cpSync(join(ROOT, part), join(modules, 'sanswire', part), { recursive: true });
  }
  if (types === undefined)
    cpSync(join(ROOT, 'packages/ws'), join(modules, 'ws'), { recursive: true });
  cpSync(join(installed, '@types/ws'), join(modules, '@types/ws'), { recursive: true });
  cpSync(join(installed, `node-types-${node}`), join(modules, '@types/node'), { recursive: true });
  cpSync(join(installed, 'undici-types'), join(modules, 'undici-types'), { recursive: true });
}

/** Returns what the compiler says; nothing when all is well. */
async function compile(version: Version, mode: Mode, index: number): Promise<string> {
  const folder = join(project, [mode.node, mode.types].join('-'));
  const config = join(folder, `tsconfig.${version}.${index}.json`);
  const compilerOptions = {
    ...{ target: 'es2022', strict: true, noEmit: true, types: ['node'] },
    ...mode.options,
    ...(version === '6.0' ? { ignoreDeprecations: '6.0' } : {}),
  };
  writeFileSync(config, JSON.stringify({ compilerOptions, files: mode.files }));
  const compiler = join(installed, `typescript-${version}`, 'bin/tsc');
  const result = run(process.execPath, [compiler, '-p', config], { timeout: TIME_LIMIT_MS });
  const { stdout } = await result.catch((error: { stdout: string }) => error);
  return stdout;
}

/** The results of all cases, of which two are compiled at a time. */
const results: Promise<string>[] = [];

beforeAll(async () => {
  if (!isInstalled) return;
  await ensureBuilt();
  for (const mode of Object.values(MODES)) {
    const folder = join(project, [mode.node, mode.types].join('-'));
    if (!existsSync(folder)) {
      mkdirSync(folder);
      makeProject(folder, mode);
    }
  }
  const lanes = [Promise.resolve(''), Promise.resolve('')];
  CASES.forEach(({ version, mode }, index) => {
    const lane = index % lanes.length;
    const result = (lanes[lane] as Promise<string>).then(() => compile(version, mode, index));
    lanes[lane] = result;
    results.push(result);
  });
}, TIME_LIMIT_MS);

afterAll(() => rmSync(project, { recursive: true, force: true }));

describe.runIf(isInstalled)('TypeScript', () => {
  it.each(CASES.map(({ version, name }, index) => [version, name, index] as const))(
    '%s compiles: %s',
    { timeout: TIME_LIMIT_MS },
    async (_version, _name, index) => {
      expect(await results[index]).toBe('');
    },
  );
});

if (!isInstalled) {
  it.skip('TypeScript: not installed, run `node test/types/compilers/install.mjs`', () => {});
}
