/**
 * The load generator's process: on a core of its own, one for each workload, with every peer's
 * connections open at once.
 *
 * The runner calls peers in turn, so the generator is warmed up by all of them alike. It reports
 * its own CPU time too: where that nears a whole core, messages a second measure the generator,
 * while CPU per message still measures the server.
 */

import { answerJsonLines } from './json-lines.mjs';
import { BroadcastLoad } from './load/broadcast.mjs';
import { ClientEchoLoad } from './load/client-echo.mjs';
import { BombLoad, HandshakeLoad, IdleLoad } from './load/connections.mjs';
import { EchoLoad } from './load/echo.mjs';
import { isFloor } from './peers/index.mjs';

const OPENERS = {
  echo: EchoLoad.open,
  'client-echo': ClientEchoLoad.open,
  broadcast: BroadcastLoad.open,
  'event-source': BroadcastLoad.open,
  handshake: HandshakeLoad.open,
  idle: IdleLoad.open,
  bomb: BombLoad.open,
};

/** @type {Map<string, any>} */
const loads = new Map();

/** @param {any} request */
async function open({ peer, workload, port }) {
  const kind = /** @type {keyof typeof OPENERS} */ (workload.kind);
  const load = await OPENERS[kind](workload, { port, checksAnswers: !isFloor(peer) });
  loads.set(peer, load);
  return { port: load instanceof ClientEchoLoad ? load.port : port };
}

/** @param {any} request */
async function run(request) {
  const before = process.cpuUsage();
  const start = performance.now();
  const result = await loads.get(request.peer).run(request);
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(before);
  return { ...result, seconds, cpu: user + system };
}

answerJsonLines(async (request) => {
  const load = loads.get(request.peer);
  if (request.command === 'open') return open(request);
  if (request.command === 'run') return run(request);
  if (request.command === 'begin') await load.begin({ checksAnswers: !isFloor(request.peer) });
  else if (load !== undefined) {
    load.close();
    loads.delete(request.peer);
  }
  return {};
});
