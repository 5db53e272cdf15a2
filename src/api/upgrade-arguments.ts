/**
 * The arguments of the server's constructors, which are easily taken for those of the classes of
 * browsers and of ws that have the same names.
 */

import { isBytes } from '../bytes.ts';

/** @throws TypeError when they are not what the `upgrade` event of an http server gives */
export function checkUpgradeArguments(request: unknown, socket: unknown, head: unknown): void {
  if (typeof request === 'string' || request instanceof URL) {
    throw new TypeError(
      `new WebSocket(request, socket, head) is a server's: new WebSocket.Client(url) connects`,
    );
  }
  if (!isObject(request) || !('headers' in request)) {
    throw new TypeError(
      `The request must be that of an 'upgrade' event, not ${kindOf(request)}; ` +
        'sanswire/ws has a class that listens',
    );
  }
  if (!isObject(socket) || !('write' in socket)) {
    throw new TypeError(`The socket must be that of an 'upgrade' event, not ${kindOf(socket)}`);
  }
  if (head === undefined || head === null || isBytes(head)) return;
  throw new TypeError(
    `The head must be the bytes of an 'upgrade' event, not ${kindOf(head)}: ` +
      'the order is request, socket, head, protocols, options',
  );
}

/** @throws TypeError when they are not what the `request` event of an http server gives */
export function checkRequestArguments(request: unknown, response: unknown): void {
  if (typeof request === 'string' || request instanceof URL) {
    throw new TypeError(
      `new EventSource(request, response) is a server's, and answers a request: ` +
        'it does not connect to a URL',
    );
  }
  const isInOrder = isObject(request) && 'headers' in request;
  if (isInOrder && isObject(response) && 'writeHead' in response) return;
  throw new TypeError(
    `The request and response must be those of a 'request' event, ` +
      `not ${kindOf(request)} and ${kindOf(response)}`,
  );
}

/** What `WebSocket.Server` and `WebSocket.WebSocketServer` are, which ws has. */
export function refuseServer(): never {
  throw new TypeError(
    `sanswire has no server of its own: call new WebSocket(request, socket, head) in the ` +
      `'upgrade' event of an http server, or take WebSocketServer of sanswire/ws`,
  );
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function kindOf(value: unknown): string {
  if (!isObject(value)) return String(value);
  const { name } = value.constructor ?? Object;
  return name === 'Object' ? 'a plain object' : name;
}
