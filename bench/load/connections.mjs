/**
 * Loads that are about connections rather than messages: handshakes, idle connections, and deflate
 * bombs.
 */

import { buildPayload, compress } from './content.mjs';
import { buildFrame, MessageCounter, Opcode } from './frames.mjs';
import { inParallel, openWebSocket } from './raw-connection.mjs';

/**
 * Bombs stop here even if some are left: a peer that inflates each in full would take many minutes.
 */
const BOMB_LIMIT_MS = 20_000;
const ANSWER_TIMEOUT_MS = 15_000;

/** Opens connections, so many at a time, and resets each as soon as it is accepted. */
export class HandshakeLoad {
  #workload;
  #port;

  /**
   * @param {import('../types.d.ts').Workload} workload
   * @param {number} port
   */
  constructor(workload, port) {
    this.#workload = workload;
    this.#port = port;
  }

  /**
   * @param {import('../types.d.ts').Workload} workload
   * @param {{ port: number }} server
   */
  static async open(workload, { port }) {
    return new HandshakeLoad(workload, port);
  }

  /** @param {{ durationMs: number }} request */
  async run({ durationMs }) {
    const deadline = performance.now() + durationMs;
    let count = 0;
    await inParallel(this.#workload.connections, async () => {
      while (performance.now() < deadline) {
        const { connection } = await openWebSocket({ port: this.#port });
        connection.destroy();
        count += 1;
      }
    });
    return { count, bytes: 0 };
  }

  close() {}
}

/** Opens connections that then stay silent; with compression each echoes one message first. */
export class IdleLoad {
  #workload;
  #port;
  /** @type {import('./raw-connection.mjs').RawConnection[]} */
  #connections = [];

  /**
   * @param {import('../types.d.ts').Workload} workload
   * @param {number} port
   */
  constructor(workload, port) {
    this.#workload = workload;
    this.#port = port;
  }

  /**
   * @param {import('../types.d.ts').Workload} workload
   * @param {{ port: number }} server
   */
  static async open(workload, { port }) {
    return new IdleLoad(workload, port);
  }

  /**
   * @param {{ connections: number; plain: boolean }} request - plain: without compression and
   * messages, to warm up
   */
  async run({ connections, plain }) {
    const deflate = this.#workload.deflate && !plain;
    await inParallel(connections, async (index) => {
      const { connection, windowBits } = await openWebSocket({ port: this.#port, deflate });
      this.#connections.push(connection);
      if (windowBits === undefined) return;
      const payload = buildPayload(this.#workload, this.#workload.sizes[0] ?? 0, index);
      const bytes = compress(payload, windowBits);
      connection.write(buildFrame({ opcode: Opcode.TEXT, payload: bytes, rsv1: true }));
      await oneMessage(connection);
    });
    return { count: connections, bytes: 0 };
  }

  close() {
    for (const connection of this.#connections) connection.destroy();
  }
}

/** @param {import('./raw-connection.mjs').RawConnection} connection */
function oneMessage(connection) {
  const counter = new MessageCounter();
  return new Promise((/** @type {(value: void) => void} */ resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no answer')), ANSWER_TIMEOUT_MS);
    connection.onBytes = (bytes, length) => {
      if (counter.push(bytes, length) === 0) return;
      clearTimeout(timer);
      resolve();
    };
  });
}

/**
 * Sends messages that inflate far over the server's limit, one a connection, until all are refused
 * or time is up.
 */
export class BombLoad {
  #workload;
  #port;

  /**
   * @param {import('../types.d.ts').Workload} workload
   * @param {number} port
   */
  constructor(workload, port) {
    this.#workload = workload;
    this.#port = port;
  }

  /**
   * @param {import('../types.d.ts').Workload} workload
   * @param {{ port: number }} server
   */
  static async open(workload, { port }) {
    return new BombLoad(workload, port);
  }

  async run() {
    const { connections, inFlight, sizes } = this.#workload;
    const payload = compress(Buffer.alloc(sizes[0] ?? 0), 15);
    const bomb = buildFrame({ opcode: Opcode.BINARY, payload, rsv1: true });
    const deadline = performance.now() + BOMB_LIMIT_MS;
    let refused = 0;
    await inParallel(
      inFlight,
      async () => {
        if (performance.now() > deadline) return;
        const { connection } = await openWebSocket({ port: this.#port, deflate: true });
        connection.write(bomb);
        await refusal(connection);
        refused += 1;
      },
      connections,
    );
    return { count: refused, bytes: 0 };
  }

  close() {}
}

/**
 * Waits for a Close frame or the end of the connection. A message in answer means that the bomb got
 * through.
 *
 * @param {import('./raw-connection.mjs').RawConnection} connection
 */
function refusal(connection) {
  return new Promise((/** @type {(value: void) => void} */ resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('a bomb was not refused')), ANSWER_TIMEOUT_MS);
    const settle = (/** @type {Error | undefined} */ error) => {
      clearTimeout(timer);
      connection.onClose = () => {};
      connection.destroy();
      if (error) reject(error);
      else resolve();
    };
    connection.onClose = () => settle(undefined);
    connection.onBytes = (bytes) => {
      const opcode = (bytes[0] ?? 0) & 0x0f;
      settle(opcode === Opcode.CLOSE ? undefined : new Error('a bomb was answered'));
    };
  });
}
