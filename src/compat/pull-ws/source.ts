/**
 * `source` of `pull-ws`: the messages of a socket as a pull-stream.
 *
 * - What nobody has read yet waits, up to the bounds of api/streams/message-queue.ts; then the socket stops reading, where
 *   it can. What came before the end is read before the end.
 * - Each read is answered once, in order. Reads within callbacks do not nest, however many messages wait.
 * - `abort` closes the connection, with 1000 or, for an error, 1011. A read that waits is answered at once, the abort when
 *   the connection has ended.
 *
 * Listening begins when the source is made: make it in the tick in which the socket is.
 */

import { throwLater } from '../../api/event-target.ts';
import { isArrayBuffer, receivedLength } from '../../api/message-data.ts';
import { MessageQueue } from '../../api/streams/message-queue.ts';
import { CloseCode } from '../../close-code.ts';
import { keepable } from '../../connection/keepable.ts';
import { nodePlatform } from '../../node/node-platform.ts';
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
  readonly #flow: ReturnType<SocketPort['listen']>;
  readonly #messages: MessageQueue<ReceivedMessage>;
  readonly #callbacks: Callback[] = [];
  /** What reads are answered with behind the messages that wait. */
  #end: End = null;
  #isAnswering = false;

  constructor(port: SocketPort) {
    this.#port = port;
    this.#flow = port.listen((message) => this.#receive(message));
    this.#messages = new MessageQueue<ReceivedMessage>(this.#flow, receivedLength);
    port.whenEnded((end) => {
      this.#end ||= end;
      this.#flow.stop();
      this.#answer();
    });
  }

  read(abort: End, callback: Callback): void {
    if (abort) {
      this.#abort(abort, callback);
      return;
    }
    this.#callbacks.push(callback);
    this.#answer();
  }

  #abort(abort: true | Error, callback: Callback): void {
    this.#stop(abort);
    this.#port.close(abort === true ? CloseCode.NORMAL_CLOSURE : CloseCode.INTERNAL_ERROR);
    const end = this.#end;
    this.#port.whenEnded(() => this.#call(callback, end));
  }

  /** Reads no more; who waits is told why. */
  #stop(end: true | Error): void {
    this.#end ||= end;
    this.#messages.clear();
    this.#flow.stop();
    this.#answer();
  }

  #receive(data: unknown): void {
    const message = toMessage(data);
    if (this.#callbacks.length > 0 && !this.#isAnswering) this.#answer(message);
    else this.#messages.push(Buffer.isBuffer(message) ? keep(message) : message);
  }

  /** Answers the reads that wait, as far as there is something to answer; a loop, because callbacks read again. */
  #answer(first?: ReceivedMessage): void {
    if (this.#isAnswering) return;
    this.#isAnswering = true;
    let message = first;
    while (this.#callbacks.length > 0) {
      message ??= this.#messages.shift();
      if (message === undefined && !this.#end) break;
      const callback = this.#callbacks.shift() as Callback;
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
      this.#catch(error, end);
    }
  }

  #catch(error: unknown, end: End): void {
    if (error === end && error instanceof Error) {
      // A reader without a handler for errors, such as `pull.drain(each)`, throws them. A peer must not end the process.
      process.emitWarning(error);
      return;
    }
    this.#stop(error instanceof Error ? error : true);
    this.#port.close(CloseCode.INTERNAL_ERROR);
    throwLater(error);
  }
}

function toMessage(data: unknown): ReceivedMessage {
  return isArrayBuffer(data) ? Buffer.from(data) : (data as ReceivedMessage);
}

/** A message that waits must not pin the chunk that the socket has read. */
function keep(message: Buffer): Buffer {
  return keepable(nodePlatform, message) as Buffer;
}
