/**
 * `duplex` of `pull-ws`: source and sink of one socket, with its request. WebSocket has one closing
 * handshake for both directions, so the end of either side ends both.
 */

import { presentOf } from '../../option-bag.ts';
import { type OnClose, type SinkOptions, sink } from './sink.ts';
import { portOf } from './socket-port.ts';
import { source } from './source.ts';
import type {
  ReceivedMessage,
  RequestProperties,
  SentMessage,
  Sink,
  SocketLike,
  Source,
} from './types.ts';

/** A pull-stream to read from and to write to. */
export interface Duplex extends RequestProperties {
  readonly source: Source<ReceivedMessage>;
  readonly sink: Sink<SentMessage>;
}

/** Called once: with the stream when the connection is open, or with the error that it ended in. */
export type OnConnect<Stream extends Duplex = Duplex> = {
  // A method, so that callbacks may leave out that one of the two is missing.
  bivarianceHack(error: Error | null, stream?: Stream): void;
}['bivarianceHack'];

export interface DuplexOptions<Stream extends Duplex = Duplex> extends SinkOptions {
  /** Sets `binaryType` to 'arraybuffer'; messages are Buffers all the same. @defaultValue false */
  readonly binary?: boolean | undefined;
  /** Sets `binaryType`; ArrayBuffers are read as Buffers. @defaultValue unchanged */
  readonly binaryType?: string | undefined;
  /** Called once, when the connection is open or has failed. @defaultValue none */
  readonly onConnect?: OnConnect<Stream> | undefined;
}

/**
 * Makes a duplex pull-stream of a socket.
 *
 * @param socket - connecting or open
 * @param options - see {@link DuplexOptions}; a function is `onClose`
 * @example
 * const stream = duplex(new WebSocket('ws://localhost:3000/echo'));
 * pull(pull.values(['a', 'b']), stream, pull.log());
 */
export function duplex(socket: SocketLike, options?: DuplexOptions | OnClose | null): Duplex {
  const settings: DuplexOptions =
    typeof options === 'function' ? { onClose: options } : presentOf(options);
  const stream = createDuplex(socket, settings, socket.upgradeReq ?? {});
  announce(socket, stream, settings.onConnect);
  return stream;
}

/** Makes a duplex without telling that it is connected. */
export function createDuplex(
  socket: SocketLike,
  options: Omit<DuplexOptions, 'onConnect'>,
  request: Partial<RequestProperties>,
): Duplex {
  if (options.binaryType) socket.binaryType = options.binaryType;
  else if (options.binary) socket.binaryType = 'arraybuffer';
  const { headers, url, upgrade, method } = request;
  return { source: source(socket), sink: sink(socket, options), headers, url, upgrade, method };
}

/** Tells once whether a connection is established. */
export function announce<Stream extends Duplex>(
  socket: SocketLike,
  stream: Stream,
  onConnect: OnConnect<Stream> | undefined,
): void {
  if (onConnect === undefined) return;
  const port = portOf(socket);
  let isTold = false;
  const tell = (error: Error | null): void => {
    if (isTold) return;
    isTold = true;
    port.guard(() => (error === null ? onConnect(null, stream) : onConnect(error)));
  };
  port.whenOpen(() => {
    if (port.isOpen) tell(null);
  });
  port.whenEnded((end) => {
    const error = end === true ? new Error('The connection closed before it was open') : end;
    process.nextTick(tell, error);
  });
}
