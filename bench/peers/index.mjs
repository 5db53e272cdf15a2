/**
 * The peers: which there are, whether they are installed here, and how each is started.
 *
 * A peer module is imported in the subject process alone, so that the runner itself needs nothing
 * installed.
 */

import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const bench = fileURLToPath(new URL('..', import.meta.url));
/**
 * Where the build under test is: another one, to compare before and after, through SANSWIRE_DIST.
 */
export const SANSWIRE_DIST = resolve(process.env['SANSWIRE_DIST'] ?? join(bench, '../dist'));

export const PEER_NAMES = [
  'floor',
  'ws',
  'faye-websocket',
  'websocket',
  'bun',
  'sanswire',
  'sanswire-ws',
];

/** Whether a peer is a face of the build under test. */
const isOwn = (/** @type {string} */ name) => name === 'sanswire' || name === 'sanswire-ws';

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
  return import(`./${name}.mjs`);
}

/**
 * Tells why a peer cannot run here.
 *
 * @param {string} name
 * @returns {string | undefined} undefined when it can
 */
export function missingReason(name) {
  if (name === 'floor') return undefined;
  if (name === 'bun')
    return findBun() === undefined ? 'no bun binary in bench/ or PATH' : undefined;
  if (isOwn(name)) {
    return existsSync(join(SANSWIRE_DIST, 'index.js'))
      ? undefined
      : `${SANSWIRE_DIST}/index.js is missing: npm run build`;
  }
  return existsSync(join(bench, 'node_modules', name)) ? undefined : 'not installed in bench/';
}

/**
 * Gives the command that runs a script for a peer.
 *
 * @param {string} name
 */
export function runtimeOf(name) {
  const bun = findBun();
  if (name === 'bun' && bun !== undefined) return [bun];
  return [process.execPath, '--expose-gc'];
}

/**
 * Gives the exact versions that a report must name.
 *
 * @param {string[]} names
 */
export function peerVersions(names) {
  /** @type {Record<string, string>} */
  const versions = {};
  for (const name of names) {
    if (name === 'sanswire-ws') continue;
    const path =
      name === 'sanswire' ? join(bench, '../package.json') : packageJsonOf(name, platformBun());
    if (existsSync(path)) versions[name] = JSON.parse(readFileSync(path, 'utf8')).version;
  }
  if (existsSync(packageJsonOf('bufferutil', ''))) {
    versions['bufferutil'] = JSON.parse(
      readFileSync(packageJsonOf('bufferutil', ''), 'utf8'),
    ).version;
  }
  return versions;
}

/**
 * @param {string} name
 * @param {string} bunPackage
 */
function packageJsonOf(name, bunPackage) {
  return join(bench, 'node_modules', name === 'bun' ? bunPackage : name, 'package.json');
}

/** The npm packages of Bun carry the binary itself, so no install script has to run. */
function platformBun() {
  const architecture = process.arch === 'arm64' ? 'aarch64' : process.arch;
  return `@oven/bun-${process.platform}-${architecture}`;
}

function findBun() {
  const candidates = [
    join(bench, 'node_modules', platformBun(), 'bin/bun'),
    ...(process.env['PATH'] ?? '').split(delimiter).map((directory) => join(directory, 'bun')),
  ];
  return candidates.find((path) => existsSync(path));
}
