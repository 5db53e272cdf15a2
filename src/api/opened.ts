/** `opened`: the promise form of the events `open`, and `close` where `open` never came. */

import { WebSocketError } from '../errors.ts';

interface Opening {
  readonly promise: Promise<unknown>;
  readonly resolve: (socket: object) => void;
  readonly reject: (error: WebSocketError) => void;
}

/** Those that somebody has asked for: most connections have none. */
const openings = new WeakMap<object, Opening>();

/** Returns the promise of a socket, which resolves with it; a rejection need not be handled. */
export function whenOpened<Socket extends object>(
  socket: Socket,
  state: { readonly hasOpened: boolean; readonly isClosed: boolean },
  failure: WebSocketError | undefined,
): Promise<Socket> {
  let opening = openings.get(socket);
  if (opening === undefined) {
    opening = newOpening();
    openings.set(socket, opening);
    if (state.hasOpened) opening.resolve(socket);
    else if (state.isClosed) opening.reject(failureOf(failure));
  }
  return opening.promise as Promise<Socket>;
}

/** Whether somebody has asked: a failure to open is not unheard. */
export function isAwaited(socket: object): boolean {
  return openings.has(socket);
}

export function tellOpened(socket: object): void {
  openings.get(socket)?.resolve(socket);
}

/** Without effect when the socket has been open. */
export function tellNotOpened(socket: object, failure: WebSocketError | undefined): void {
  openings.get(socket)?.reject(failureOf(failure));
}

function newOpening(): Opening {
  let resolve!: Opening['resolve'];
  let reject!: Opening['reject'];
  const promise = new Promise<unknown>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  promise.catch(() => {});
  return { promise, resolve, reject };
}

/** The application may have closed it before it was open. */
function failureOf(failure: WebSocketError | undefined): WebSocketError {
  return failure ?? new WebSocketError('WS_ABORTED', { detail: 'closed before it was open' });
}
