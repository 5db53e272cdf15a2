/**
 * How a socket is read and closed: those of `sanswire` as its own streams do it
 * (api/message-reader.ts), others by what WHATWG's have, and by `pause` and `resume`.
 */

import type { ReaderHandle } from '../../api/message-reader.ts';
import { readMessages, WebSocketBase } from '../../api/websocket-base.ts';
import { Brake } from '../../connection/brake.ts';
import type { SocketLike } from './types.ts';

type MessageListener = (message: unknown) => void;

/** Stops and continues the socket, where it can, for one listener; and ends the listening. */
export type Listening = Omit<ReaderHandle, 'close'>;

export interface SocketLink {
  readonly listen: (onMessage: MessageListener) => Listening;
  /** Closes with a code, or without it where the socket does not take it. */
  readonly close: (code: number) => void;
}

/** Adds a listener to a socket, whose own type says less. */
export function listenTo(socket: SocketLike, type: string, listen: (event: unknown) => void): void {
  socket.addEventListener(type as never, listen as never);
}

export function linkTo(socket: SocketLike): SocketLink {
  return socket instanceof WebSocketBase ? linkToOwn(socket) : linkToOther(socket);
}

/** Each listener is a reader of its own, and holds the brake as one. */
function linkToOwn(socket: WebSocketBase): SocketLink {
  const listen = (onMessage: MessageListener): ReaderHandle =>
    // What comes after our own Close is taken, too: a peer answers what it got before it.
    readMessages(socket, { outlastsClose: true, onMessage, onError() {}, onClose() {} });
  const { close } = listen(() => {});
  return { listen, close: (code) => close(code, '') };
}

function linkToOther(socket: SocketLike): SocketLink {
  const listeners = new Set<MessageListener>();
  const brake = new Brake();
  brake.listener = {
    onHold: () => void socket.pause?.(),
    onRelease: () => void (brake.isHeld || socket.resume?.()),
  };
  listenTo(socket, 'message', (event) => {
    for (const listener of listeners) listener((event as { readonly data: unknown }).data);
  });
  return {
    listen: (listener) => {
      listeners.add(listener);
      return {
        pause: () => brake.hold(listener),
        resume: () => void brake.release(listener),
        unsubscribe: () => {
          listeners.delete(listener);
          brake.release(listener);
        },
      };
    },
    close: (code) => {
      try {
        socket.close(code);
      } catch {
        // A browser's socket lets applications send few codes (WHATWG WebSockets §3.1).
        socket.close();
      }
    },
  };
}
