/**
 * `connect` of nodejs-websocket, through the connector that all clients share. The socket is opened
 * here and not by node:http, because programs find it in `connection.socket` at once.
 */

import type { Socket, TcpNetConnectOpts } from 'node:net';
import type { ConnectionOptions as TlsConnectOptions } from 'node:tls';
import { readProtocols } from '../../api/socket-options.ts';
import { connectHostOf, requestTargetOf } from '../../handshake/url.ts';
import { connect as openRequest } from '../../node/client-connector.ts';
import type { HeadersInput, NetSettings } from '../../node/client-options.ts';
import { connectDirectly } from '../../node/client-socket.ts';
import { targetOf } from '../../node/client-target.ts';
import { presentOf } from '../../option-bag.ts';
import { Connection } from './connection.ts';

/** Options of a client. All others, but host and port, go to `net.connect` or `tls.connect`. */
export type ConnectOptions = Partial<TcpNetConnectOpts> &
  TlsConnectOptions & {
    /** More headers for the request: an object of names and values. */
    readonly extraHeaders?: HeadersInput | null | undefined;
    /** The subprotocols to offer, in order of preference. */
    readonly protocols?: readonly string[] | null | undefined;
  };

/**
 * Opens a connection. `headers` and `protocol` are known on 'connect'; a connection that cannot be
 * opened is an 'error' and a 'close' with 1006.
 *
 * @param address - a ws or wss URL
 * @param callback - called on 'connect'
 * @throws Error when the address is no such URL
 * @throws TypeError when a header or the subprotocols cannot be sent
 * @example
 * const connection = connect('ws://localhost:8001/', () => connection.sendText('hello'));
 */
export function connect(
  address: string | URL,
  options?: ConnectOptions | (() => void),
  callback?: () => void,
): Connection {
  const settings = presentOf(typeof options === 'function' ? {} : options);
  const onConnect = typeof options === 'function' ? options : callback;
  const { extraHeaders, protocols: given, ...net } = settings;
  const protocols = readProtocols(given);
  const url = readAddress(address);
  const request = { url, protocols, headers: extraHeaders, net: net as NetSettings };
  const target = targetOf(request);
  let socket: Socket | undefined;
  const createConnection = (): Socket => {
    socket = connectDirectly(target);
    return socket;
  };
  const attempt = openRequest(
    { ...request, http: { createConnection } },
    {
      onOpen: ({ headers, protocol, head }) => {
        connection.headers = headers;
        connection.protocol = protocol === '' ? undefined : protocol;
        connection.open(head);
      },
      onError: (error, response) => {
        connection.headers = response?.headers ?? {};
        connection.fail(error);
      },
    },
  );
  const connection: Connection = new Connection({
    server: null,
    // node:http has called createConnection within the call above.
    socket: socket!,
    path: requestTargetOf(url),
    host: connectHostOf(url),
    extraHeaders: extraHeaders ?? undefined,
    protocols,
    headers: {},
    abandon: () => attempt.abort(),
  });
  if (onConnect !== undefined) connection.once('connect', onConnect);
  return connection;
}

/** Reads an address; a fragment, which is not for the server, is left out. */
function readAddress(address: string | URL): URL {
  const text = String(address);
  if (!URL.canParse(text)) throw new Error(`The address is not a URL: ${text}`);
  const url = new URL(address);
  if (url.protocol !== 'ws:' && url.protocol !== 'wss:') {
    throw new Error(`The scheme of the address must be ws or wss: ${url.protocol}`);
  }
  url.hash = '';
  return url;
}
