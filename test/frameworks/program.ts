/**
 * The programs of the documents, run as they stand there: a block of code goes into a file beside
 * the frameworks of this folder, and is a process of its own.
 */

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, type ClientOptions } from '../../src/index.ts';

export const HERE: string = fileURLToPath(new URL('.', import.meta.url));
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Ignored by git; Next.js builds nothing within a node_modules. */
const FOLDER = `${HERE}dist`;

/** Returns the block of code of a document that begins with `// name`. */
export function codeOf(document: string, name: string): string {
  const text = readFileSync(`${ROOT}${document}`, 'utf8');
  const blocks = [...text.matchAll(/^```[jt]s\n(.*?)^```$/gms)].map(([, code = '']) => code);
  const code = blocks.find((one) => one.startsWith(`// ${name}\n`));
  if (code === undefined) throw new Error(`${document} has no ${name}`);
  return code;
}

/** Makes an empty folder for a test's files, beside the frameworks. */
export function makeFolder(name: string, files: Readonly<Record<string, string>>): string {
  const folder = `${FOLDER}/${name}`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [path, text] of Object.entries({ 'package.json': '{"type":"module"}', ...files })) {
    mkdirSync(`${folder}/${path}`.slice(0, -basename(path).length), { recursive: true });
    writeFileSync(`${folder}/${path}`, text);
  }
  return folder;
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

/** A program that listens. */
export class Program {
  output = '';
  readonly child: ChildProcess;
  /** With a code, or the signal that has ended it. */
  readonly ended: Promise<number | string>;
  readonly #port: Promise<number>;

  constructor(folder: string, name: string, environment: Readonly<Record<string, string>> = {}) {
    this.child = fork(`${folder}/${name}`, {
      cwd: folder,
      env: { ...process.env, NODE_ENV: 'production', ...environment },
      execArgv: ['--import', new URL('./listening.mjs', import.meta.url).href],
      silent: true,
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    }
    this.ended = once(this.child, 'close').then(([code, signal]) => code ?? signal);
    const failed = this.ended.then((end) => {
      throw new Error(`The program ended with ${end}:\n${this.output}`);
    });
    // Also when nobody asks for the port any more.
    failed.catch(() => {});
    this.#port = Promise.race([once(this.child, 'message').then(([port]) => port), failed]);
    this.#port.catch(() => {});
  }

  async page(path = '/'): Promise<string> {
    return (await this.fetch(path)).text();
  }

  async fetch(path: string): Promise<Response> {
    const url = `http://127.0.0.1:${await this.#port}${path}`;
    return fetch(url, { headers: { Connection: 'close' } });
  }

  async connect(path: string, options: ClientOptions = {}): Promise<Client> {
    return new Client(`ws://127.0.0.1:${await this.#port}${path}`, [], options);
  }

  /** Sends SIGTERM, and resolves with the end. */
  stop(): Promise<number | string> {
    this.child.kill('SIGTERM');
    return this.ended;
  }

  /** For the end of a test that may have failed. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}

/** Waits for the next message of a client. */
export async function nextMessage(client: Client): Promise<unknown> {
  const [event] = (await once(client, 'message')) as [{ data: unknown }];
  return event.data;
}

/** Waits for the end of a client. */
export async function endOf(client: Client): Promise<{ code: number; error: unknown }> {
  let error: unknown;
  client.on('error', (event) => {
    error = event.error;
  });
  const code = await new Promise<number>((resolve) =>
    client.on('close', (event) => resolve(event.code)),
  );
  return { code, error };
}
