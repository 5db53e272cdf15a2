/**
 * The DEFLATE of Node for permessage-deflate: zlib's native handle (zlib-handle.ts) where it is
 * known and works, else the documented functions of node:zlib (zlib-fallback.ts); and the thread
 * pool for long messages. The choice is made at the first use.
 */

import { constants, deflateRaw } from 'node:zlib';
import {
  type ContextFactory,
  type DeflateCodec,
  FLUSH_TAIL,
} from '../extensions/permessage-deflate/codec.ts';
import { JobQueue } from '../extensions/permessage-deflate/job-queue.ts';
import { worksHere } from './zlib-detection.ts';
import { fallbackContexts } from './zlib-fallback.ts';
import { handleContexts } from './zlib-handle.ts';

/** The versions of Node whose native handle is tested (scripts/check-node-versions.mjs). */
const KNOWN_MAJORS: readonly number[] = [20, 22, 24, 26];

let chosen: ContextFactory | undefined;

function contexts(): ContextFactory {
  chosen ??= chooseContexts();
  return chosen;
}

function chooseContexts(): ContextFactory {
  if (process.env['SANSWIRE_NO_ZLIB_HANDLE'] !== undefined) return fallbackContexts;
  const { node, bun, deno } = process.versions;
  const isKnown = KNOWN_MAJORS.includes(Number.parseInt(node, 10));
  if (isKnown || bun !== undefined || deno !== undefined) {
    return worksHere(handleContexts) ? handleContexts : fallbackContexts;
  }
  process.emitWarning(
    `Sanswire does not know the zlib handle of Node ${node}, so permessage-deflate uses the ` +
      'documented functions of node:zlib, which are slower. Set the environment variable ' +
      'SANSWIRE_NO_ZLIB_HANDLE=1 to choose them without this warning.',
    { type: 'SanswireWarning', code: 'SANSWIRE_UNKNOWN_NODE' },
  );
  return fallbackContexts;
}

/** Tells whether the native handle is used. */
export function usesZlibHandle(): boolean {
  return contexts() === handleContexts;
}

/**
 * How many jobs the thread pool has at once: two for each of its four threads. More are no faster,
 * and each takes up to 256 KiB from its start: a thousand at once took 330 MiB.
 */
const MAX_CONCURRENT_JOBS = 8;

const jobs = new JobQueue(MAX_CONCURRENT_JOBS);

export const zlibCodec: DeflateCodec = {
  createDeflater: (settings) => contexts().createDeflater(settings),

  createInflater: (windowBits, dictionary) => contexts().createInflater(windowBits, dictionary),

  deflateLater(bytes, settings, keepsTail, callback) {
    const options = {
      ...settings,
      finishFlush: constants.Z_SYNC_FLUSH,
      // One piece of output for most messages: each more is another trip to the thread pool.
      chunkSize: Math.max(16 * 1024, bytes.length >>> 1),
    };
    const tailLength = keepsTail ? 0 : FLUSH_TAIL.length;
    return jobs.add((done) => {
      try {
        deflateRaw(bytes, options, (error, compressed) => {
          if (error) done(error, undefined);
          else done(undefined, compressed.subarray(0, compressed.length - tailLength));
        });
      } catch (error) {
        // There is no memory for a compressor.
        process.nextTick(done, error, undefined);
      }
      return undefined;
    }, callback);
  },
};
