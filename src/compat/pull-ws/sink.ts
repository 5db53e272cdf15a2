/**
 * `sink` of `pull-ws`: a pull-stream as the messages of a socket.
 *
 * - It reads while there is room (send-window.ts): a slow peer holds the source back. A source that
 *   answers at once does not deepen the stack.
 * - The end of the source closes the connection with 1000, an error with 1011, unless `closeOnEnd`
 *   is false. When the connection ends first, the source is aborted at once.
 */

import { throwLater } from '../../api/event-target.ts';
import { CloseCode } from '../../close-code.ts';
import { isError } from '../../errors.ts';
import { presentOf } from '../../option-bag.ts';
import { portOf, type SocketPort } from './socket-port.ts';
import type { End, SentMessage, Sink, SocketLike, Source } from './types.ts';

/** Called once, when the connection has closed; with an error when it or what is written failed. */
export type OnClose = (error?: Error) => void;

export interface SinkOptions {
  /** Whether the connection closes when there is nothing more to write. @defaultValue true */
  readonly closeOnEnd?: boolean | undefined;
  /** Called once, when the connection has closed. @defaultValue none */
  readonly onClose?: OnClose | undefined;
}

/**
 * Makes a sink that sends what it reads.
 *
 * @param socket - connecting or open
 * @param options - see {@link SinkOptions}; a function is `onClose`
 * @example
 * pull(pull.values(['a', 'b']), sink(new WebSocket('ws://localhost:3000/write')));
 */
export function sink(
  socket: SocketLike,
  options?: SinkOptions | OnClose | null,
): Sink<SentMessage> {
  const port = portOf(socket);
  const settings = typeof options === 'function' ? { onClose: options } : presentOf(options);
  return (read) => new MessageSink(port, read, settings).start();
}

class MessageSink {
  readonly #port: SocketPort;
  readonly #read: Source<SentMessage>;
  readonly #closesOnEnd: boolean;
  #isOver = false;
  #isLooping = false;
  /** Whether to read: the last read has been answered, and there is room. */
  #isReady = true;
  #failure: Error | undefined;
  #stopWaiting: () => void = () => {};

  constructor(port: SocketPort, read: Source<SentMessage>, options: SinkOptions) {
    this.#port = port;
    this.#read = read;
    this.#closesOnEnd = options.closeOnEnd !== false;
    const { onClose } = options;
    if (onClose === undefined) return;
    port.whenClosed((end) => {
      const error = this.#failure ?? end;
      port.guard(() => (error === true ? onClose() : onClose(error)));
    });
  }

  start(): void {
    this.#stopWaiting = this.#port.whenEnded((end) => this.#abort(end));
    if (!this.#isOver) this.#port.whenOpen(() => this.#loop());
  }

  #loop(): void {
    if (this.#isLooping) return;
    this.#isLooping = true;
    // Once the connection closes nothing can be sent; how it ends is not known yet.
    while (this.#isReady && !this.#isOver && this.#port.isOpen) this.#readOnce();
    this.#isLooping = false;
  }

  #readOnce(): void {
    this.#isReady = false;
    let isAnswered = false;
    this.#attempt(() =>
      this.#read(null, (end, data) => {
        if (isAnswered || this.#isOver) return;
        isAnswered = true;
        if (end) this.#finish(end);
        else this.#send(data as SentMessage);
      }),
    );
  }

  #send(message: SentMessage): void {
    if (!this.#port.isOpen) return;
    const { window } = this.#port;
    const goOn = (): void => {
      this.#isReady = true;
      this.#loop();
    };
    let hasRoom: boolean;
    try {
      hasRoom = window.send(message);
    } catch (error) {
      const failure = toError(error);
      this.#finish(failure);
      this.#abort(failure);
      return;
    }
    if (hasRoom) goOn();
    else window.whenRoom(goOn);
  }

  #finish(end: Exclude<End, null | false>): void {
    this.#isOver = true;
    this.#stopWaiting();
    if (end !== true) this.#failure = toError(end);
    if (!this.#closesOnEnd) return;
    this.#port.close(end === true ? CloseCode.NORMAL_CLOSURE : CloseCode.INTERNAL_ERROR);
  }

  #abort(reason: true | Error): void {
    this.#isOver = true;
    this.#attempt(() => this.#read(reason, () => {}));
  }

  /** Calls what is read. What it throws is an uncaught exception, and ends the connection. */
  #attempt(call: () => void): void {
    try {
      call();
    } catch (error) {
      if (!this.#isOver) this.#finish(toError(error));
      this.#port.close(CloseCode.INTERNAL_ERROR);
      throwLater(error);
    }
  }
}

/** Errors of pull-streams may be anything. */
function toError(error: unknown): Error {
  return isError(error) ? error : new Error('Writing failed', { cause: error });
}
