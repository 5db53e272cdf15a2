/**
 * What messages are made of, and the batches of frames that a load sends.
 *
 * Deterministic but for the masking keys. JSON differs from message to message, as real traffic
 * does: the same one again and again would compress to nothing under context takeover.
 */

import { deflateRawSync, constants as zlibConstants } from 'node:zlib';
import { buildFrame, headerLength, Opcode } from './frames.mjs';

/**
 * Distinct compressed messages to cycle through: of 1 KiB, twice what a 32 KiB window remembers.
 */
const COMPRESSED_CYCLE = 64;
const CYCLE_BYTES = 4 * 1024 * 1024;
/** The empty stored block that ends a flush, which a sender leaves out (RFC 7692 §7.2.1). */
const FLUSH_TAIL_LENGTH = 4;

const WORDS = (
  'about after all also and because before but come could day down each find first for from get give good have here ' +
  'how into just know like long look make many more most new not now number one only other our out over part people ' +
  'please say see some take than that their them then there these they thing think this time two use very want water ' +
  'way well what when where which who will with word work would write year you'
).split(' ');

/** @param {number} seed */
function randomSource(seed) {
  let state = seed | 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state >>> 8) / 0x1000000;
  };
}

/**
 * Rows of a table, as an API lists them: keys and shapes repeat, ids count up. zlib is quick with
 * these.
 *
 * @param {number} length
 * @param {number} seed
 */
function tableText(length, seed) {
  let text = '[';
  for (let row = 0; text.length < length; row++) {
    const id = seed * 1000 + row;
    const isActive = (row + seed) % 3 === 0;
    text += `{"id":${id},"name":"user ${row}","email":"user${row}@example.com","active":${isActive},"tags":["a","b"]},`;
  }
  return `${text.slice(0, length - 1)}]`;
}

/**
 * Chat messages: words in ever new order, which cost zlib five times what rows do.
 *
 * @param {number} length
 * @param {number} seed
 */
function chatText(length, seed) {
  const random = randomSource(seed * 7919 + 17);
  const word = () => WORDS[Math.floor(random() * WORDS.length)];
  let text = '[';
  for (let row = 0; text.length < length; row++) {
    const words = Array.from({ length: 12 + Math.floor(random() * 24) }, word).join(' ');
    text += `{"type":"message","room":"general","id":${seed * 1000 + row},"user":"${word()}","text":"${words}"},`;
  }
  return `${text.slice(0, length - 1)}]`;
}

/**
 * @param {import('../types.d.ts').Workload} workload
 * @param {number} length
 * @param {number} seed
 * @returns {Buffer}
 */
export function buildPayload({ content, text }, length, seed = 0) {
  if (content === 'table') return Buffer.from(tableText(length, seed));
  if (content === 'chat') return Buffer.from(chatText(length, seed));
  if (!text) {
    const random = randomSource(seed + 3);
    return Buffer.from(Uint8Array.from({ length }, () => random() * 256));
  }
  if (content === 'ascii')
    return Buffer.from('The quick brown fox. '.repeat(length / 21 + 1), 'latin1').subarray(
      0,
      length,
    );
  const sample = 'Grüße, Καλημέρα, привет, こんにちは, 🌍 and plain words in between. ';
  const repeated = sample.repeat(Math.floor(length / Buffer.byteLength(sample)));
  // Filled up with ASCII, so that no character is cut.
  return Buffer.from(repeated + '.'.repeat(length - Buffer.byteLength(repeated)));
}

/**
 * Compresses one message afresh, which a sender may always do, within the window that the peer
 * agreed to.
 *
 * @param {Buffer} payload
 * @param {number} windowBits
 */
export function compress(payload, windowBits) {
  const bytes = deflateRawSync(payload, {
    finishFlush: zlibConstants.Z_SYNC_FLUSH,
    // zlib cannot do raw deflate with a window of 8 bits; nobody here agrees to one.
    windowBits: Math.max(9, windowBits),
  });
  return bytes.subarray(0, bytes.length - FLUSH_TAIL_LENGTH);
}

/**
 * One write of the load: so many messages, and what must come back.
 *
 * @typedef {object} Batch
 * @property {Buffer} bytes
 * @property {number} messages
 * @property {number} answerBytes - zero when unknown: under compression
 * @property {Buffer[]} payloads - of the data messages, in order
 */

/**
 * The frames of one message.
 *
 * @param {import('../types.d.ts').Workload} workload
 * @param {Buffer} payload
 * @param {{ masked: boolean; windowBits?: number }} how
 */
function messageFrames({ text, fragments }, payload, { masked, windowBits }) {
  const opcode = text ? Opcode.TEXT : Opcode.BINARY;
  if (windowBits !== undefined) {
    return [buildFrame({ opcode, payload: compress(payload, windowBits), rsv1: true, masked })];
  }
  const step = Math.ceil(payload.length / fragments) || 1;
  return Array.from({ length: fragments }, (_, index) =>
    buildFrame({
      opcode: index === 0 ? opcode : Opcode.CONTINUATION,
      payload: payload.subarray(index * step, (index + 1) * step),
      fin: index === fragments - 1,
      masked,
    }),
  );
}

/**
 * Builds the batches that each connection cycles through.
 *
 * @param {import('../types.d.ts').Workload} workload
 * @param {{ masked: boolean; windowBits?: number }} how
 * @returns {Batch[]}
 */
export function buildBatches(workload, how) {
  const { inFlight, sizes, deflate } = workload;
  const size = Math.max(1, sizes[0] ?? 1);
  const cycle = Math.max(4, Math.min(COMPRESSED_CYCLE, Math.floor(CYCLE_BYTES / size)));
  const batchCount = deflate ? Math.max(1, Math.floor(cycle / inFlight)) : 1;
  return Array.from({ length: batchCount }, (_, batchIndex) => {
    const frames = [];
    const payloads = [];
    let answerBytes = 0;
    for (let index = 0; index < inFlight; index++) {
      const length = sizes[index % sizes.length] ?? 0;
      if (length < 0) {
        const payload = Buffer.alloc(-length, 0x70);
        frames.push(buildFrame({ opcode: Opcode.PING, payload, masked: how.masked }));
      } else {
        const payload = buildPayload(workload, length, batchIndex * inFlight + index);
        payloads.push(payload);
        frames.push(...messageFrames(workload, payload, how));
      }
      answerBytes += answerLength(Math.abs(length), how.masked);
    }
    return {
      bytes: Buffer.concat(frames),
      messages: inFlight,
      answerBytes: deflate ? 0 : answerBytes,
      payloads,
    };
  });
}

/**
 * @param {number} payloadLength
 * @param {boolean} requestMasked - a server's answer to a masked request is unmasked, a client's the reverse
 */
function answerLength(payloadLength, requestMasked) {
  return headerLength(payloadLength) + (requestMasked ? 0 : 4) + payloadLength;
}

/**
 * Tells the floor the lengths that it cannot know without parsing.
 *
 * @param {import('../types.d.ts').Workload} workload
 * @returns {import('../types.d.ts').SubjectConfiguration['shape']}
 */
export function shapeOf({ sizes, fragments, kind }) {
  const masked = kind !== 'client-echo';
  const mask = masked ? 4 : 0;
  return {
    requests: sizes.map((size) => {
      const length = Math.abs(size);
      const step = Math.ceil(length / fragments);
      return fragments * (headerLength(step) + mask) + length;
    }),
    answers: sizes.map((size) => answerLength(Math.abs(size), masked)),
  };
}
