/**
 * The machine: which cores the two sides are pinned to, and what a report says about it all.
 */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { peerVersions } from '../peers/index.mjs';

/** The cores that this process may run on, which in a container are not all that there are. */
function allowedCores() {
  try {
    const status = readFileSync('/proc/self/status', 'latin1');
    const list = /Cpus_allowed_list:\s*(\S+)/.exec(status)?.[1] ?? '';
    return list.split(',').flatMap((range) => {
      const [first = 0, last = first] = range.split('-').map(Number);
      return Array.from({ length: last - first + 1 }, (_, index) => first + index);
    });
  } catch {
    return [];
  }
}

function hasTaskset() {
  return spawnSync('taskset', ['--version'], { stdio: 'ignore' }).status === 0;
}

/**
 * @param {string[]} peers - whose versions the report names
 * @returns {import('../types.d.ts').Machine}
 */
export function describeMachine(peers) {
  const cores = allowedCores();
  const pinned = cores.length >= 2 && hasTaskset();
  return {
    cpu: os.cpus()[0]?.model.trim() ?? 'unknown',
    cores: os.availableParallelism(),
    memoryBytes: os.totalmem(),
    kernel: `${os.type()} ${os.release()}`,
    node: process.version,
    pinned,
    subjectCore: pinned ? cores[0] : undefined,
    loadCore: pinned ? cores[1] : undefined,
    versions: peerVersions(peers),
  };
}

/**
 * @param {import('../types.d.ts').Machine} machine
 * @param {'subject' | 'load'} side
 */
export function pinningCommand({ pinned, subjectCore, loadCore }, side) {
  return pinned ? ['taskset', '-c', String(side === 'subject' ? subjectCore : loadCore)] : [];
}
