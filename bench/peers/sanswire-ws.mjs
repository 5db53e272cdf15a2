/**
 * sanswire/ws, from the build of Sanswire: the same programs as those of ws, with another import.
 */

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { SANSWIRE_DIST } from './index.mjs';
import { connectWith, serveWith } from './ws-style.mjs';

// By a computed name, so that types can be checked where nothing is built yet.
const entry = pathToFileURL(join(SANSWIRE_DIST, 'ws.js')).href;
/** @type {any} */
const { WebSocket, WebSocketServer } = await import(entry);

/** @param {import('../types.d.ts').SubjectConfiguration} configuration */
export function serve(configuration) {
  return serveWith(WebSocketServer, configuration);
}

/** @param {import('../types.d.ts').SubjectConfiguration} configuration */
export async function connect(configuration) {
  connectWith(WebSocket, configuration);
}
