/**
 * The bundled types: programs compile as people write them, strictly, and what does not exist is
 * refused.
 */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ensureBuilt, ROOT } from '../../seeds/built.ts';

const PROGRAM = `
import ws, { type Connection, connect, createServer, type Server } from 'sanswire/nodejs-websocket';
declare module 'sanswire/nodejs-websocket' {
  interface ConnectionEvents { 'own event': [anything: Date] }
}

const options = { secure: true, key: '', cert: '', validProtocols: ['a'] };
const server: Server = createServer(options, (conn) => {
  const done = (error?: Error) => console.log(error?.message);
  conn.on('text', (text) => conn.sendText(text.toUpperCase(), done));
  conn.on('binary', (inStream) => inStream.pipe(process.stdout));
  conn.on('close', (code, reason) => console.log(code?.toFixed(), reason?.length));
  conn.on('close', (code: number, reason: string) => console.log(code, reason));
  conn.on('pong', (data: string) => console.log(data));
  conn.on('own event', (anything) => console.log(anything.getTime()));
  const path: string = conn.path;
  const state: 0 | 1 | 2 | 3 = conn.readyState;
  if (state === conn.OPEN) conn.outStream?.end(path);
}).listen(8001, () => console.log(server.socket.address()));
server.connections.forEach((conn: Connection) => conn.send(Buffer.from('x')));
const other = createServer({
  selectProtocol: (conn, protocols) => protocols[conn.protocols.length],
});
other.close(() => {});
const offer = { ca: '', extraHeaders: { 'X-A': 'b' }, protocols: ['a'] };
const client = connect('wss://localhost/', offer, () => {
  client.beginBinary()?.write(Buffer.alloc(1));
});
ws.connect('ws://localhost', () => ws.setBinaryFragmentation(1024)).on(
  'error',
  ({ message }) => message,
);
ws.setMaxBufferLength(1);
`;

const COMMON_JS = `
import ws = require('sanswire/nodejs-websocket');
const server = ws.createServer((conn) => { conn.on('text', (text) => conn.sendText(text)); });
export = server.listen(8001);
`;

let folder: string;

beforeAll(ensureBuilt, 120_000);
// Within the package, so that its own name and the types of Node resolve.
beforeAll(() => {
  folder = mkdtempSync(join(ROOT, 'test/compat/nodejs-websocket/typed-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Compiles files strictly, libraries included; returns what the compiler says. */
function compile(files: Readonly<Record<string, string>>): string {
  const paths = Object.entries(files).map(([name, source]) => {
    writeFileSync(join(folder, name), source);
    return join(folder, name);
  });
  const flags = '--noEmit --strict --noUncheckedIndexedAccess --exactOptionalPropertyTypes';
  const target = '--target es2023 --lib ES2023,ESNext.Disposable --types node --ignoreConfig';
  const modules = '--module nodenext --moduleResolution nodenext --skipLibCheck false';
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
  const parameters = [compiler, ...`${flags} ${target} ${modules}`.split(' '), ...paths];
  return spawnSync(process.execPath, parameters, { encoding: 'utf8' }).stdout;
}

it('fit programs in ES modules and in CommonJS', () => {
  expect(compile({ 'program.mts': PROGRAM, 'program.cts': COMMON_JS })).toBe('');
});

it('refuse what does not exist', () => {
  const wrong = `${PROGRAM}
    client.sendTexts('x');
    client.sendText(1);
    client.on('mesage', () => {});
    connect(1);`;
  const said = compile({ 'wrong.mts': wrong });
  expect(said.match(/error TS/g)?.length).toBe(4);
});
