/**
 * The types of sanswire/pull-ws, pinned: this file is compiled and never run. They fit those of
 * `@types/pull-stream`, and take sockets of every make.
 */

import pull from 'pull-stream';
import { WebSocket as UndiciWebSocket } from 'undici';
import RealWebSocket from 'ws';
import { Client } from '../../src/index.ts';
import connectPart from '../../src/pull-ws/client.ts';
import duplex, {
  type ClientDuplex,
  connect,
  createServer,
  type End,
  type ReceivedMessage,
  type SentMessage,
  type Server,
  type ServerDuplex,
  type SocketLike,
  sink,
  source,
} from '../../src/pull-ws.ts';
import { WebSocket } from '../../src/ws.ts';

type Is<Left, Right> =
  (<Type>() => Type extends Left ? 1 : 2) extends <Type>() => Type extends Right ? 1 : 2
    ? true
    : false;

function pin<_Truth extends true>(): void {}

declare const browserSocket: globalThis.WebSocket;
export const sockets: SocketLike[] = [
  new Client('ws://x'),
  new WebSocket('ws://x'),
  new RealWebSocket('ws://x'),
  new UndiciWebSocket('ws://x'),
  browserSocket,
];

// Streams of ours in the functions of theirs, and theirs in ours.
const stream: ClientDuplex = connect('ws://x', (error, connected) => {
  pin<Is<typeof error, Error | null>>();
  pin<Is<typeof connected, ClientDuplex | undefined>>();
});
const theirSource: pull.Source<ReceivedMessage> = stream.source;
const theirSink: pull.Sink<SentMessage> = stream.sink;
export const ourSource: typeof stream.source = theirSource;
pull(pull.values(['a', 'b']), theirSink);
pull(
  stream,
  pull.drain((message: ReceivedMessage) => message),
);
pull(stream.source, pull.collect(console.log));
stream.source(null, (end, data) => {
  pin<Is<typeof end, End>>();
  pin<Is<typeof data, ReceivedMessage | undefined>>();
});
stream.close((event) => event?.code);

// A function, its members, and its parts.
duplex.connect('ws://x', { binary: true, closeOnEnd: false, onClose: (error) => error?.message });
connectPart.connect('ws://x');
duplex.source(new Client('ws://x'));
sink(new Client('ws://x'), (error) => error?.message);

const server: Server = createServer({ maxPayload: 100, key: 'k', cert: 'c' }, (connection) => {
  pin<Is<typeof connection, ServerDuplex>>();
  pin<Is<typeof connection.remoteAddress, string | undefined>>();
});
server.listen(9999, () => {}).on('connection', (connection) => connection.headers?.host);
server.on('error', (error) => error.message);
createServer((connection) => pull(connection, connection));

declare const dates: pull.Source<Date>;
// @ts-expect-error: a socket has an address
connect();
// @ts-expect-error: what is sent is a message
stream.sink(dates);
// @ts-expect-error: a number is no message that comes
export const wrong: number = null as unknown as ReceivedMessage;
// @ts-expect-error: an event emitter is no socket
source(server);
