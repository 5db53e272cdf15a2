/**
 * The peers: which there are, whether they are installed here, and how each is started.
 *
 * A peer module is imported in the subject process alone, so that the runner itself needs nothing
 * installed.
 */

import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const bench = fileURLToPath(new URL('..', import.meta.url));
const modules = join(bench, 'node_modules');

/** Peers that run a build of Sanswire, which runner/builds.mjs installs as a package. */
const BUILDS = /** @type {Record<string, { module: string; package: string }>} */ ({
  before: { module: 'sanswire', package: 'sanswire-before' },
  'before-ws': { module: 'sanswire-ws', package: 'sanswire-before' },
  sanswire: { module: 'sanswire', package: 'sanswire' },
  'sanswire-ws': { module: 'sanswire-ws', package: 'sanswire' },
});

/** In the order of the tables. */
export const PEER_NAMES = [
  'floor',
  'floor-shared',
  'ws',
  'faye-websocket',
  'websocket',
  'bun',
  ...Object.keys(BUILDS),
];

/** Peers of the other build that `--before` names. */
export const BEFORE_NAMES = ['before', 'before-ws'];

/**
 * Tells whether a peer is node:net alone, whose answers are not valid frames.
 *
 * @param {string} name
 */
export function isFloor(name) {
  return name.startsWith('floor');
}

/** A peer says so when it lacks what a workload needs: the row is skipped, not failed. */
export class Unsupported extends Error {
  /** @override */
  name = 'Unsupported';
}

/**
 * @param {string} name
 * @returns {Promise<import('../types.d.ts').Peer>}
 */
export async function loadPeer(name) {
  return import(`./${BUILDS[name]?.module ?? name}.mjs`);
}

/**
 * Imports a build of Sanswire as its users do, by the exports of its package.
 *
 * @param {string} peer
 * @param {string} [entry] - as in `/ws`
 * @returns {Promise<any>}
 */
export async function importBuild(peer, entry = '') {
  return import(`${BUILDS[peer]?.package}${entry}`);
}

/**
 * Tells why a peer cannot run here.
 *
 * @param {string} name
 * @returns {string | undefined} undefined when it can
 */
export function missingReason(name) {
  if (isFloor(name)) return undefined;
  if (name === 'bun')
    return findBun() === undefined ? 'no bun binary in bench/ or PATH' : undefined;
  if (existsSync(packageJsonOf(name))) return undefined;
  return BUILDS[name] === undefined ? 'not installed in bench/' : 'no build: npm run build';
}

/**
 * Gives the command that runs a script for a peer.
 *
 * @param {string} name
 * @param {string} node - the binary of Node to use
 */
export function runtimeOf(name, node) {
  const bun = findBun();
  if (name === 'bun' && bun !== undefined) return [bun];
  return [node, '--expose-gc'];
}

/**
 * Gives the exact versions that a report must name.
 *
 * @param {string[]} names
 */
export function peerVersions(names) {
  /** @type {Record<string, string>} */
  const versions = {};
  for (const name of [...names, 'bufferutil']) {
    const path = packageJsonOf(name);
    const isFace = name.endsWith('-ws');
    if (!isFace && existsSync(path))
      versions[name] = JSON.parse(readFileSync(path, 'utf8')).version;
  }
  return versions;
}

/** @param {string} name */
function packageJsonOf(name) {
  const folder = name === 'bun' ? platformBun() : (BUILDS[name]?.package ?? name);
  return join(modules, folder, 'package.json');
}

/** The npm packages of Bun carry the binary itself, so no install script has to run. */
function platformBun() {
  const architecture = process.arch === 'arm64' ? 'aarch64' : process.arch;
  return `@oven/bun-${process.platform}-${architecture}`;
}

function findBun() {
  const candidates = [
    join(modules, platformBun(), 'bin/bun'),
    ...(process.env['PATH'] ?? '').split(delimiter).map((directory) => join(directory, 'bun')),
  ];
  return candidates.find((path) => existsSync(path));
}
