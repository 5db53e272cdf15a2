/**
 * Masks long payloads with `bufferutil`, an optional peer dependency: from about 700 bytes on it
 * beats the loops of frame/masking.ts, 4.6 times at 16 KiB.
 *
 * A package that is missing, has no binary, or is a bundler's empty object is never an error.
 */

import { createRequire } from 'node:module';
import { writeUint32 } from '../frame/frame-header.ts';
import { rotateKey } from '../frame/masking.ts';
import type { Platform } from '../platform.ts';

/** Masks a range as Platform.mask does. */
export type LongMask = Platform['mask'];

/** Shorter pieces are masked in JavaScript. */
export const LONG_MASK_MIN_LENGTH = 768;

interface BufferUtil {
  mask(source: Buffer, mask: Buffer, output: Buffer, offset: number, length: number): void;
  unmask(buffer: Buffer, mask: Buffer): void;
}

/** Returns the native function, or undefined when the package does not load. */
export function loadLongMask(
  load: () => unknown = () => createRequire(here())('bufferutil'),
): LongMask | undefined {
  const bufferUtil = loadBufferUtil(load);
  if (bufferUtil === undefined) return undefined;
  const keyBytes = Buffer.allocUnsafeSlow(4);
  return (source, start, end, target, targetStart, key, keyPosition) => {
    writeUint32(keyBytes, 0, rotateKey(key, keyPosition));
    if (source === target && start === targetStart) {
      bufferUtil.unmask(viewOf(source, start, end), keyBytes);
    } else {
      const range = viewOf(source, start, end);
      const output = viewOf(target, targetStart, targetStart + range.length);
      bufferUtil.mask(range, keyBytes, output, 0, range.length);
    }
  };
}

/** Where the package is looked for. A bundle of modules has no __filename; its program knows. */
function here(): string {
  return typeof __filename === 'string' ? __filename : (process.argv[1] ?? '');
}

function viewOf(bytes: Uint8Array, start: number, end: number): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
}

function loadBufferUtil(load: () => unknown): BufferUtil | undefined {
  try {
    const loaded = load() as BufferUtil | null | undefined;
    if (typeof loaded?.mask !== 'function') return undefined;
    // A binary that masks wrongly would corrupt every message.
    const bytes = Buffer.from([1, 2, 3, 4, 5]);
    loaded.unmask(bytes, Buffer.from([1, 2, 3, 4]));
    return bytes.equals(Buffer.from([0, 0, 0, 0, 4])) ? loaded : undefined;
  } catch {
    return undefined;
  }
}
