/**
 * The binaries of Node that `--nodes` names: the one that runs the bench, one that npm has put into
 * bench/nodes/, or a path.
 */

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../nodes', import.meta.url));

/** The npm package that carries Node for this platform. */
const system = process.platform === 'win32' ? 'win' : process.platform;
const packageName = `node-${system}-${process.arch}`;

/**
 * @param {string} wanted - a major version or a path
 * @returns {string} the path where it is or should be
 */
function pathOf(wanted) {
  if (!/^\d+$/.test(wanted)) return wanted;
  if (process.version.startsWith(`v${wanted}.`)) return process.execPath;
  const binary = system === 'win' ? 'bin/node.exe' : 'bin/node';
  return join(folder, wanted, 'node_modules', packageName, binary);
}

/**
 * @param {string[]} wanted
 * @param {(line: string) => void} onSkip
 * @returns {{ path: string; version: string }[]}
 */
export function findNodes(wanted, onSkip) {
  return wanted.flatMap((name) => {
    const path = pathOf(name);
    if (!existsSync(path)) {
      onSkip(`Node ${name} skipped: ${missingHint(name)}`);
      return [];
    }
    const { stdout, status } = spawnSync(path, ['--version'], { encoding: 'utf8' });
    if (status === 0) return [{ path, version: stdout.trim() }];
    onSkip(`Node ${name} skipped: it does not run here`);
    return [];
  });
}

/** @param {string} name */
function missingHint(name) {
  if (!/^\d+$/.test(name)) return 'no such file';
  return `npm install --no-save --prefix bench/nodes/${name} ${packageName}@${name}`;
}
