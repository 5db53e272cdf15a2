/**
 * The package as it would be published: what is in it, what linters of packages say, and how an
 * empty project gets it.
 */

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureBuilt, ROOT } from './seeds/built.ts';

const folder = mkdtempSync(join(tmpdir(), 'sanswire-package-'));
const project = join(folder, 'project');
const installed = join(project, 'node_modules', 'sanswire');
let tarball = '';
let packed: readonly string[] = [];
let unpackedSize = 0;

const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest;
/** The entries by the names of their files: `index`, `ws`, `pull-ws/client`. */
const ENTRIES = Object.keys(manifest.exports)
  .filter((entry) => entry !== './package.json')
  .map((entry) => (entry === '.' ? 'index' : entry.slice('./'.length)));
const specifierOf = (entry: string): string =>
  entry === 'index' ? 'sanswire' : `sanswire/${entry}`;

interface Manifest {
  readonly exports: Readonly<Record<string, unknown>>;
}

/** What `npm pack` prints. */
interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
  readonly unpackedSize: number;
}

interface Outcome {
  readonly status: number | null;
  readonly output: string;
}

function run(command: string, parameters: readonly string[], cwd: string): Outcome {
  const { status, stdout, stderr } = spawnSync(command, parameters, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' },
  });
  return { status, output: `${stdout}${stderr}` };
}

/** Runs a tool of this repository in the empty project. */
const runTool = (name: string, ...parameters: string[]): Outcome =>
  run(join(ROOT, 'node_modules', '.bin', name), parameters, project);

/** Runs a program in the empty project; `.mjs` or `.cjs` decides how. */
function runProgram(name: string, code: string): Outcome {
  writeFileSync(join(project, name), code);
  return run(process.execPath, ['--no-experimental-require-module', name], project);
}

