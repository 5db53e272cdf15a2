/**
 * The names of the options in the source of this package, so that a new one is tested without
 * anybody thinking of it. It reads lines, and relies on Biome's format.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const SOURCE = new URL('../../src/', import.meta.url).pathname;
const DECLARATION = /^(?:export )?(?:interface|type) (\w+)/;
const OPTIONAL = /^ {2,4}(?:readonly )?(\w+)\?:/;

export interface Declaration {
  /** The file and the name: `api/websocket.ts ServerOptions`. */
  readonly id: string;
  /** Its members that may be absent; not those of what it extends. */
  readonly names: readonly string[];
}

/** Reads all interfaces and types of `src/` that have members which may be absent. */
export function readDeclarations(): readonly Declaration[] {
  const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' });
  return files.filter((file) => file.endsWith('.ts')).flatMap(readFile);
}

function readFile(file: string): Declaration[] {
  const found: { id: string; names: string[] }[] = [];
  for (const line of readFileSync(join(SOURCE, file), 'utf8').split('\n')) {
    const [, declared] = DECLARATION.exec(line) ?? [];
    if (declared !== undefined) found.push({ id: `${file} ${declared}`, names: [] });
    else if (/^\S/.test(line) && !/^[ })>]/.test(line)) found.push({ id: '', names: [] });
    const [, name] = OPTIONAL.exec(line) ?? [];
    if (name !== undefined) found.at(-1)?.names.push(name);
  }
  return found.filter(({ id, names }) => id !== '' && names.length > 0);
}
