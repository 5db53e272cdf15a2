/**
 * The programs of docs/frameworks.md, each on the framework that it is for, as install.mjs has
 * installed it: a page, an echo, a client that is refused, and the end on SIGTERM.
 */

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ensureBuilt } from '../examples/running.ts';
import { codeOf, endOf, HERE, makeFolder, nextMessage, Program, removeFolder } from './program.ts';

const DOCUMENT = 'docs/frameworks.md';
const TIMEOUT_MS = 300_000;
const ADA = { headers: { Authorization: 'Bearer s3cret' } };
const isInstalled = existsSync(`${HERE}node_modules/next/package.json`);
const sockets = codeOf(DOCUMENT, 'sockets.js');

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function folderOf(name: string, files: Readonly<Record<string, string>>): string {
  const folder = makeFolder(name, { 'sockets.js': sockets, ...files });
  cleanups.push(() => removeFolder(folder));
  return folder;
}

function run(...args: ConstructorParameters<typeof Program>): Program {
  const program = new Program(...args);
  cleanups.push(() => program.kill());
  return program;
}

/** What differs: the words of a message and its echo, and how the process ends. */
interface Manners {
  readonly sent: string;
  readonly heard: string;
  readonly end: number | string;
}
const PLAIN: Manners = { sent: 'Hi', heard: 'Ada: Hi', end: 0 };
const NEST: Manners = {
  sent: '{"event":"echo","data":"Hi"}',
  heard: '{"event":"echo","data":"Ada: Hi"}',
  // Once all is closed, Nest sends itself the signal again.
  end: 'SIGTERM',
};

async function expectService(program: Program, { sent, heard, end }: Manners): Promise<void> {
  expect(await program.page()).toContain('Hello');

  const refused = await endOf(await program.connect('/echo'));
  expect(refused).toMatchObject({ code: 1006, error: { code: 'WS_RESPONSE_STATUS' } });
  expect(String(refused.error)).toContain('403');

  const client = await program.connect('/echo', ADA);
  client.send(sent);
  expect(await nextMessage(client)).toBe(heard);

  const ended = endOf(client);
  expect(await program.stop(), program.output).toBe(end);
  expect(await ended).toEqual({ code: 1001, error: undefined });
}

describe.runIf(isInstalled)('docs/frameworks.md', { timeout: TIMEOUT_MS }, () => {
  beforeAll(ensureBuilt, TIMEOUT_MS);

  it.each(['Express', 'Fastify', 'Koa', 'Hono'])('%s', async (framework) => {
    const name = `${framework.toLowerCase()}.js`;
    const code = codeOf(DOCUMENT, name);
    await expectService(run(folderOf(framework, { [name]: code }), name), PLAIN);
  });

  it('Express: a session of its middleware lets its user in', async () => {
    const folder = folderOf('session', { 'session.js': codeOf(DOCUMENT, 'session.js') });
    const program = run(folder, 'session.js');
    const { headers } = await program.fetch('/sign-in');
    const [cookie = ''] = headers.getSetCookie().map((one) => one.split(';', 1)[0]);
    const client = await program.connect('/', { headers: { Cookie: cookie } });
    expect(await nextMessage(client)).toBe('Hello Ada');
    client.terminate();
    for (const other of ['', cookie.slice(0, -1)]) {
      const refused = await program.connect('/', { headers: { Cookie: other } });
      expect(String((await endOf(refused)).error)).toContain('403');
    }
  });

  it('NestJS, whose types take the adapter', async () => {
    const code = codeOf(DOCUMENT, 'nest.ts');
    const folder = folderOf('nest', { 'nest.ts': code });
    const compiled = spawnSync(
      `${HERE}../../node_modules/.bin/tsc`,
      [
        ...['--strict', '--target', 'es2022', '--module', 'nodenext', '--skipLibCheck'],
        ...['--experimentalDecorators', '--emitDecoratorMetadata', '--allowJs', '--types', 'node'],
        ...['--ignoreConfig', '--outDir', 'out', 'nest.ts'],
      ],
      { cwd: folder, encoding: 'utf8' },
    );
    expect(compiled.stdout).toBe('');
    await expectService(run(`${folder}/out`, 'nest.js'), NEST);
  });

  it('NestJS: two gateways on a path, observables, exceptions, and all sockets', async () => {
    const program = run(HERE, 'nest-gateways.mjs');
    const client = await program.connect('/nest?a=1');
    const ask = (event: string, data?: unknown) => {
      client.send(JSON.stringify({ event, data }));
      return nextMessage(client);
    };
    expect(await nextMessage(client)).toBe('connected /nest?a=1');
    expect(await ask('count', [7])).toBe('7');
    expect(await ask('later', 'x')).toBe('{"later":"x"}');
    const refused = { status: 'error', message: 'No', cause: { pattern: 'refuse', data: 1 } };
    expect(JSON.parse(String(await ask('refuse', 1)))).toEqual({
      event: 'exception',
      data: refused,
    });
    expect(await ask('break')).toMatch(/^\{"event":"exception".*Internal server error/);

    const other = await program.connect('/nest');
    expect(await nextMessage(other)).toBe('connected /nest');
    await ask('tick');
    const heard: unknown[] = [];
    const isOver = new Promise<void>((resolve) => {
      other.on('message', ({ data }) => {
        if (heard.push(data) === 2) resolve();
      });
    });
    client.terminate();
    await isOver;
    expect(heard.sort()).toEqual(['disconnected', 'unsubscribed']);
    other.terminate();
  });

  describe('Next.js', () => {
    const files = {
      'next.js': codeOf(DOCUMENT, 'next.js'),
      'pages/index.js': 'export default function Page() { return <p>Hello</p>; }',
      // The lock files of this repository would tell it another one.
      'next.config.js': `export default { turbopack: { root: ${JSON.stringify(HERE)} } };`,
    };
    const quiet = { NEXT_TELEMETRY_DISABLED: '1' };

    it('built', async () => {
      const folder = folderOf('next-built', files);
      const built = spawnSync(`${HERE}node_modules/.bin/next`, ['build'], {
        cwd: folder,
        encoding: 'utf8',
        env: { ...process.env, ...quiet, NODE_ENV: 'production' },
      });
      expect(built.status, built.stderr).toBe(0);
      await expectService(run(folder, 'next.js', quiet), PLAIN);
    });

    it('in development, where pages reload through a WebSocket of its own', async () => {
      const program = run(folderOf('next-dev', files), 'next.js', {
        ...quiet,
        NODE_ENV: 'development',
      });
      expect(await program.page()).toContain('Hello');
      const reload = await program.connect('/_next/hmr?id=test');
      expect(await nextMessage(reload)).toBeTruthy();
      await expectService(program, PLAIN);
    });
  });
});

if (!isInstalled) {
  it.skip('frameworks: not installed, run `node test/frameworks/install.mjs`', () => {});
}
