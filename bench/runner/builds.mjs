/**
 * Puts builds of Sanswire beside the peers, as packages in bench/node_modules, so that they are
 * imported by their exports as users import them.
 *
 * `sanswire` is what `npm pack` would publish from this folder, or the build in SANSWIRE_DIST. The
 * other build of `--before` becomes `sanswire-before`.
 */

import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const modules = fileURLToPath(new URL('../node_modules', import.meta.url));

/** @param {{ before: string | undefined }} options */
export function installBuilds({ before }) {
  const dist = process.env['SANSWIRE_DIST'];
  if (dist !== undefined) installFolder('sanswire', resolve(dist));
  else if (existsSync(join(root, 'dist/index.js'))) installPacked('sanswire');
  else rmSync(join(modules, 'sanswire'), { recursive: true, force: true });
  if (before !== undefined) installFolder('sanswire-before', resolve(before));
}

/** @param {string} name */
function emptyFolder(name) {
  const folder = join(modules, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** @param {string} name */
function installPacked(name) {
  const temporary = mkdtempSync(join(tmpdir(), 'sanswire-bench-'));
  try {
    run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', temporary]);
    const [tarball = ''] = readdirSync(temporary);
    const file = join(temporary, tarball);
    run('tar', ['-xzf', file, '--strip-components=1', '-C', emptyFolder(name)]);
  } finally {
    rmSync(temporary, { recursive: true });
  }
}

/**
 * @param {string} name
 * @param {string} dist
 */
function installFolder(name, dist) {
  if (!existsSync(join(dist, 'index.js'))) throw new Error(`${dist} holds no build of Sanswire`);
  const folder = emptyFolder(name);
  const own = join(dirname(dist), 'package.json');
  // A folder of files alone has the exports of this package.
  cpSync(existsSync(own) ? own : join(root, 'package.json'), join(folder, 'package.json'));
  cpSync(dist, join(folder, 'dist'), { recursive: true });
}

/**
 * @param {string} command
 * @param {string[]} parameters
 */
function run(command, parameters) {
  const { status, stderr } = spawnSync(command, parameters, {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Error(`${command} failed: ${stderr}`);
}
