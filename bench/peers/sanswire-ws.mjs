/**
 * sanswire/ws, of this build and, as `before-ws`, of another: the same programs as those of ws,
 * with another import.
 */

import { importBuild } from './index.mjs';
import { connectWith, serveWith } from './ws-style.mjs';

/** @param {import('../types.d.ts').SubjectConfiguration} configuration */
export async function serve(configuration) {
  const { WebSocketServer } = await importBuild(configuration.peer, '/ws');
  return serveWith(WebSocketServer, configuration);
}

/** @param {import('../types.d.ts').SubjectConfiguration} configuration */
export async function connect(configuration) {
  const { WebSocket } = await importBuild(configuration.peer, '/ws');
  connectWith(WebSocket, configuration);
}
