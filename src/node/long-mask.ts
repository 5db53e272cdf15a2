/**
 * Masking of long payloads by native code, where there is some: `bufferutil`, an optional peer. It beats the loops of
 * frame/masking.ts from some 700 bytes on, 4.6 times at 16 KiB.
 *
 * The package is looked for once. Whatever goes wrong there (not installed, no binary, replaced by a bundler's empty
 * object) means plain JavaScript, never an error.
 */

import { createRequire } from 'node:module';
import { writeUint32 } from '../frame/frame-header.ts';
import { rotateKey } from '../frame/masking.ts';

/** Masks a range as Host.mask does. */
export type LongMask = (
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  targetStart: number,
  key: number,
  keyPosition: number,
) => void;

/** Payload pieces from this length in bytes on go to native code. */
export const LONG_MASK_MIN_LENGTH = 768;

interface BufferUtil {
  mask(source: Buffer, mask: Buffer, output: Buffer, offset: number, length: number): void;
  unmask(buffer: Buffer, mask: Buffer): void;
}

/**
 * Returns the native way to mask, or undefined where there is none.
 *
 * @param load - loads the package; throws when it is not there
 */
export function loadLongMask(load: () => unknown = requireBufferUtil): LongMask | undefined {
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

function viewOf(bytes: Uint8Array, start: number, end: number): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
}

function requireBufferUtil(): unknown {
  return createRequire(import.meta.url)('bufferutil');
}

function loadBufferUtil(load: () => unknown): BufferUtil | undefined {
  try {
    const loaded = load();
    return isBufferUtil(loaded) && masksRightly(loaded) ? loaded : undefined;
  } catch {
    return undefined;
  }
}

function isBufferUtil(loaded: unknown): loaded is BufferUtil {
  const candidate = loaded as Partial<BufferUtil> | null | undefined;
  return typeof candidate?.mask === 'function' && typeof candidate.unmask === 'function';
}

/** Tries it out: a binary that masks wrongly would corrupt every message. */
function masksRightly(bufferUtil: BufferUtil): boolean {
  const bytes = Buffer.from([1, 2, 3, 4, 5]);
  bufferUtil.unmask(bytes, Buffer.from([1, 2, 3, 4]));
  return bytes.equals(Buffer.from([0, 0, 0, 0, 4]));
}
