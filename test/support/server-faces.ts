/** Every way to answer the upgrades of an http server: each echoes text. */

import { createServer as createHttpServer, type IncomingMessage, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import * as main from '../../src/index.ts';
import * as nodejs from '../../src/nodejs-websocket.ts';
import * as pullWs from '../../src/pull-ws.ts';
import { type AttachOptions, attach } from '../../src/server.ts';
import { WebSocketStream } from '../../src/streams.ts';
import * as walve from '../../src/walve.ts';
import * as ws from '../../src/ws.ts';

type OnUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** Answers upgrades. */
export interface ServerFace {
  /** Makes a listener for `upgrade`. */
  answer(): OnUpgrade;
}

/** Takes the listener that a library adds to an http server. */
function listenerOf(attach: (server: Server) => void): OnUpgrade {
  const server = createHttpServer();
  attach(server);
  const [listener] = server.listeners('upgrade');
  return (...upgrade) => void listener?.apply(server, upgrade);
}

function attached(options: AttachOptions<true>): OnUpgrade {
  return listenerOf((server) => {
    attach(server, options).on('connection', (socket) => {
      socket.on('message', ({ data }) => socket.send(data));
    });
  });
}

function echoWs(socket: ws.WebSocket): void {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  socket.on('error', () => {});
}

function echoWalve(socket: walve.Socket): void {
  socket.on('incoming', (incoming: walve.Incoming) => {
    const { length, opcode } = incoming.header;
    const outgoing = new walve.Outgoing({ header: { length: length as number, opcode } });
    incoming.pipe(outgoing).pipe(socket, { end: false });
  });
}

export const SERVER_FACES: Readonly<Record<string, ServerFace>> = {
  sanswire: {
    answer: () => (request, socket, head) => {
      const webSocket = new main.WebSocket(request, socket, head);
      webSocket.on('message', ({ data }) => webSocket.send(data));
    },
  },
  'sanswire/server': { answer: () => attached({}) },
  'sanswire/server, authorize': { answer: () => attached({ authorize: async () => true }) },
  'sanswire/streams': {
    answer: () => (request, socket, head) => {
      const { opened } = WebSocketStream.accept(request, socket, head);
      opened.then(
        ({ readable, writable }) => readable.pipeTo(writable).catch(() => {}),
        () => {},
      );
    },
  },
  'sanswire/ws': {
    answer: () =>
      listenerOf((server) => new ws.WebSocketServer({ server }).on('connection', echoWs)),
  },
  'handleUpgrade of sanswire/ws': {
    answer: () => {
      const server = new ws.WebSocketServer({ noServer: true });
      return (request, socket, head) => server.handleUpgrade(request, socket, head, echoWs);
    },
  },
  'sanswire/pull-ws': {
    answer: () =>
      listenerOf((server) => pullWs.createServer({ server }, (one) => one.sink(one.source))),
  },
  'sanswire/walve': {
    answer: () => listenerOf((server) => void walve.createServer(echoWalve).listen(server)),
  },
  'Response of sanswire/walve': {
    answer: () => (request, socket, head) => {
      const response = new walve.Response(request);
      response.assignSocket(socket as never);
      response.end();
      if (response.statusCode === 101) echoWalve(new walve.Socket(socket, { head }));
      else response.on('finish', () => socket.end());
    },
  },
  'sanswire/nodejs-websocket': {
    answer: () => {
      const server = nodejs.createServer((connection) => {
        connection.on('text', (text) => connection.sendText(text));
      });
      const [listener] = server.socket.listeners('upgrade');
      return (...upgrade) => void listener?.apply(server.socket, upgrade);
    },
  },
};
