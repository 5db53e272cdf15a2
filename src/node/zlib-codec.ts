/**
 * The DEFLATE of Node for permessage-deflate: chooses between zlib's native handle, which works synchronously on one
 * long-lived context (zlib-handle.ts), and the documented functions of node:zlib (zlib-fallback.ts).
 *
 * The handle is not documented, so it is tried out once, with a message in two parts that needs the window: where it is
 * missing or does anything else than expected, the documented functions are used. The environment variable
 * SANSWIRE_NO_ZLIB_HANDLE does the same, for tests.
 */

import { constants, deflateRaw } from 'node:zlib';
import {
  type ContextFactory,
  type DeflateCodec,
  type DeflateSettings,
  FLUSH_TAIL,
  type InflateContext,
} from '../extensions/permessage-deflate/codec.ts';
import { fallbackContexts } from './zlib-fallback.ts';
import { handleContexts } from './zlib-handle.ts';

/** Tells whether a way of making contexts works here. */
export function worksHere(factory: ContextFactory): boolean {
  try {
    const settings = { windowBits: 15, level: -1, memLevel: 8, strategy: 0 };
    const deflater = factory.createDeflater(settings);
    const inflater = factory.createInflater(15, undefined);
    const first = Buffer.from(deflater.deflate(SAMPLE, true));
    const second = Buffer.from(deflater.deflate(SAMPLE, true));
    deflater.reset();
    const afresh = Buffer.from(deflater.deflate(SAMPLE, true));
    const isRight =
      second.length < first.length &&
      afresh.equals(first) &&
      [first, second, afresh].every((message) => inflate(inflater, message).equals(SAMPLE)) &&
      forgets(inflater, second) &&
      refuses(inflater, GARBAGE);
    deflater.close();
    inflater.close();
    return isRight;
  } catch {
    return false;
  }
}

const SAMPLE = Buffer.from('the same words, the same words, and once more the same words');
/** A block of the type that RFC 1951 §3.2.3 reserves. */
const GARBAGE = Buffer.from([0xff, 0xff, 0xff]);

/** Whether a context that is reset knows nothing more of what a message refers back to. */
function forgets(inflater: InflateContext, message: Uint8Array): boolean {
  inflater.reset();
  if (!refuses(inflater, message)) return false;
  inflater.reset();
  return true;
}

function refuses(inflater: InflateContext, message: Uint8Array): boolean {
  return inflater.inflate(message, 0, message.length, true, () => true, Infinity) === 'corrupt';
}

/** Decompresses a message; returns nothing unless it is told to end, and all goes well. */
function inflate(inflater: InflateContext, message: Uint8Array): Buffer {
  const pieces: Buffer[] = [];
  let hasEnded = false;
  const outcome = inflater.inflate(
    message,
    0,
    message.length,
    true,
    (bytes, start, end, isFinal) => {
      pieces.push(Buffer.from(bytes.subarray(start, end)));
      hasEnded ||= isFinal;
      return true;
    },
    Infinity,
  );
  return outcome === 'done' && hasEnded ? Buffer.concat(pieces) : Buffer.alloc(0);
}

function chooseContexts(): ContextFactory {
  const isForbidden = process.env['SANSWIRE_NO_ZLIB_HANDLE'] !== undefined;
  return !isForbidden && worksHere(handleContexts) ? handleContexts : fallbackContexts;
}

const contexts = chooseContexts();

/** Whether the native handle is used. */
export const usesZlibHandle: boolean = contexts === handleContexts;

/**
 * How many messages the thread pool compresses at once. It has four threads, and every one that is begun takes up to
 * 256 KiB: a thousand at once took 330 MiB. Those above wait in their order.
 */
const MAX_CONCURRENT = 8;

let runningCount = 0;
const waiting: (() => void)[] = [];

type LaterCallback = (error: Error | undefined, compressed: Uint8Array | undefined) => void;

function deflateLater(bytes: Uint8Array, settings: DeflateSettings, callback: LaterCallback): void {
  if (runningCount < MAX_CONCURRENT) startDeflate(bytes, settings, callback);
  else waiting.push(() => startDeflate(bytes, settings, callback));
}

function startDeflate(
  bytes: Uint8Array,
  { windowBits, level, memLevel, strategy }: DeflateSettings,
  callback: LaterCallback,
): void {
  const options = {
    windowBits,
    level,
    memLevel,
    strategy,
    finishFlush: constants.Z_SYNC_FLUSH,
    // One piece of output for most messages: each more is another way to the thread pool and back.
    chunkSize: Math.max(16 * 1024, bytes.length >>> 1),
  };
  runningCount++;
  deflateRaw(bytes, options, (error, compressed) => {
    runningCount--;
    waiting.shift()?.();
    if (error !== null) callback(error, undefined);
    else callback(undefined, compressed.subarray(0, compressed.length - FLUSH_TAIL.length));
  });
}

/** The codec of this process. */
export const zlibCodec: DeflateCodec = { ...contexts, deflateLater };
