/**
 * Sockets for the load: as little per read as node:net allows, and the HTTP upgrade by hand in both
 * directions.
 *
 * Plain sockets read into one buffer shared by all of them (`onread`), so a read costs neither an
 * allocation nor a stream; TLS has no such option. Connections are reset, not closed: a close would
 * leave the port in TIME_WAIT for a minute.
 */

import { createHash, randomBytes } from 'node:crypto';
import net from 'node:net';
import tls from 'node:tls';

const SHARED_READ_LENGTH = 256 * 1024;
const HANDSHAKE_TIMEOUT_MS = 20_000;
const shared = Buffer.allocUnsafe(SHARED_READ_LENGTH);

export class RawConnection {
  /**
   * Replaced by the load once the head is over. `bytes` is reused after the call: copy what must
   * stay.
   */
  onBytes = (/** @type {Buffer} */ _bytes, /** @type {number} */ _length) => {};
  onClose = () => {};
  /** Free for the load: its state for this connection. */
  index = 0;
  #socket;
  #writer;

  /** @param {{ port: number; secure?: boolean }} address */
  constructor({ port, secure = false }) {
    const host = '127.0.0.1';
    if (secure) {
      this.#socket = tls.connect({ host, port, rejectUnauthorized: false });
      this.#socket.setNoDelay(true);
      this.#socket.on('data', (chunk) => this.onBytes(chunk, chunk.length));
    } else {
      const callback = (/** @type {number} */ length) => {
        this.onBytes(shared, length);
        return true;
      };
      this.#socket = net.connect({
        host,
        port,
        noDelay: true,
        onread: { buffer: shared, callback },
      });
    }
    this.#writer = this.#socket;
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => this.onClose());
  }

  /** @param {Buffer | string} bytes */
  write(bytes) {
    this.#writer.write(bytes);
  }

  destroy() {
    if (this.#socket instanceof tls.TLSSocket) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }
}

/**
 * @param {{ path?: string; deflate?: boolean; upgrade?: boolean }} options
 */
export function requestHead({ path = '/', deflate = false, upgrade = true } = {}) {
  const lines = [`GET ${path} HTTP/1.1`, 'Host: 127.0.0.1', 'User-Agent: sanswire-bench'];
  if (upgrade) {
    lines.push(
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    );
    if (deflate) lines.push('Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits');
  }
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/**
 * Gathers bytes up to the empty line that ends a head.
 *
 * @param {RawConnection} connection
 * @returns {Promise<string>}
 */
function readHead(connection) {
  return new Promise((resolve, reject) => {
    let head = '';
    const timer = setTimeout(
      () => fail('no answer to the handshake in time'),
      HANDSHAKE_TIMEOUT_MS,
    );
    const fail = (/** @type {string} */ reason) => {
      clearTimeout(timer);
      connection.destroy();
      reject(new Error(reason));
    };
    connection.onClose = () => fail('closed during the handshake');
    connection.onBytes = (bytes, length) => {
      head += bytes.toString('latin1', 0, length);
      const end = head.indexOf('\r\n\r\n');
      if (end === -1) return;
      clearTimeout(timer);
      connection.onClose = () => {};
      connection.onBytes = () => {};
      resolve(head.slice(0, end));
    };
  });
}

/**
 * Opens one WebSocket connection.
 *
 * @param {{ port: number; secure?: boolean; path?: string; deflate?: boolean }} options
 * @returns {Promise<{ connection: RawConnection; windowBits: number | undefined }>} windowBits for the frames that the load
 *   may send; undefined without compression
 */
export async function openWebSocket(options) {
  const connection = new RawConnection(options);
  connection.write(requestHead(options));
  const head = await readHead(connection);
  if (!head.startsWith('HTTP/1.1 101')) throw new Error(`refused: ${head.split('\r\n')[0]}`);
  const extensions = /^sec-websocket-extensions:(.*)$/im.exec(head)?.[1] ?? '';
  if (options.deflate !== true) return { connection, windowBits: undefined };
  if (!extensions.includes('permessage-deflate')) throw new Error('it declined permessage-deflate');
  const windowBits = Number(/client_max_window_bits\s*=\s*"?(\d+)/.exec(extensions)?.[1] ?? 15);
  return { connection, windowBits };
}

/**
 * Runs a task for each index, so many at a time: a listen backlog has an end.
 *
 * @template Result
 * @param {number} count
 * @param {(index: number) => Promise<Result>} task
 * @returns {Promise<Result[]>}
 */
export async function inParallel(count, task, width = 64) {
  /** @type {Result[]} */
  const results = [];
  let next = 0;
  const worker = async () => {
    while (next < count) {
      const index = next++;
      results[index] = await task(index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, worker));
  return results;
}

/**
 * Gives the head that accepts an upgrade, for the load that plays the server.
 *
 * @param {string} head
 */
export function acceptHead(head) {
  const key = /^sec-websocket-key:\s*(\S+)/im.exec(head)?.[1] ?? '';
  const accept = createHash('sha1')
    .update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64');
  return (
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    `Sec-WebSocket-Accept: ${accept}\r\n\r\n`
  );
}
