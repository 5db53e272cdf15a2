/**
 * Runs examples as a stranger would: as processes of their own, which import the package from
 * dist/.
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const entry = `${root}dist/engine.js`;
const lock = `${root}node_modules/.examples-build`;

/** How often another process's build is looked at, in milliseconds. */
const LOOK_AGAIN_MS = 100;

/**
 * Builds the package if it was never built: `npm test` does so first, `npx vitest` does not. One
 * process at a time.
 */
export async function ensureBuilt(): Promise<void> {
  while (!existsSync(entry) || existsSync(lock)) {
    if (!tryLock()) {
      await delay(LOOK_AGAIN_MS);
      continue;
    }
    try {
      const { status } = spawnSync(process.execPath, ['scripts/build.mjs'], { cwd: root });
      if (status !== 0) throw new Error('The build failed: run `npm run build` to see why');
    } finally {
      rmdirSync(lock);
    }
  }
}

function tryLock(): boolean {
  try {
    mkdirSync(lock);
    return true;
  } catch {
    return false;
  }
}

/** What a process has printed, and how it ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** An example that runs. */
export class RunningExample {
  stdout = '';
  stderr = '';
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;

  /**
   * @param path - the file in examples/
   * @param arguments_ - its arguments
   * @param environment - what differs from our own environment
   */
  constructor(path: string, arguments_: readonly string[] = [], environment: object = {}) {
    this.child = spawn(process.execPath, [`examples/${path}`, ...arguments_], {
      cwd: root,
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.ended = once(this.child, 'close').then(([code]) => ({
      code: code as number | null,
      stdout: this.stdout,
      stderr: this.stderr,
    }));
  }

  /** Waits until a pattern is printed, and returns the match. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.stdout);
      if (match !== null) return match;
      const isOver = await Promise.race([
        once(this.child.stdout!, 'data').then(() => false),
        this.ended.then(() => true),
      ]);
      if (isOver && !pattern.test(this.stdout)) {
        throw new Error(`${String(pattern)} was never printed:\n${this.stdout}${this.stderr}`);
      }
    }
  }

  /** Ends the process, and waits for its end. */
  stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    if (this.child.exitCode === null) this.child.kill(signal);
    return this.ended;
  }
}

/** Runs an example to its end. */
export async function runExample(path: string): Promise<Ended> {
  await ensureBuilt();
  return new RunningExample(path).ended;
}
