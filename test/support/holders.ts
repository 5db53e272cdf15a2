/**
 * Who may hold a connection's input back, in each face: an application, a reader who does not read,
 * a plug-in. Each holder opens a connection and brings it to where nothing goes on by itself.
 */

import type { Readable } from 'node:stream';
import { expect } from 'vitest';
import type { Extension } from '../../src/index.ts';
import { source } from '../../src/pull-ws.ts';
import { toDuplex } from '../../src/streams.ts';
import { createWebSocketStream } from '../../src/ws.ts';
import { type Role, until } from '../api/sockets.ts';
import { readAll } from '../compat/pull-ws/streams.ts';
import { plugIn } from '../extensions/plug-ins.ts';
import { patiently } from './event-log.ts';
import { type FrameSpec, frameTo, type OpcodeName } from './frames.ts';
import { concat } from './hex.ts';
import {
  openMain,
  openNodejs,
  openWalve,
  openWebSocketStream,
  openWs,
  type Subject,
  type SubjectOptions,
} from './subjects.ts';

/** What a holder keeps from going on. */
export type Held =
  | 'nothing'
  /** The socket is paused, and more has been read than was delivered. The holder can let go. */
  | 'socket'
  /** A plug-in has what was read, and never answers. The socket is read on. */
  | 'read'
  /** A plug-in has so much of what was read that the socket is paused. */
  | 'all'
  /** A plug-in has what was sent, and never answers. */
  | 'sent';

/** A connection whose holder holds. */
export interface Holding {
  readonly subject: Subject;
  readonly letGo?: () => void;
}

export interface Holder {
  readonly held: Held;
  /** Opens a connection, and has the holder hold. */
  hold(role: Role, options: SubjectOptions): Promise<Holding>;
}

export interface Face {
  readonly holders: Readonly<Record<string, Holder>>;
  /** Why the face has none of these ways to end. */
  readonly lacks: Readonly<Partial<Record<Means, string>>>;
  /** The closeTimeout of a face that has no such option, in milliseconds. */
  readonly fixedCloseTimeout?: number;
}

/** What an application needs in order to end a connection in some ways. */
export type Means = 'terminate' | 'signal' | 'maxBufferedAmount';

const ignore = (): void => {};

/** Sends as one piece so many short messages. */
function sendMessages({ peer }: Subject, count: number, opcode: OpcodeName = 'text'): void {
  const frames = Array.from({ length: count }, (_, index) =>
    frameTo(peer.role, { opcode, payload: `${index}` }),
  );
  peer.write(concat(frames));
}

/** A message that no buffer of a stream takes whole. */
const LONG: FrameSpec = { opcode: 'binary', payload: Buffer.alloc(2 ** 20) };

/** Waits until the socket of our side is paused. */
async function untilHeld({ transport, log }: Subject): Promise<void> {
  const paused = until(() => transport.isPaused());
  await patiently(paused, () => `the socket is not paused: ${JSON.stringify(log.lines)}`);
}

/** A plug-in that is never done with a message of one direction; it counts what it got. */
function stuckPlugIn(direction: 'Incoming' | 'Outgoing'): Extension & { count: number } {
  const extension = {
    ...plugIn({
      session: {
        [`process${direction}Message`]: () => {
          extension.count++;
        },
      },
    }),
    count: 0,
  };
  return extension;
}

/** A `messagestream` listener that reads nothing. */
function unreadStream(send: (subject: Subject) => void): Holder {
  return {
    held: 'socket',
    async hold(role, options) {
      const streams = new Streams();
      const subject = await openMain(role, options, (socket) =>
        socket.on('messagestream', (stream) => streams.keep(stream)),
      );
      send(subject);
      await untilHeld(subject);
      return { subject, letGo: () => streams.letGo() };
    },
  };
}

/** Streams that nobody reads for now. */
class Streams {
  #isKeeping = true;
  readonly #streams: Readable[] = [];

