/**
 * The server side of a client test: accepts the subject's connections and pumps prebuilt frames
 * through them.
 *
 * The subject answers each message with itself, masked; from there it is the echo load with the
 * roles exchanged.
 */

import net from 'node:net';
import { EchoLoad } from './echo.mjs';
import { acceptHead } from './raw-connection.mjs';

const ACCEPT_TIMEOUT_MS = 20_000;
const HEAD_START_MS = 300;

export class ClientEchoLoad {
  #server;
  /** @type {import('./echo.mjs').Link[]} */
  #links = [];
  /** @type {EchoLoad | undefined} */
  #echo;
  #workload;
  #onLink = () => {};

  /** @param {import('../types.d.ts').Workload} workload */
  constructor(workload) {
    this.#workload = workload;
    this.#server = net.createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  /**
   * @param {import('../types.d.ts').Workload} workload
   * @returns {Promise<ClientEchoLoad>}
   */
  static open(workload) {
    const load = new ClientEchoLoad(workload);
    return new Promise((resolve) => {
      load.#server.listen(0, '127.0.0.1', () => resolve(load));
    });
  }

  get port() {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** @param {net.Socket} socket */
  #accept(socket) {
    /** @type {import('./echo.mjs').Link} */
    const link = {
      onBytes: () => {},
      onClose: () => {},
      write: (bytes) => void socket.write(bytes),
      destroy: () => void socket.destroy(),
    };
    let head = '';
    const onHead = (/** @type {Buffer} */ chunk) => {
      head += chunk.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      socket.off('data', onHead);
      socket.on('data', (bytes) => link.onBytes(bytes, bytes.length));
      socket.write(acceptHead(head));
      this.#links.push(link);
      this.#onLink();
    };
    socket.on('data', onHead);
    socket.on('error', () => {});
    socket.on('close', () => link.onClose());
  }

  /**
   * Waits for the subject's connections, then checks the first answer.
   *
   * @param {{ checksAnswers: boolean }} options
   */
  async begin({ checksAnswers }) {
    await new Promise((/** @type {(value: void) => void} */ resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error('the client did not open its connections')),
        ACCEPT_TIMEOUT_MS,
      );
      this.#onLink = () => {
        if (this.#links.length < this.#workload.connections) return;
        clearTimeout(timer);
        resolve();
      };
      this.#onLink();
    });
    // Lets the subject see its last heads alone: the floor takes its first chunk for the head.
    await new Promise((resolve) => setTimeout(resolve, HEAD_START_MS));
    this.#echo = new EchoLoad(this.#workload, this.#links, {
      masked: false,
      windowBits: undefined,
      checksAnswers,
    });
    await this.#echo.begin();
  }

  /** @param {{ durationMs: number }} request */
  run(request) {
    if (this.#echo === undefined) throw new Error('run before begin');
    return this.#echo.run(request);
  }

  close() {
    this.#echo?.close();
    this.#server.close();
  }
}
