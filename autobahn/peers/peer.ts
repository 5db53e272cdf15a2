// What a library brings to be judged: an echo server, an echo client, or both.
//
// A peer runs in a process of its own (peer-process.ts): its time is not the suite's, and the suite
// survives its crash.
import { once } from 'node:events';
import { createRequire } from 'node:module';
import type { AddressInfo, Server } from 'node:net';

/** Holds one library under test. */
export interface Peer {
  readonly name: string;
  readonly version: string;
  /**
   * Starts an echo server at its default limits, with permessage-deflate.
   *
   * @param port - 0 lets the system choose one
   * @returns the port
   */
  readonly serve?: (host: string, port: number) => Promise<number>;
  /**
   * Connects, echoes every message in its type, and settles when the connection is over.
   *
   * @returns the last text that came, for the questions that a fuzzing server answers
   */
  readonly echo?: (url: string) => Promise<string | null>;
}

/** Reads the version of the installed package that a specifier names. */
export function versionOf(specifier: string): string {
  const [packageName = ''] = specifier.split('/');
  const manifest = createRequire(import.meta.url)(`${packageName}/package.json`) as {
    readonly version: string;
  };
  return manifest.version;
}

/** Makes a server listen, and returns its port. */
export async function listen(server: Server, host: string, port: number): Promise<number> {
  server.listen(port, host);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
