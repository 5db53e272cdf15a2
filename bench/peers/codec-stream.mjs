/**
 * The bytes that parsers and serializers are fed in memory.
 *
 * A parser gets masked client frames cut into pieces of the length that a socket read gives; some
 * parsers unmask in place, so the payload is binary: from the second cycle on it may be unmasked
 * twice, and nobody minds.
 */

import { buildFrame } from '../load/frames.mjs';

/** What libuv reads at most at a time for node:net. */
const READ_LENGTH = 64 * 1024;
const CYCLE_BYTES = 256 * 1024;

/** @param {import('../types.d.ts').Workload} workload */
function messagesPerCycle({ sizes }) {
  return Math.max(4, Math.floor(CYCLE_BYTES / (sizes[0] ?? 1)));
}

/**
 * @param {import('../types.d.ts').Workload} workload
 * @returns {{ chunks: Buffer[]; messages: number }}
 */
export function codecStream(workload) {
  const messages = messagesPerCycle(workload);
  const frames = payloads(workload).map((payload) => buildFrame({ opcode: 2, payload }));
  const bytes = Buffer.concat(frames);
  const chunks = [];
  for (let start = 0; start < bytes.length; start += READ_LENGTH) {
    // Each chunk with memory of its own, as a socket gives it.
    chunks.push(Buffer.from(bytes.subarray(start, start + READ_LENGTH)));
  }
  return { chunks, messages };
}

/**
 * @param {import('../types.d.ts').Workload} workload
 * @returns {Buffer[]}
 */
export function payloads(workload) {
  return Array.from({ length: messagesPerCycle(workload) }, (_, index) =>
    Buffer.alloc(workload.sizes[0] ?? 0, 1 + (index % 255)),
  );
}

/**
 * @param {{ chunks: Buffer[]; messages: number }} stream
 * @param {(chunk: Buffer) => void} push
 * @param {() => number} parsed
 * @returns {import('../types.d.ts').Codec}
 */
export function feed({ chunks, messages }, push, parsed) {
  return {
    cycle() {
      for (const chunk of chunks) push(chunk);
      return messages;
    },
    parsed,
  };
}
