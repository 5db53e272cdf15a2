/** Every client, as one that tries to connect. */

import { connect as connectTcp } from 'node:net';
import { onTestFinished } from 'vitest';
import { ClientEndpoint, nodePlatform } from '../../src/engine.ts';
import { Client } from '../../src/index.ts';
import { connect as connectNodejs } from '../../src/nodejs-websocket.ts';
import { connect as connectPull } from '../../src/pull-ws.ts';
import { WebSocketStream } from '../../src/streams.ts';
import { WebSocket as WsWebSocket } from '../../src/ws.ts';
import { EventLog } from './event-log.ts';
import { RecordingHandler } from './recording-handler.ts';

/** Connects; the log has `open` with the subprotocol, or `failed`, and `close` where it is told. */
export type ClientFace = (port: number, protocols: readonly string[]) => EventLog;

const urlOf = (port: number): string => `ws://127.0.0.1:${port}/`;

export const CLIENT_FACES: Readonly<Record<string, ClientFace>> = {
  sanswire: (port, protocols) => {
    const log = new EventLog();
    const client = new Client(urlOf(port), protocols);
    client.on('open', () => log.add(`open ${client.protocol}`));
    client.on('error', () => log.add('failed'));
    client.on('close', () => log.add('close'));
    onTestFinished(() => client.terminate());
    return log;
  },
  'sanswire/streams': (port, protocols) => {
    const log = new EventLog();
    const stream = new WebSocketStream(urlOf(port), { protocols });
    stream.opened.then(
      ({ protocol }) => log.add(`open ${protocol}`),
      () => log.add('failed'),
    );
    stream.closed.then(
      () => log.add('close'),
      () => log.add('close'),
    );
    onTestFinished(() => stream.close());
    return log;
  },
  'sanswire/ws': (port, protocols) => {
    const log = new EventLog();
    const socket = new WsWebSocket(urlOf(port), [...protocols]);
    socket.on('open', () => log.add(`open ${socket.protocol}`));
    socket.on('error', () => log.add('failed'));
    socket.on('close', () => log.add('close'));
    onTestFinished(() => socket.terminate());
    return log;
  },
  'sanswire/nodejs-websocket': (port, protocols) => {
    const log = new EventLog();
    const connection = connectNodejs(urlOf(port), { protocols });
    connection.on('connect', () => log.add(`open ${connection.protocol ?? ''}`));
    connection.on('error', () => log.add('failed'));
    connection.on('close', () => log.add('close'));
    onTestFinished(() => void connection.socket.destroy());
    return log;
  },
  'sanswire/pull-ws': (port) => {
    const log = new EventLog();
    const stream = connectPull(urlOf(port), {
      onConnect: (error) => {
        log.add(error ? 'failed' : 'open ');
        // A connection that never was has no end of its own.
        if (error) log.add('close');
      },
    });
    onTestFinished(() => stream.close());
    return log;
  },
  'sanswire/engine': (port, protocols) => {
    const log = new EventLog();
    const socket = connectTcp(port, '127.0.0.1');
    const flush = (): void => {
      for (const bytes of endpoint.takeOutput()) socket.write(bytes);
      endpoint.outputWritten();
      if (endpoint.shouldEnd) socket.end();
    };
    const handler = Object.assign(new RecordingHandler(), {
      onOpen: () => log.add(`open ${endpoint.protocol}`),
      onError: () => log.add('failed'),
      onClose: () => log.add('close'),
      onOutput: flush,
      onClosing: flush,
    });
    const endpoint: ClientEndpoint = new ClientEndpoint({
      platform: nodePlatform,
      handler,
      authority: `127.0.0.1:${port}`,
      target: '/',
      protocols,
    });
    socket.on('error', () => {});
    socket.on('data', (bytes) => endpoint.receive(bytes));
    socket.on('close', () => endpoint.transportClosed());
    endpoint.start();
    onTestFinished(() => void socket.destroy());
    return log;
  },
};

/** Those that can offer subprotocols. */
export const OFFERING_FACES: readonly string[] = Object.keys(CLIENT_FACES).filter(
  (name) => name !== 'sanswire/pull-ws',
);
