/**
 * `source` of `pull-ws`: the messages of a socket as a pull-stream.
 *
 * - What nobody has read waits, up to the bounds of api/message-queue.ts; then the socket stops
 *   reading, where it can. The end comes behind it.
 * - Each read is answered once, in order. Reads within callbacks do not nest.
 * - `abort` closes the connection, with 1000 or, for an error, 1011. A read that waits is answered
 *   at once, the abort when the connection has ended.
 *
 * Listening begins when the source is made: make it in the same tick as the socket.
 */

import { throwLater } from '../../api/event-target.ts';
import { isArrayBuffer, receivedLength } from '../../api/message-data.ts';
import { MessageQueue } from '../../api/message-queue.ts';
import { copyIfSmallPart } from '../../bytes.ts';
import { CloseCode } from '../../close-code.ts';
import { isError } from '../../errors.ts';
import { nodePlatform } from '../../node/node-platform.ts';
import { Queue } from '../../queue.ts';
import type { Listening } from './socket-link.ts';
import { portOf, type SocketPort } from './socket-port.ts';
import type { End, ReadCallback, ReceivedMessage, SocketLike, Source } from './types.ts';

/**
 * Makes a pull-stream of the messages of a socket: strings for text, Buffers for binary.
 *
 * @param socket - connecting or open
 * @example
 * pull(source(new WebSocket('ws://localhost:3000/read')), pull.log());
 */
export function source(socket: SocketLike): Source<ReceivedMessage> {
  const messages = new MessageSource(portOf(socket));
  return (abort, callback) => messages.read(abort, callback ?? (() => {}));
}

type Callback = ReadCallback<ReceivedMessage>;

class MessageSource {
  readonly #port: SocketPort;
  readonly #listening: Listening;
  readonly #messages: MessageQueue<ReceivedMessage>;
  readonly #callbacks: Queue<Callback> = new Queue();
  /** What reads are answered with behind the messages that wait. */
  #end: End = null;
  #isAnswering = false;

  constructor(port: SocketPort) {
    this.#port = port;
    this.#listening = port.listen((message) => this.#receive(message));
    this.#messages = new MessageQueue<ReceivedMessage>(this.#listening, receivedLength);
    port.whenEnded((end) => {
      this.#end ||= end;
      this.#listening.unsubscribe();
      this.#answer();
    });
  }

  read(abort: End, callback: Callback): void {
    if (abort) {
      this.#abort(abort, callback);
    } else {
      this.#callbacks.push(callback);
      this.#answer();
    }
  }

  #abort(abort: true | Error, callback: Callback): void {
    this.#stop(abort);
    this.#port.close(abort === true ? CloseCode.NORMAL_CLOSURE : CloseCode.INTERNAL_ERROR);
    const end = this.#end;
    this.#port.whenEnded(() => this.#call(callback, end));
  }

  /** Reads no more, and tells waiting reads why. */
  #stop(end: true | Error): void {
    this.#end ||= end;
    this.#messages.clear();
    this.#listening.unsubscribe();
    this.#answer();
  }

  #receive(data: unknown): void {
    const message = isArrayBuffer(data) ? Buffer.from(data) : (data as ReceivedMessage);
    if (this.#callbacks.length > 0 && !this.#isAnswering) this.#answer(message);
    else if (!Buffer.isBuffer(message)) this.#messages.push(message);
    else this.#messages.push(copyIfSmallPart(nodePlatform, message) as Buffer);
  }

  /** Answers the reads that wait, as far as there are answers; a loop: callbacks read again. */
  #answer(first?: ReceivedMessage): void {
    if (this.#isAnswering) return;
    this.#isAnswering = true;
    let message = first;
    while (this.#callbacks.length > 0) {
      message ??= this.#messages.take();
      if (message === undefined && !this.#end) break;
      const callback = this.#callbacks.take() as Callback;
      if (message === undefined) this.#call(callback, this.#end);
      else this.#call(callback, null, message);
      message = undefined;
    }
    this.#isAnswering = false;
  }

  #call(callback: Callback, end: End, message?: ReceivedMessage): void {
    try {
      if (end) callback(end);
      else callback(null, message);
    } catch (error) {
      if (error === end && isError(error)) {
        // A reader without a handler for errors, such as `pull.drain(each)`, throws them. A peer
        // must not end the process.
        process.emitWarning(error);
        return;
      }
      this.#stop(isError(error) ? error : true);
      this.#port.close(CloseCode.INTERNAL_ERROR);
      throwLater(error);
    }
  }
}
