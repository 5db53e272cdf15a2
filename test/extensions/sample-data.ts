/**
 * Data that compresses well, hardly, or not at all; the same in every run.
 */

import { createHash } from 'node:crypto';
import { concat, utf8 } from '../support/hex.ts';

/** Bytes that no compressor makes shorter; different for each seed. */
export function noise(length: number, seed = 'noise'): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (let count = 0; count * 64 < length; count++) {
    blocks.push(createHash('sha512').update(`${seed} ${count}`).digest());
  }
  return concat(blocks).slice(0, length);
}

/** JSON as applications send it: similar records, each with something of its own. */
export function records(length: number, seed = 'records'): string {
  let text = '[';
  for (let id = 0; text.length < length; id++) {
    const digest = createHash('md5').update(`${seed} ${id}`).digest('hex');
    text += `{"id":${id},"name":"user ${digest.slice(0, 6)}","isActive":true,"key":"${digest}"},`;
  }
  return text.slice(0, length);
}

export function recordBytes(length: number, seed?: string): Uint8Array {
  return utf8(records(length, seed));
}

/** A copy: `slice` of a Buffer is none. */
export function copyOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}
