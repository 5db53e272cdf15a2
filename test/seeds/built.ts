/**
 * The package as it is published: builds dist/ when it is missing, and runs programs of users in
 * processes of their own, where `require('sanswire')` finds the package by its own name.
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmdirSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

/** The folder of the repository. */
export const ROOT: string = fileURLToPath(new URL('../..', import.meta.url));

const LOCK = `${ROOT}node_modules/.dist-lock`;

/**
 * Builds dist/ unless it is there; test files run at the same time, and one of them builds for all.
 */
export async function ensureBuilt(): Promise<void> {
  while (!existsSync(`${ROOT}dist/index.js`) || existsSync(LOCK)) {
    if (takeLock()) {
      const { status } = spawnSync(process.execPath, ['scripts/build.mjs'], { cwd: ROOT });
      rmdirSync(LOCK);
      if (status !== 0) throw new Error('The build failed');
    } else {
      await setTimeout(50);
    }
  }
}

function takeLock(): boolean {
  try {
    mkdirSync(LOCK);
    return true;
  } catch {
    return false;
  }
}

/** A program that runs. */
export interface Running {
  readonly process: ChildProcess;
  /** What it has printed, a line each. */
  readonly lines: string[];
  /** What it has given to `process.send`. */
  readonly sent: unknown[];
  readonly exited: Promise<number | null>;
}

/**
 * Runs CommonJS in a process of its own until the test is over; what it prints as an error fails
 * the test's wait.
 */
export function runCommonJs(code: string): Running {
  const child = spawn(process.execPath, ['--input-type=commonjs', '-e', code], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  onTestFinished(() => void child.kill());
  const running: Running = {
    process: child,
    lines: [],
    sent: [],
    exited: new Promise((resolve) => child.once('exit', resolve)),
  };
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    const lines = text.split('\n');
    text = lines.pop() ?? '';
    running.lines.push(...lines);
  });
  child.on('message', (message) => running.sent.push(message));
  return running;
}
