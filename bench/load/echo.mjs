/**
 * Round trips: each connection writes a batch, waits for all answers to it, writes the next.
 *
 * Answers are counted by length, or by message under compression. The first batch is read in full
 * and compared with what was sent: a peer that answers quickly and wrongly does not get a number.
 */

import { inflateRawSync, constants as zlibConstants } from 'node:zlib';
import { buildBatches } from './content.mjs';
import { MessageCounter, Opcode, splitFrames } from './frames.mjs';
import { inParallel, openWebSocket } from './raw-connection.mjs';

const STALL_MS = 15_000;
const FLUSH_TAIL = Buffer.from([0, 0, 0xff, 0xff]);

/**
 * What a load needs of a connection, whichever side it was opened from.
 *
 * @typedef {object} Link
 * @property {(bytes: Buffer, length: number) => void} onBytes
 * @property {() => void} onClose
 * @property {(bytes: Buffer | string) => void} write
 * @property {() => void} destroy
 */

export class EchoLoad {
  #workload;
  #links;
  #batches;
  #checksAnswers;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #stallTimer;
  #running = 0;
  #deadline = 0;
  #messages = 0;
  #bytes = 0;
  /** @type {number[]} */
  #latencies = [];
  /** @type {(value: void) => void} */
  #done = () => {};
  /** @type {(reason: Error) => void} */
  #fail = () => {};

  /**
   * @param {import('../types.d.ts').Workload} workload
   * @param {Link[]} links
   * @param {{ masked: boolean; windowBits: number | undefined; checksAnswers: boolean }} how
   */
  constructor(workload, links, { masked, windowBits, checksAnswers }) {
    this.#workload = workload;
    this.#links = links;
    this.#checksAnswers = checksAnswers;
    this.#batches = buildBatches(workload, {
      masked,
      ...(windowBits !== undefined && { windowBits }),
    });
  }

  /**
   * @param {import('../types.d.ts').Workload} workload
   * @param {{ port: number; checksAnswers: boolean }} server
   */
  static async open(workload, { port, checksAnswers }) {
    const opened = await inParallel(workload.connections, () =>
      openWebSocket({ port, secure: workload.secure, deflate: workload.deflate }),
    );
    const links = opened.map(({ connection }) => connection);
    const load = new EchoLoad(workload, links, {
      masked: true,
      windowBits: opened[0]?.windowBits,
      checksAnswers,
    });
    await load.begin();
    return load;
  }

  /** Sends the first batch, alone on the first connection, and checks the answer. */
  async begin() {
    const [link] = this.#links;
    const [batch] = this.#batches;
    if (link === undefined || batch === undefined) throw new Error('nothing to send');
    if (this.#checksAnswers) await checkAnswer(this.#workload, link, batch);
    for (const [index, each] of this.#links.entries()) this.#attach(each, index);
  }

  /**
   * @param {Link} link
   * @param {number} index
   */
  #attach(link, index) {
    link.onClose = () => this.#fail(new Error('the peer closed the connection'));
    const counter = this.#workload.deflate ? new MessageCounter() : undefined;
    const batches = this.#batches;
    const takesLatency = this.#workload.latency;
    let position = (index * 7) % batches.length;
    let left = 0;
    let sentAt = 0;
    const send = () => {
      const batch = batches[position];
      if (batch === undefined) return;
      position = position + 1 === batches.length ? 0 : position + 1;
      left = counter ? batch.messages : batch.answerBytes;
      if (takesLatency) sentAt = performance.now();
      link.write(batch.bytes);
    };
    link.onBytes = (bytes, length) => {
      this.#bytes += length;
      left -= counter ? counter.push(bytes, length) : length;
      if (left > 0) return;
      if (left < 0) {
        this.#fail(new Error(`${-left} more answers or bytes than expected`));
        return;
      }
      const now = performance.now();
      if (takesLatency) this.#latencies.push((now - sentAt) * 1000);
      this.#messages += this.#workload.inFlight;
      if (now < this.#deadline) send();
      else if (--this.#running === 0) this.#done();
    };
    this.#starts.push(send);
  }

  /** @type {(() => void)[]} */
  #starts = [];

  /**
   * @param {{ durationMs: number }} request
   * @returns {Promise<{ count: number; bytes: number; p50?: number; p99?: number }>}
   */
  async run({ durationMs }) {
    this.#messages = 0;
    this.#bytes = 0;
    this.#latencies = [];
    this.#deadline = performance.now() + durationMs;
    this.#running = this.#starts.length;
    await new Promise((resolve, reject) => {
      this.#done = resolve;
      this.#fail = reject;
      this.#stallTimer = setTimeout(
        () => reject(new Error('answers stopped coming')),
        durationMs + STALL_MS,
      );
      for (const send of this.#starts) send();
    }).finally(() => clearTimeout(this.#stallTimer));
    const sorted = this.#latencies.sort((a, b) => a - b);
    return {
      count: this.#messages,
      bytes: this.#bytes,
      ...(sorted.length > 0 && {
        p50: sorted[Math.floor(sorted.length * 0.5)] ?? 0,
        p99: sorted[Math.floor(sorted.length * 0.99)] ?? 0,
      }),
    };
  }

  close() {
    for (const link of this.#links) {
      link.onClose = () => {};
      link.destroy();
    }
  }
}

/**
 * Sends one batch and compares the answers with it, payload by payload.
 *
 * @param {import('../types.d.ts').Workload} workload
 * @param {Link} link
 * @param {import('./content.mjs').Batch} batch
 */
async function checkAnswer(workload, link, batch) {
  const bytes = await collectAnswer(workload, link, batch);
  const frames = splitFrames(bytes).filter((frame) => frame.opcode < Opcode.CLOSE);
  const opcode = workload.text ? Opcode.TEXT : Opcode.BINARY;
  for (const frame of frames) {
    if (frame.opcode !== opcode || !frame.fin) throw new Error('answered with other frames');
  }
  const plain = frames.some((frame) => frame.rsv1)
    ? inflateAll(frames)
    : Buffer.concat(frames.map((frame) => frame.payload));
  if (!plain.equals(Buffer.concat(batch.payloads))) throw new Error('answered with other payloads');
}

/**
 * @param {import('../types.d.ts').Workload} workload
 * @param {Link} link
 * @param {import('./content.mjs').Batch} batch
 * @returns {Promise<Buffer>}
 */
function collectAnswer({ deflate }, link, batch) {
  const counter = deflate ? new MessageCounter() : undefined;
  let left = counter ? batch.messages : batch.answerBytes;
  /** @type {Buffer[]} */
  const chunks = [];
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no answer to the first batch')), STALL_MS);
    link.onClose = () => {
      clearTimeout(timer);
      reject(new Error('closed on the first batch'));
    };
    link.onBytes = (bytes, length) => {
      chunks.push(Buffer.from(bytes.subarray(0, length)));
      left -= counter ? counter.push(bytes, length) : length;
      if (left > 0) return;
      clearTimeout(timer);
      resolve(Buffer.concat(chunks));
    };
    link.write(batch.bytes);
  });
}

/**
 * Inflates the messages of one connection as the one stream that they are, with or without context
 * takeover. A sender may leave a message that gains nothing uncompressed; none of these are such.
 *
 * @param {{ payload: Buffer }[]} frames
 */
function inflateAll(frames) {
  const stream = Buffer.concat(frames.flatMap((frame) => [frame.payload, FLUSH_TAIL]));
  return inflateRawSync(stream, { finishFlush: zlibConstants.Z_SYNC_FLUSH });
}
