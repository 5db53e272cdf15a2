/** The bundled types: a project for `ws` and @types/ws compiles when only its import is changed. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const project = readFileSync(new URL('./typed/project.ts', import.meta.url), 'utf8');

/** The same for CommonJS, where the package is the class and a namespace. */
const commonJsProject = `
import WebSocket = require('ws');

const server = new WebSocket.Server({ port: 0, perMessageDeflate: false });
const other: WebSocket.Server = new WebSocket.WebSocketServer({ noServer: true });

server.on('connection', (socket: WebSocket, request) => {
  socket.on('message', (message: WebSocket.RawData) => console.log(message, request.url));
  socket.send('something');
});
server.clients.forEach((client) => {
  if (client.readyState === WebSocket.OPEN) client.send('all');
});

const options: WebSocket.ClientOptions = { followRedirects: true };
const client = new WebSocket('ws://localhost', 'protocol', options);
client.onmessage = (event: WebSocket.MessageEvent) => console.log(event.data);
const duplex = WebSocket.createWebSocketStream(client, { encoding: 'utf8' });
duplex.on('error', console.error);

export = { client, other };
`;

let folder: string;

// Within the package, so that its own name and the types of Node resolve.
beforeAll(() => {
  folder = mkdtempSync(join(root, 'test/compat/ws/typed/compiled-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Compiles a file strictly, libraries included; returns what the compiler says. */
function compile(name: string, source: string): string {
  const file = join(folder, name);
  writeFileSync(file, source);
  const flags = '--noEmit --strict --noUncheckedIndexedAccess --exactOptionalPropertyTypes';
  const target = '--target es2023 --lib ES2023,ESNext.Disposable --types node --ignoreConfig';
  const modules = '--module nodenext --moduleResolution nodenext --skipLibCheck false';
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  try {
    const args = `${flags} ${target} ${modules}`.split(' ');
    return execFileSync(process.execPath, [compiler, ...args, file], { encoding: 'utf8' });
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

const changeImport = (source: string): string =>
  source
    .replace("from 'ws'", "from 'sanswire/ws'")
    .replace("require('ws')", "require('sanswire/ws')");

it('compiles with @types/ws', () => {
  expect(compile('before.ts', project)).toBe('');
  expect(compile('before.cts', commonJsProject)).toBe('');
});

it('compiles with sanswire/ws', () => {
  expect(compile('after.ts', changeImport(project))).toBe('');
});

it('compiles with sanswire/ws in CommonJS', () => {
  expect(compile('after.cts', changeImport(commonJsProject))).toBe('');
});

it('is not compiled by accident: what neither has is refused', () => {
  expect(compile('wrong.ts', `${changeImport(project)}\nclient.unknownMethod();`)).toMatch(
    /TS2339/,
  );
});
