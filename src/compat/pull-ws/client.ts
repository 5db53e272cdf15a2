/**
 * `connect` of `pull-ws`: a client of `sanswire/ws` as a pull-stream, which is there at once. What
 * is written waits for the connection, and a failure ends what is read.
 */

import { CloseCode } from '../../close-code.ts';
import { presentOf } from '../../option-bag.ts';
import type { ClientOptions } from '../ws/options.ts';
import { WebSocket } from '../ws/websocket.ts';
import {
  announce,
  createDuplex,
  type Duplex,
  type DuplexOptions,
  type OnConnect,
} from './duplex.ts';
import { portOf } from './socket-port.ts';
import type { CloseEventLike } from './types.ts';

export interface ClientDuplex extends Duplex {
  /** The address that it connects to, without credentials. */
  readonly remoteAddress: string;
  /** Closes with 1000, behind what was sent; calls back once, when that is done. */
  close(callback?: (event?: CloseEventLike) => void): void;
}

/** Options of {@link connect}: those of a duplex, and those of the client of `sanswire/ws`. */
export interface ConnectOptions
  extends DuplexOptions<ClientDuplex>,
    Omit<ClientOptions, 'protocol'> {}

/**
 * Connects to a server.
 *
 * @param address - ws, wss, http or https; `//host/path` is ws
 * @param options - see {@link ConnectOptions}; a function is `onConnect`
 * @throws SyntaxError for an address that cannot be used
 * @example
 * connect('ws://localhost:9999', (error, stream) => {
 *   if (error) throw error;
 *   pull(source, stream, sink);
 * });
 */
export function connect(
  address: string | URL,
  options?: ConnectOptions | OnConnect<ClientDuplex> | null,
): ClientDuplex {
  const settings: ConnectOptions =
    typeof options === 'function' ? { onConnect: options } : presentOf(options);
  const { onConnect, onClose, closeOnEnd, binary, binaryType, ...clientOptions } = settings;
  const url = readAddress(address);
  const socket = new WebSocket(url, clientOptions);
  const port = portOf(socket);
  const stream: ClientDuplex = {
    ...createDuplex(socket, { onClose, closeOnEnd, binary, binaryType }, {}),
    remoteAddress: withoutCredentials(url),
    close: (callback) => {
      if (typeof callback === 'function') {
        port.whenClosed((_end, event) => port.guard(() => callback(event)));
      }
      port.close(CloseCode.NORMAL_CLOSURE);
    },
  };
  announce(socket, stream, onConnect);
  return stream;
}

/** Completes an address without a scheme, and drops its fragment, which is not for the server. */
function readAddress(address: string | URL): string {
  const text = String(address);
  const [whole = ''] = text.split('#', 1);
  return whole.startsWith('//') ? `ws:${whole}` : whole;
}

function withoutCredentials(address: string): string {
  const url = new URL(address);
  url.username = '';
  url.password = '';
  return url.href;
}
