// Starts the process of a peer and says when it is ready and when it is gone.
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Holds a running peer. */
export interface RunningPeer {
  readonly agent: string;
  /** The port of an echo server; absent for a client. */
  readonly port?: number;
  /** Settles with the exit code when the process is gone. */
  readonly exited: Promise<number | null>;
  /** Ends the process. */
  readonly stop: () => void;
}

const ENTRY = fileURLToPath(new URL('./peer-process.js', import.meta.url));

/** How long a peer may take to say that it is ready, in milliseconds. */
const READY_LIMIT_MS = 30_000;

/**
 * Starts a peer.
 *
 * @param args - the arguments of peer-process.ts
 * @throws Error when it does not get ready
 */
export async function spawnPeer(args: readonly string[]): Promise<RunningPeer> {
  const child = spawn(process.execPath, [ENTRY, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, CONFORMANCE_CHILD: '1' },
  });
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const { agent, port } = await readFirstLine(child);
  child.stdout?.resume();
  return {
    agent,
    ...(port !== undefined && { port }),
    exited,
    stop: () => child.kill('SIGKILL'),
  };
}

async function readFirstLine(
  child: ChildProcess,
): Promise<{ readonly agent: string; readonly port?: number }> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`The peer was not ready within ${READY_LIMIT_MS} ms.`));
    }, READY_LIMIT_MS);
    child.once('error', reject);
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`The peer ended with exit code ${code} before it was ready.`));
    });
    if (child.stdout === null) return;
    createInterface(child.stdout).once('line', (line) => {
      clearTimeout(timer);
      resolve(JSON.parse(line) as { agent: string; port?: number });
    });
  });
}
