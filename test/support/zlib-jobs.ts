/**
 * Counts the jobs of zlib that the thread pool has done, whoever asked for them: what is left
 * behind by a connection shows here although nobody hears of it.
 */

import { createHook } from 'node:async_hooks';
import { promisify } from 'node:util';
import { deflateRaw } from 'node:zlib';
import { onTestFinished } from 'vitest';

/** Those of all contexts, also of such as were made long before they are counted. */
const resources = new Set<number>();
let isOwn = false;
const counters = new Set<ZlibJobs>();

createHook({
  init: (id, type) => {
    if (type === 'ZLIB' && !isOwn) resources.add(id);
  },
  before: (id) => {
    if (resources.has(id)) for (const jobs of counters) jobs.doneCount++;
  },
}).enable();

export class ZlibJobs {
  /** How many have been done since the beginning. A long message may be several. */
  doneCount = 0;

  constructor() {
    counters.add(this);
    onTestFinished(() => void counters.delete(this));
  }

  /** Waits until nothing is done any more: the thread pool takes jobs in the order of the calls. */
  async drain(): Promise<void> {
    let before: number;
    do {
      before = this.doneCount;
      await occupyThreads();
    } while (this.doneCount > before);
  }
}

/** More than the pool has by default. */
const THREADS = 8;

/** Keeps the thread pool busy with jobs that are not counted; resolves when they are done. */
export async function occupyThreads(): Promise<void> {
  const deflate = promisify(deflateRaw);
  isOwn = true;
  const jobs = Array.from({ length: THREADS }, () => deflate(Buffer.alloc(500_000)));
  isOwn = false;
  await Promise.all(jobs);
}
