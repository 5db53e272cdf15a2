/**
 * The floor with one read buffer for all sockets: what node:net costs when no read allocates.
 *
 * A client has the `onread` option for it. A server fills the slots behind that option on a socket
 * that it has accepted, after the upgrade; a Node without them is Unsupported. Answers come from
 * prepared memory, since the next read overwrites the buffer.
 */

import net from 'node:net';
import { countRequests, openSocket, serveWith, writeFiller } from './floor-style.mjs';
import { Unsupported } from './index.mjs';

const READ_BUFFER_LENGTH = 64 * 1024;
const readBuffer = Buffer.allocUnsafeSlow(READ_BUFFER_LENGTH);

/**
 * The slots that `onread` fills, by the names of their symbols. Each socket has them, used or not.
 */
function findSlots() {
  const symbols = Object.getOwnPropertySymbols(new net.Socket());
  const [buffer, callback] = ['kBuffer', 'kBufferCb'].map((name) =>
    symbols.find(({ description }) => description === name),
  );
  if (buffer === undefined || callback === undefined) {
    throw new Unsupported(`node:net of ${process.version} has no slots for a shared read buffer`);
  }
  return { buffer, callback };
}

/**
 * Makes the answers of one socket.
 *
 * @param {import('../types.d.ts').SubjectConfiguration['shape']} shape
 * @param {Buffer} filler
 */
function answerReads(shape, filler) {
  const countAnswerBytes = countRequests(shape);
  return (/** @type {net.Socket} */ socket, /** @type {number} */ length) => {
    const answerBytes = countAnswerBytes(length);
    if (answerBytes > 0) writeFiller(socket, filler, answerBytes);
  };
}

/**
 * One write answers all that a read completes, however long.
 *
 * @param {import('../types.d.ts').SubjectConfiguration['shape']} shape
 */
function createFiller({ answers }) {
  return Buffer.alloc(Math.max(...answers) + 2 * READ_BUFFER_LENGTH);
}

/** @param {import('../types.d.ts').SubjectConfiguration} configuration */
export async function serve(configuration) {
  if (configuration.workload.kind !== 'echo') throw new Unsupported('it only echoes');
  const slots = findSlots();
  const filler = createFiller(configuration.shape);
  return serveWith((socket, shape) => {
    const answer = answerReads(shape, filler);
    const slotted = /** @type {any} */ (socket);
    slotted[slots.buffer] = readBuffer;
    slotted[slots.callback] = (/** @type {number} */ length) => {
      answer(socket, length);
      return true;
    };
    slotted._handle.useUserBuffer(readBuffer);
    socket.resume();
  }, configuration);
}

/** @param {import('../types.d.ts').SubjectConfiguration} configuration */
export async function connect(configuration) {
  const filler = createFiller(configuration.shape);
  for (let index = 0; index < configuration.workload.connections; index++) {
    const answer = answerReads(configuration.shape, filler);
    let isOpen = false;
    const socket = openSocket(configuration, {
      buffer: readBuffer,
      callback: (length) => {
        // The load waits for all connections before its first frame; the head comes alone.
        if (isOpen) answer(socket, length);
        isOpen = true;
        return true;
      },
    });
  }
}
