/**
 * Members of `ws` that are not part of its documented interface, but that programs in wide use touch: nothing else is here,
 * and nothing inside Sanswire depends on them but `setSocket`, which the server calls.
 *
 * - `_socket`: everywhere, for addresses and `setNoDelay`.
 * - `_sender.sendFrame(list, callback)`: engine.io, which sends frames that socket.io-adapter made once for many.
 * - `_isServer`: @fastify/websocket turns a socket without an address into a client's.
 * - `_receiver`: read to tell whether a socket was ever connected, and for its `_maxPayload`.
 * - `setSocket(stream, head, options)`: servers over HTTP/2 and over streams of tests.
 */

import type { Duplex } from 'node:stream';
import type { ClientOptions, ConnectionSettings } from './options.ts';
import type { SendCallback } from './types.ts';

/** What `setSocket` takes besides a stream. */
export interface SetSocketOptions extends ConnectionSettings, Pick<ClientOptions, 'generateMask'> {}

/** The private members as the class declares them. */
export interface PrivateMembers {
  readonly _socket: Duplex | null;
  readonly _sender: SenderView | null;
  readonly _receiver: ReceiverView | null;
  _isServer: boolean;
  setSocket(stream: Duplex, head: Uint8Array, options?: SetSocketOptions): void;
}

/** The part of `_sender` that is used. */
export interface SenderView {
  /** Sends frames that are serialised already: a list of pieces that are written one behind the other. */
  sendFrame(list: readonly Uint8Array[], callback?: SendCallback): void;
}

/** The part of `_receiver` that is used. */
export interface ReceiverView {
  readonly _maxPayload: number;
}

/** How these members reach the state of a socket, which keeps it to itself. */
export interface PrivateAccess<Socket> {
  stream(socket: Socket): Duplex | undefined;
  maxPayload(socket: Socket): number;
  isServer(socket: Socket): boolean;
  setServer(socket: Socket, isServer: boolean): void;
  sendSerialized(
    socket: Socket,
    list: readonly Uint8Array[],
    callback: SendCallback | undefined,
  ): void;
  connect(socket: Socket, stream: Duplex, head: Uint8Array, options: SetSocketOptions): void;
}

/** Defines the private members on the prototype of the class. */
export function definePrivateMembers<Socket extends object>(
  prototype: Socket,
  access: PrivateAccess<Socket>,
): void {
  const senders = new WeakMap<Socket, SenderView>();
  const senderOf = (socket: Socket): SenderView => {
    let sender = senders.get(socket);
    if (sender === undefined) {
      sender = {
        sendFrame: (list, callback) => access.sendSerialized(socket, list, callback),
      };
      senders.set(socket, sender);
    }
    return sender;
  };
  Object.defineProperties(prototype, {
    _socket: {
      configurable: true,
      get(this: Socket) {
        return access.stream(this) ?? null;
      },
    },
    _sender: {
      configurable: true,
      get(this: Socket) {
        return access.stream(this) === undefined ? null : senderOf(this);
      },
    },
    _receiver: {
      configurable: true,
      get(this: Socket) {
        const isConnected = access.stream(this) !== undefined;
        return isConnected ? { _maxPayload: access.maxPayload(this) } : null;
      },
    },
    _isServer: {
      configurable: true,
      get(this: Socket) {
        return access.isServer(this);
      },
      set(this: Socket, value: unknown) {
        access.setServer(this, Boolean(value));
      },
    },
    setSocket: {
      configurable: true,
      writable: true,
      value(this: Socket, stream: Duplex, head: Uint8Array, options: SetSocketOptions = {}) {
        access.connect(this, stream, head, options);
      },
    },
  });
}
