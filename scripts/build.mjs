// Builds dist/ from src/, from an empty folder. The CommonJS files are the package: chunks/*.cjs
// has the code, an entry's .cjs is what `require` returns, and its .js passes the names on to
// `import`. So every class, pool and WeakSet exists once in a process, however it was loaded
// (docs/decisions/packaging.md). build-types.mjs makes the declarations.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { listEntries } from './entries.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * The chunks, and the modules that each begins with. A module is in the first chunk of the list
 * that it or an importer of it names, so a chunk needs only those above it. What an application
 * does not import by name is left out of a bundle by whole chunks.
 */
const CHUNKS = {
  errors: ['errors', 'close-code', 'limits', 'connection/ready-state'],
  frame: ['extensions/prepared-message'],
  events: [
    'api/event-attributes',
    'api/event-target',
    'api/message-data',
    'api/options',
    'api/typed-emitter',
    'node/turn',
  ],
  'event-source': ['api/event-source'],
  connection: ['connection/connection', 'node/node-platform'],
  'permessage-deflate': ['api/permessage-deflate'],
  handshake: [
    'extensions/negotiation',
    'handshake/client-handshake',
    'handshake/proxy-handshake',
    'handshake/server-handshake',
    'handshake/server-response',
  ],
  engine: ['engine'],
  socket: [
    'api/shield',
    'api/socket-options',
    'node/ignore-error',
    'node/read-waiting',
    'node/server-upgrade',
    'node/socket-driver',
  ],
  request: ['node/client-connector'],
  'message-streams': ['node/message-streams', 'node/outgoing-message-stream'],
  client: ['api/client'],
  websocket: ['index'],
  streams: ['streams'],
  server: ['server'],
  nestjs: ['nestjs'],
  compat: ['compat/http-server'],
  ws: ['ws'],
  'pull-ws': [
    'pull-ws',
    'pull-ws/client',
    'pull-ws/duplex',
    'pull-ws/server',
    'pull-ws/sink',
    'pull-ws/source',
  ],
  walve: ['walve'],
  'nodejs-websocket': ['nodejs-websocket'],
};

const moduleOf = (name) => join(root, 'src', `${name}.ts`);

const groups = Object.entries(CHUNKS).map(([name, modules]) => {
  const paths = new Set(modules.map(moduleOf));
  for (const path of paths)
    if (!existsSync(path)) throw new Error(`CHUNKS has ${path}, which is not there`);
  return { name, test: (id) => paths.has(id) };
});

const OUTPUT = {
  entryFileNames: '[name]',
  chunkFileNames: 'chunks/[name].cjs',
  codeSplitting: { groups, includeDependenciesRecursively: true },
  exports: 'named',
  esModule: false,
  strict: true,
  keepNames: true,
  generatedCode: { symbols: false },
  minifyInternalExports: false,
  comments: { annotation: true, jsdoc: false, legal: false },
};

const GETTER = /^Object\.defineProperty\(exports, "(\S+)", \{[^}]*return (\S+);\s*\}\s*\}\);$/gm;

/** Makes values of exports, which are never assigned again (docs/decisions/packaging.md). */
function toValues(code) {
  const text = code.replace(GETTER, 'exports.$1 = $2;');
  if (text.includes('defineProperty(exports')) throw new Error('An export that is not a value');
  return text;
}

/** Makes the default export the module; the other exports are its members. */
function toEntry(code) {
  const [, value] = /^exports\.default = (.+);$/m.exec(code) ?? [];
  if (value === undefined) return code;
  return `${code.replace(/^exports\..*\n?/gm, '')}module.exports = ${value};\n`;
}

function write(path, text) {
  const file = join(root, 'dist', path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

async function buildCode() {
  const entries = listEntries();
  const build = await rolldown({
    input: Object.fromEntries(entries.map((name) => [name, moduleOf(name)])),
    platform: 'node',
    preserveEntrySignatures: 'strict',
    transform: { target: 'node20' },
  });
  const { output: modules } = await build.generate({ ...OUTPUT, format: 'cjs' });
  const { output: facades } = await build.generate({ ...OUTPUT, format: 'esm' });
  await build.close();
  for (const { fileName, code, isEntry, moduleIds } of modules) {
    // It would be in the .js, too: a second copy.
    if (isEntry && moduleIds.length > 0) throw new Error(`${fileName} is in no chunk`);
    write(isEntry ? `${fileName}.cjs` : fileName, isEntry ? toEntry(code) : toValues(code));
  }
  for (const { fileName, code, isEntry } of facades) if (isEntry) write(`${fileName}.js`, code);
}

rmSync(`${root}dist`, { recursive: true, force: true });
const types = spawn(process.execPath, [`${root}scripts/build-types.mjs`], { stdio: 'inherit' });
const [[status]] = await Promise.all([once(types, 'exit'), buildCode()]);
process.exitCode = status ?? 1;
