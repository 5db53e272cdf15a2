// What a library has to bring to be judged: an echo server, an echo client, or both.
//
// A peer runs in a process of its own (peer-process.ts), so that its time is not the suite's and it may crash without
// taking the suite along.
import { createRequire } from 'node:module';

/** Holds one library under test. */
export interface Peer {
  readonly name: string;
  readonly version: string;
  /** Starts an echo server, at its default limits, with permessage-deflate; gives the port, which 0 leaves to the system. */
  readonly serve?: (host: string, port: number) => Promise<number>;
  /**
   * Connects, echoes every message in its type, and settles when the connection is over, however it ended.
   *
   * @returns the last text that came, for the questions that a fuzzing server answers
   */
  readonly echo?: (url: string) => Promise<string | null>;
}

/** Reads the version of an installed package. */
export function versionOf(packageName: string): string {
  const manifest = createRequire(import.meta.url)(`${packageName}/package.json`) as {
    readonly version: string;
  };
  return manifest.version;
}