  keep(stream: Readable): void {
    stream.on('error', ignore);
    if (this.#isKeeping) this.#streams.push(stream.pause());
    else stream.resume();
  }

  letGo(): void {
    this.#isKeeping = false;
    for (const stream of this.#streams) stream.resume();
  }
}

function stuckIncoming(held: Held, count: number): Holder {
  return {
    held,
    async hold(role, options) {
      const extension = stuckPlugIn('Incoming');
      const subject = await openMain(role, { ...options, extension });
      sendMessages(subject, count);
      await patiently(
        until(() => extension.count > 0),
        () => 'the plug-in was not asked',
      );
      if (held === 'all') await untilHeld(subject);
      return { subject };
    },
  };
}

export const MAIN: Face = {
  lacks: {},
  holders: {
    nobody: {
      held: 'nothing',
      hold: async (role, options) => ({ subject: await openMain(role, options) }),
    },
    'pause()': {
      held: 'socket',
      async hold(role, options) {
        const subject = await openMain(role, options, (socket) =>
          socket.once('message', () => socket.pause()),
        );
        sendMessages(subject, 2);
        await subject.log.until('message');
        return { subject, letGo: () => subject.socket.resume() };
      },
    },
    'pause(), with nothing held back': {
      held: 'socket',
      async hold(role, options) {
        const subject = await openMain(role, options);
        subject.socket.pause();
        return { subject, letGo: () => subject.socket.resume() };
      },
    },
    'a for await loop that stopped': {
      held: 'socket',
      async hold(role, options) {
        const subject = await openMain(role, options);
        const iterator = subject.socket[Symbol.asyncIterator]();
        sendMessages(subject, 40);
        await untilHeld(subject);
        const drain = async (): Promise<void> => {
          while ((await iterator.next()).done !== true);
        };
        return { subject, letGo: () => void drain().catch(ignore) };
      },
    },
    'a long message nobody reads': unreadStream((subject) => subject.peer.send(LONG)),
    'short messages nobody reads': unreadStream((subject) => sendMessages(subject, 40)),
    'a Duplex nobody reads': {
      held: 'socket',
      async hold(role, options) {
        const subject = await openMain(role, options);
        const duplex = toDuplex(subject.socket).on('error', ignore);
        sendMessages(subject, 40);
        await untilHeld(subject);
        return { subject, letGo: () => void duplex.resume() };
      },
    },
    'a plug-in that never answers': stuckIncoming('read', 1),
    'a plug-in with a full backlog': stuckIncoming('all', 40),
    'a plug-in that never lets a message out': {
      held: 'sent',
      async hold(role, options) {
        const extension = stuckPlugIn('Outgoing');
        const subject = await openMain(role, { ...options, extension });
        subject.socket.send('stuck');
        expect(extension.count).toBe(1);
        return { subject };
      },
    },
  },
};

export const WEB_SOCKET_STREAM: Face = {
  lacks: {
    terminate: 'a WebSocketStream has no such method',
    signal: 'its signal is for the opening handshake',
  },
  holders: {
    nobody: {
      held: 'nothing',
      hold: async (role, options) => ({ subject: await openWebSocketStream(role, options) }),
    },
    'its readable, which nobody reads': {
      held: 'socket',
      async hold(role, options) {
        const readableStrategy = { highWaterMark: 1 };
        const subject = await openWebSocketStream(role, { ...options, readableStrategy });
        sendMessages(subject, 40);
        await untilHeld(subject);
        const drain = async (): Promise<void> => {
          for await (const _ of subject.readable);
        };
        return { subject, letGo: () => void drain().catch(ignore) };
      },
    },
  },
};

const NO_LIMIT = 'ws has no such limit';
const NO_SIGNAL = 'only sanswire’s own classes take one';

const WS: Face = {
  lacks: { signal: NO_SIGNAL, maxBufferedAmount: NO_LIMIT },
  holders: {
    nobody: {
      held: 'nothing',
      hold: async (role, options) => ({ subject: await openWs(role, options) }),
    },
    'pause()': {
      held: 'socket',
      async hold(role, options) {
        const subject = await openWs(role, options, (socket) =>
          socket.once('message', () => socket.pause()),
        );
        sendMessages(subject, 2);
        await subject.log.until('message');
        return { subject, letGo: () => subject.socket.resume() };
      },
    },
    'a createWebSocketStream nobody reads': {
      held: 'socket',
      async hold(role, options) {
        const subject = await openWs(role, options);
        const stream = createWebSocketStream(subject.socket, { readableHighWaterMark: 1 });
        stream.on('error', ignore);
        sendMessages(subject, 40);
        await untilHeld(subject);
        return { subject, letGo: () => void stream.resume() };
      },
    },
    'allowSynchronousEvents: false, for a turn': {
      // It lets go by itself.
      held: 'nothing',
      async hold(role, options) {
        const settings = { ...options, allowSynchronousEvents: false };
        const subject = await openWs(role, settings);
        sendMessages(subject, 3);
        await subject.log.until('message');
        return { subject };
      },
    },
  },
};

function unreadBinary(send: (subject: Subject) => void): Holder {
  return {
    held: 'socket',
    async hold(role, options) {
      const streams = new Streams();
      const subject = await openNodejs(role, options, (socket) =>
        socket.on('binary', (stream) => streams.keep(stream)),
      );
      send(subject);
      await untilHeld(subject);
      return { subject, letGo: () => streams.letGo() };
    },
  };
}

const NODEJS_WEBSOCKET: Face = {
  lacks: {
    terminate: 'a program destroys the socket instead, which is the first ending',
    signal: NO_SIGNAL,
    maxBufferedAmount: 'nodejs-websocket has no such limit',
  },
  fixedCloseTimeout: 30_000,
  holders: {
    nobody: {
      held: 'nothing',
      hold: async (role, options) => ({ subject: await openNodejs(role, options) }),
    },
    'a long message nobody reads': unreadBinary((subject) => subject.peer.send(LONG)),
    'short messages nobody reads': unreadBinary((subject) => sendMessages(subject, 40, 'binary')),
  },
};

function unreadIncoming(send: (subject: Subject) => void): Holder {
  return {
    held: 'socket',
    async hold(role, options) {
      const subject = await openWalve(role, options);
      const frames = new Streams();
      // It pauses them: what nobody has looked at would be thrown away, and hold nothing.
      subject.socket.on('incoming', (incoming) => frames.keep(incoming));
      send(subject);
      await untilHeld(subject);
      return { subject, letGo: () => frames.letGo() };
    },
  };
}

export const WALVE: Face = {
  lacks: {
    terminate: 'walve has no such method: destroy() begins a closing handshake',
    signal: NO_SIGNAL,
  },
  holders: {
    nobody: {
      held: 'nothing',
      hold: async (role, options) => ({ subject: await openWalve(role, options) }),
    },
    'a long frame nobody reads': unreadIncoming((subject) => subject.peer.send(LONG)),
    'short frames nobody reads': unreadIncoming((subject) => sendMessages(subject, 40)),
  },
};

const PULL_WS: Face = {
  lacks: { signal: NO_SIGNAL, maxBufferedAmount: NO_LIMIT },
  holders: {
    'a source nobody pulls': {
      held: 'socket',
      async hold(role, options) {
        let read: ReturnType<typeof source> | undefined;
        const subject = await openWs(role, options, (socket) => {
          read = source(socket);
        });
        sendMessages(subject, 40);
        await untilHeld(subject);
        return { subject, letGo: () => void readAll(read as ReturnType<typeof source>) };
      },
    },
  },
};

export const FACES: Readonly<Record<string, Face>> = {
  sanswire: MAIN,
  'a WebSocketStream': WEB_SOCKET_STREAM,
  'sanswire/ws': WS,
  'sanswire/nodejs-websocket': NODEJS_WEBSOCKET,
  'sanswire/walve': WALVE,
  'sanswire/pull-ws': PULL_WS,
};
