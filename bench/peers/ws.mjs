/**
 * ws, newest, with bufferutil, as its README shows it (ws-style.mjs), and its parser and serializer
 * alone.
 */

import * as wsLibrary from 'ws';
import WebSocket, { WebSocketServer } from 'ws';
import { codecStream, feed, payloads } from './codec-stream.mjs';
import { connectWith, serveWith } from './ws-style.mjs';

// Exported, but missing from its types.
const { Receiver, Sender } = /** @type {any} */ (wsLibrary);

/** @param {import('../types.d.ts').SubjectConfiguration} configuration */
export function serve(configuration) {
  return serveWith(WebSocketServer, configuration);
}

/** @param {import('../types.d.ts').SubjectConfiguration} configuration */
export async function connect(configuration) {
  connectWith(WebSocket, configuration);
}

/**
 * @param {import('../types.d.ts').SubjectConfiguration} configuration
 * @returns {Promise<import('../types.d.ts').Codec>}
 */
export async function codec({ workload }) {
  if (workload.direction === 'serialize') {
    const messages = payloads(workload);
    let bytes = 0;
    return {
      cycle() {
        for (const message of messages) {
          const options = { fin: true, rsv1: false, opcode: 2, mask: false, readOnly: true };
          for (const part of Sender.frame(message, options)) bytes += part.length;
        }
        return bytes > 0 ? messages.length : 0;
      },
    };
  }
  const stream = codecStream(workload);
  const receiver = new Receiver({ isServer: true });
  let parsed = 0;
  receiver.on('message', () => {
    parsed += 1;
  });
  return feed(
    stream,
    (chunk) => receiver.write(chunk),
    () => parsed,
  );
}