beforeAll(async () => {
  await ensureBuilt();
  const { stdout } = spawnSync(
    'npm',
    ['pack', '--json', '--ignore-scripts', '--pack-destination', folder],
    { cwd: ROOT, encoding: 'utf8' },
  );
  const [result] = JSON.parse(stdout) as [Packed];
  tarball = join(folder, result.filename);
  packed = result.files.map(({ path }) => path);
  unpackedSize = result.unpackedSize;
  mkdirSync(installed, { recursive: true });
  writeFileSync(join(project, 'package.json'), '{}');
  run('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1'], folder);
}, 240_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('The tarball', () => {
  it('holds the code, its types, and the documents that npm shows', () => {
    const others = packed.filter(
      (path) => !/^dist\/[a-z0-9/-]+(?:\.d)?\.(?:js|cjs|ts|cts)$/.test(path),
    );
    expect(others.sort()).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json']);
    expect(packed.length).toBeLessThanOrEqual(90);
    expect(unpackedSize).toBeLessThanOrEqual(700_000);
  });

  it('has four files for each entry, and code in chunks of CommonJS', () => {
    for (const ending of ['.js', '.d.ts', '.d.cts']) {
      const names = ENTRIES.map((entry) => `dist/${entry}${ending}`);
      expect(packed).toEqual(expect.arrayContaining(names));
    }
    const isChunk = (path: string): boolean => path.startsWith('dist/chunks/');
    const code = packed.filter((path) => /\.c?js$/.test(path));
    const entries = ENTRIES.flatMap((entry) => [`dist/${entry}.cjs`, `dist/${entry}.js`]);
    expect(code.filter((path) => !isChunk(path)).sort()).toEqual(entries.sort());
    expect(code.filter(isChunk).every((path) => path.endsWith('.cjs'))).toBe(true);
  });

  it('tells nothing of the machine that built it', () => {
    for (const path of packed.filter((one) => one.startsWith('dist/'))) {
      const text = readFileSync(join(installed, path), 'utf8');
      expect(text, path).not.toContain('sourceMappingURL');
      expect(text.includes(ROOT), path).toBe(false);
      expect(text, path).not.toMatch(/(?:from |require\()["']\.[^"']*\.ts["']/);
    }
  });

  it('needs nothing else', () => {
    const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
    expect(manifest.dependencies).toBe(undefined);
    expect(readdirSync(join(project, 'node_modules'))).toEqual(['sanswire']);
    const wanted = /(?:\bfrom |\brequire\(|createRequire\)\(here\(\)\)\()["']([^"']+)["']/g;
    const needs = packed
      .filter((path) => /\.c?js$/.test(path))
      .flatMap((path) => [...readFileSync(join(installed, path), 'utf8').matchAll(wanted)])
      .map(([, specifier = '']) => specifier)
      .filter((specifier) => !/^(?:\.{1,2}\/|node:)/.test(specifier));
    expect(needs).toEqual(['bufferutil']);
  });
});

describe('The linters of packages', () => {
  it('publint --strict finds nothing', () => {
    const { status, output } = runTool('publint', '--strict', tarball);
    expect(output).toContain('All good!');
    expect(status).toBe(0);
  }, 120_000);

  it('publint --strict finds no fault in sanswire-ws', () => {
    const { status, output } = runTool('publint', '--strict', join(ROOT, 'packages/ws'));
    // Only a suggestion: it knows `browser` from before there were conditions.
    expect(output).not.toMatch(/^(?:Errors|Warnings):/m);
    expect(status).toBe(0);
  }, 120_000);

  it('attw finds nothing', () => {
    const { status, output } = runTool('attw', tarball);
    expect(output).toContain('No problems found');
    expect(status, output).toBe(0);
  }, 120_000);
});

const WANTED = `
const names = ['Client', 'EventSource', 'WebSocket', 'isWebSocket', 'permessageDeflate', 'prepare'];
names.push('validateOptions');
const states = [WebSocket.CONNECTING, WebSocket.OPEN, WebSocket.CLOSING, WebSocket.CLOSED];
if (typeof WebSocket !== 'function' || WebSocket.name !== 'WebSocket') throw new Error('No class');
for (const name of names) if (WebSocket[name] === undefined) throw new Error('No static ' + name);
if (states.join() !== '0,1,2,3') throw new Error('No states');
console.log('fine');
`;

describe('An empty project', () => {
  it('gets the class itself with import', () => {
    const { output } = runProgram('import.mjs', `import WebSocket from 'sanswire';${WANTED}`);
    expect(output).toBe('fine\n');
  });

  it('gets the class itself with require', () => {
    const code = `const WebSocket = require('sanswire');${WANTED}`;
    expect(runProgram('require.cjs', code).output).toBe('fine\n');
  });

  it('gets the parts by name, either way', () => {
    const check = `const functions = [Client, EventSource, WebSocket, isWebSocket];
      if (functions.some((one) => typeof one !== 'function')) throw 1;`;
    const names = '{ Client, EventSource, WebSocket, isWebSocket, OPEN }';
    const done = `${check} console.log(OPEN);`;
    const imported = runProgram('names.mjs', `import ${names} from 'sanswire';${done}`);
    const required = runProgram('names.cjs', `const ${names} = require('sanswire');${done}`);
    expect(imported.output).toBe('1\n');
    expect(required).toEqual(imported);
  });

  it('gets the engine, either way', () => {
    const use = `new FrameParser(nodePlatform, {}, 'server'); console.log(typeof ServerEndpoint);`;
    const names = '{ FrameParser, ServerEndpoint, nodePlatform }';
    const imported = runProgram('engine.mjs', `import ${names} from 'sanswire/engine';${use}`);
    const required = runProgram('engine.cjs', `const ${names} = require('sanswire/engine');${use}`);
    expect(imported.output).toBe('function\n');
    expect(required).toEqual(imported);
  });

  it('gets pull-ws and its parts, either way', () => {
    const code = `const [duplex, ...parts] = entries;
      const names = ['connect', 'createServer', 'duplex', 'source', 'sink'];
      const members = { ...duplex, duplex };
      const areSame = parts.every((part, at) => part === members[names[at]]);
      console.log(areSame, parts[0].connect === parts[0]);`;
    const names = ['', '/client', '/server', '/duplex', '/source', '/sink'];
    const list = (load: (name: string) => string): string =>
      `const entries = [${names.map((name) => load(`'sanswire/pull-ws${name}'`)).join()}];${code}`;
    const imported = list((name) => `(await import(${name})).default`);
    expect(runProgram('pull-ws.mjs', imported).output).toBe('true true\n');
    expect(
      runProgram(
        'pull-ws.cjs',
        list((name) => `require(${name})`),
      ).output,
    ).toBe('true true\n');
  });

  it('gets the same from both, with the names of classes and functions', async () => {
    const code = `
      import { createRequire } from 'node:module';
      const require = createRequire(import.meta.url);
      const names = {};
      for (const specifier of ${JSON.stringify(ENTRIES.map(specifierOf))}) {
        const required = require(specifier);
        for (const [key, value] of Object.entries(await import(specifier))) {
          const other = key === 'default' ? required : required[key];
          if (other !== value) console.log('Another', specifier, key);
          names[specifier + ' ' + key] = value.name;
        }
      }
      console.log(JSON.stringify(names));`;
    const names: Record<string, unknown> = {};
    for (const entry of ENTRIES) {
      const source = join(ROOT, 'src', `${entry}.ts`);
      const exported = (await import(source)) as Record<string, { name?: unknown }>;
      for (const [key, value] of Object.entries(exported)) {
        names[`${specifierOf(entry)} ${key}`] = value.name;
      }
    }
    const { output } = runProgram('same.mjs', code);
    expect(JSON.parse(output)).toEqual(JSON.parse(JSON.stringify(names)));
  });

  it('gets only what it imports into a bundle', async () => {
    writeFileSync(join(project, 'part.mjs'), `export { EventSource } from 'sanswire';`);
    const build = await rolldown({ input: join(project, 'part.mjs'), platform: 'node' });
    const { output } = await build.generate();
    const chunks = Object.keys(output[0].modules).map((path) => basename(path, '.cjs'));
    expect(chunks).toContain('event-source');
    expect(chunks).not.toContain('connection');
    expect(chunks).not.toContain('client');
  });

  it('gets the manifest, and nothing that is not exported', () => {
    const { output } = runProgram(
      'inside.cjs',
      `console.log(require('sanswire/package.json').name); require('sanswire/dist/index.js');`,
    );
    expect(output).toContain('sanswire');
    expect(output).toContain('ERR_PACKAGE_PATH_NOT_EXPORTED');
  });

  it('talks to itself', () => {
    const code = `
      import { createServer } from 'node:http';
      import WebSocket, { Client } from 'sanswire';
      const server = createServer().on('upgrade', (request, socket, head) => {
        new WebSocket(request, socket, head).on('message', function ({ data }) { this.end(data); });
      });
      server.listen(0, '127.0.0.1', async () => {
        const client = new Client('ws://127.0.0.1:' + server.address().port);
        client.send('hello');
        for await (const message of client) console.log(message);
        server.close();
      });
    `;
    expect(runProgram('talk.mjs', code)).toEqual({ status: 0, output: 'hello\n' });
  });

  it('is type-checked against the types in the package', () => {
    writeFileSync(
      join(project, 'typed.mts'),
      `import WebSocket, { Client } from 'sanswire';
       import { ServerEndpoint } from 'sanswire/engine';
       const client: Client = new WebSocket.Client('ws://x');
       const state: 0 | 1 | 2 | 3 = client.readyState;
       // @ts-expect-error: it is a number, so this file is really checked
       export const wrong: string = client.readyState;
       export { ServerEndpoint, state };`,
    );
    writeFileSync(
      join(project, 'typed.cts'),
      `import WebSocket = require('sanswire');
       const client = new WebSocket.Client('ws://x');
       client.on('message', (event) => event.data);
       export = client;`,
    );
    const { status, output } = runTool(
      'tsc',
      ...['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023'],
      ...['--types', 'node', '--typeRoots', join(ROOT, 'node_modules', '@types')],
      'typed.mts',
      'typed.cts',
    );
    expect(output).not.toContain('error');
    expect(status).toBe(0);
  }, 120_000);
});
