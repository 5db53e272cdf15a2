/**
 * The README's programs for a service, as they stand there, with the express and jose that
 * install.mjs has installed.
 */

import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ensureBuilt } from '../examples/running.ts';
import { codeOf, endOf, HERE, makeFolder, nextMessage, Program, removeFolder } from './program.ts';

const README = 'README.md';
const TIMEOUT_MS = 120_000;
const isInstalled = existsSync(`${HERE}node_modules/jose/package.json`);

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Runs a program of the README, with files beside it. */
function run(
  name: string,
  files: Readonly<Record<string, string>> = {},
  environment?: Readonly<Record<string, string>>,
): Program {
  const folder = makeFolder(`readme-${name}`, { [name]: codeOf(README, name), ...files });
  const program = new Program(folder, name, environment);
  cleanups.push(async () => {
    await program.kill();
    removeFolder(folder);
  });
  return program;
}

const lineCount = (name: string): number => codeOf(README, name).trimEnd().split('\n').length;

it.each([
  ['chat.js', 25],
  ['jwt.js', 15],
  ['drain.js', 10],
])('README.md: %s has less than %i lines', (name, limit) => {
  expect(lineCount(name)).toBeLessThan(limit);
});

describe.runIf(isInstalled)('README.md', { timeout: TIMEOUT_MS }, () => {
  beforeAll(ensureBuilt, TIMEOUT_MS);

  it('chat.js: pages of Express, and everybody hears what one says', async () => {
    const program = run('chat.js', { 'public/index.html': 'The room' });
    expect(await program.page()).toBe('The room');

    const ada = await program.connect('/chat?name=Ada');
    expect(await nextMessage(ada)).toBe('* Ada has joined');
    const grace = await program.connect('/chat');
    const joined = [nextMessage(ada), nextMessage(grace)];
    expect(await Promise.all(joined)).toEqual(Array(2).fill('* Somebody has joined'));
    ada.send('Hello');
    const heard = [nextMessage(ada), nextMessage(grace)];
    expect(await Promise.all(heard)).toEqual(Array(2).fill('Ada: Hello'));
    ada.close();
    expect(await nextMessage(grace)).toBe('* Ada has left');
    // Nobody else's path.
    expect(await endOf(await program.connect('/'))).toMatchObject({ code: 1006 });
  });

  it('jwt.js: a token that is ours gets in, and no other', async () => {
    const secret = 'a secret of thirty-two bytes or more';
    const program = run('jwt.js', {}, { JWT_SECRET: secret });
    const later = Math.floor(Date.now() / 1000) + 3600;
    const connect = (token?: string, origin = 'https://example.com') =>
      program.connect('/', {
        headers: { Origin: origin, ...(token && { Cookie: `theme=dark; token=${token}` }) },
      });

    const token = tokenFor({ sub: 'Ada', exp: later }, secret);
    const client = await connect(token);
    expect(await nextMessage(client)).toBe('Hello Ada');
    client.terminate();

    const [, claims] = token.split('.');
    const unsigned = `${encode({ alg: 'none' })}.${claims}.`;
    const others = [
      tokenFor({ sub: 'Ada', exp: later }, 'another'),
      tokenFor({ sub: 'Ada', exp: 1 }, secret),
      unsigned,
      'nonsense',
      undefined,
    ];
    for (const other of others) {
      expect(String((await endOf(await connect(other))).error), other).toContain('401');
    }
    const { error } = await endOf(await connect(token, 'https://example.org'));
    expect(String(error)).toContain('403');
  });

  it('drain.js: no client sees 1006, and the process ends', async () => {
    const program = run('drain.js');
    const clients = [await program.connect('/'), await program.connect('/')];
    await Promise.all(clients.map((client) => once(client, 'open')));
    const ends = Promise.all(clients.map(endOf));
    expect(await program.stop()).toBe(0);
    expect(await ends).toEqual(Array(2).fill({ code: 1001, error: undefined }));
    expect(program.output).toContain('closed: 2, terminated: 0');
  });
});

const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');

function tokenFor(claims: object, secret: string): string {
  const text = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

if (!isInstalled) {
  it.skip('README.md: not installed, run `node test/frameworks/install.mjs`', () => {});
}
