/**
 * Fan-out: one publisher, many subscribers; the next message goes out when every subscriber has the
 * last.
 *
 * Serves WebSocket broadcasts and EventSource alike: the length of one delivery is learnt from the
 * first publication, since servers differ in how they frame an event (chunked or not). Under
 * compression deliveries are counted by message.
 */

import { buildPayload, compress } from './content.mjs';
import { buildFrame, MessageCounter, Opcode } from './frames.mjs';
import { inParallel, openWebSocket, RawConnection, requestHead } from './raw-connection.mjs';

const PUBLISH_PATH = '/publish';
const QUIET_MS = 200;
const STALL_MS = 15_000;
const DISTINCT_MESSAGES = 32;

export class BroadcastLoad {
  #workload;
  #publisher;
  #subscribers;
  /** @type {Buffer[]} */
  #messages;
  #next = 0;
  #deliveryLength = 0;
  #left = 0;
  #bytes = 0;
  #onAllDelivered = () => {};
  /** @type {(reason: Error) => void} */
  #fail = () => {};

  /**
   * @param {import('../types.d.ts').Workload} workload
   * @param {RawConnection} publisher
   * @param {RawConnection[]} subscribers
   * @param {Buffer[]} messages
   */
  constructor(workload, publisher, subscribers, messages) {
    this.#workload = workload;
    this.#publisher = publisher;
    this.#subscribers = subscribers;
    this.#messages = messages;
  }

  /**
   * @param {import('../types.d.ts').Workload} workload
   * @param {{ port: number }} server
   */
  static async open(workload, { port }) {
    const { connections, deflate, kind } = workload;
    if (kind === 'event-source') {
      const publisher = new RawConnection({ port });
      const subscribers = await inParallel(connections, async () => {
        const connection = new RawConnection({ port });
        connection.write(requestHead({ path: '/events', upgrade: false }));
        return connection;
      });
      const request = Buffer.from(requestHead({ path: PUBLISH_PATH, upgrade: false }));
      const load = new BroadcastLoad(workload, publisher, subscribers, [request]);
      await load.#learn();
      return load;
    }
    const publisher = await openWebSocket({ port, path: PUBLISH_PATH, deflate });
    const opened = await inParallel(connections, () => openWebSocket({ port, deflate }));
    const load = new BroadcastLoad(
      workload,
      publisher.connection,
      opened.map(({ connection }) => connection),
      publishedFrames(workload, publisher.windowBits),
    );
    await load.#learn();
    return load;
  }

  /** Publishes once with every subscriber counted apart, then attaches the cheap counters. */
  async #learn() {
    const received = this.#subscribers.map(() => 0);
    for (const [index, subscriber] of this.#subscribers.entries()) {
      subscriber.onBytes = (_bytes, length) => {
        received[index] = (received[index] ?? 0) + length;
      };
      subscriber.onClose = () => this.#fail(new Error('the peer closed a subscriber'));
    }
    // An EventSource answers with a head, which is not a delivery.
    if (this.#workload.kind === 'event-source') await quiet(received);
    received.fill(0);
    this.#publisher.write(this.#messages[0] ?? '');
    await quiet(received);
    this.#deliveryLength = received[0] ?? 0;
    if (received.some((length) => length !== this.#deliveryLength)) {
      throw new Error('subscribers got different lengths');
    }
    for (const subscriber of this.#subscribers) this.#attach(subscriber);
  }

  /** @param {RawConnection} subscriber */
  #attach(subscriber) {
    const counter = this.#workload.deflate ? new MessageCounter() : undefined;
    subscriber.onBytes = (bytes, length) => {
      this.#bytes += length;
      this.#left -= counter ? counter.push(bytes, length) : length;
      if (this.#left <= 0) this.#onAllDelivered();
    };
  }

  #publish() {
    const unit = this.#workload.deflate ? 1 : this.#deliveryLength;
    this.#left = this.#subscribers.length * unit;
    this.#publisher.write(this.#messages[this.#next] ?? '');
    this.#next = this.#next + 1 === this.#messages.length ? 0 : this.#next + 1;
  }

  /**
   * @param {{ durationMs: number }} request
   * @returns {Promise<{ count: number; bytes: number }>}
   */
  async run({ durationMs }) {
    this.#bytes = 0;
    let publications = 0;
    const deadline = performance.now() + durationMs;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    await new Promise((/** @type {(value: void) => void} */ resolve, reject) => {
      this.#fail = reject;
      timer = setTimeout(
        () => reject(new Error('deliveries stopped coming')),
        durationMs + STALL_MS,
      );
      this.#onAllDelivered = () => {
        if (this.#left < 0) reject(new Error('more was delivered than published'));
        publications += 1;
        if (performance.now() < deadline) this.#publish();
        else resolve();
      };
      this.#publish();
    }).finally(() => clearTimeout(timer));
    return { count: publications * this.#subscribers.length, bytes: this.#bytes };
  }

  close() {
    this.#publisher.destroy();
    for (const subscriber of this.#subscribers) {
      subscriber.onClose = () => {};
      subscriber.destroy();
    }
  }
}

/**
 * Waits until every connection has got something and nothing more comes in.
 *
 * @param {number[]} received
 */
async function quiet(received) {
  const deadline = performance.now() + STALL_MS;
  let before = -1;
  for (;;) {
    const sum = received.reduce((total, length) => total + length, 0);
    if (sum === before && received.every((length) => length > 0)) return;
    if (performance.now() > deadline) throw new Error('not every subscriber got something');
    before = sum;
    await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
  }
}

/**
 * @param {import('../types.d.ts').Workload} workload
 * @param {number | undefined} windowBits
 */
function publishedFrames(workload, windowBits) {
  const opcode = workload.text ? Opcode.TEXT : Opcode.BINARY;
  return Array.from({ length: DISTINCT_MESSAGES }, (_, index) => {
    const payload = buildPayload(workload, workload.sizes[0] ?? 0, index);
    if (windowBits === undefined) return buildFrame({ opcode, payload });
    return buildFrame({ opcode, payload: compress(payload, windowBits), rsv1: true });
  });
}
