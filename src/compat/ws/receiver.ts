/**
 * `Receiver` of `ws`: a Writable that takes the bytes of a connection and tells the messages in them, on Sanswire's
 * engine. For programs that have a transport of their own; sockets do not go through here.
 *
 * It answers nothing: 'ping' and 'conclude' are the program's to act on. A violation is the error of the write.
 */

import { Writable } from 'node:stream';
import { Connection } from '../../connection/connection.ts';
import type { ConnectionHandler } from '../../connection/handler.ts';
import { toConnectionError } from './errors.ts';
import { readConnectionSettings } from './options.ts';
import { toBuffer, toRawData } from './payload.ts';
import { PerMessageDeflate } from './per-message-deflate.ts';
import type { BinaryType } from './types.ts';

/** Extensions in use, by name. */
export interface ExtensionsInUse {
  readonly [name: string]: PerMessageDeflate | undefined;
}

export interface ReceiverOptions {
  /** Whether several events may come within one turn of the event loop. Default: true. */
  allowSynchronousEvents?: boolean | undefined;
  binaryType?: BinaryType | undefined;
  extensions?: ExtensionsInUse | undefined;
  /** Whether the peer is a client, whose frames are masked. Default: false. */
  isServer?: boolean | undefined;
  /** Accepted, and never exceeded. */
  maxBufferedChunks?: number | undefined;
  /** The most frames of one message; 0 for no limit. Default: 0. */
  maxFragments?: number | undefined;
  /** The longest message in bytes; 0 for no limit. Default: 0. */
  maxPayload?: number | undefined;
  skipUTF8Validation?: boolean | undefined;
}

type WriteDone = (error?: Error | null) => void;

export class Receiver extends Writable {
  readonly #connection: Connection;
  readonly #binaryType: BinaryType;
  readonly #isSynchronous: boolean;
  #error: Error | undefined;
  #isDeferring = false;
  #writeDone: WriteDone | undefined;

  constructor(options: ReceiverOptions = {}) {
    super();
    const { binaryType = 'nodebuffer', extensions = {}, isServer = false } = options;
    const { maxFragments = 0, maxPayload = 0 } = options;
    const settings = readConnectionSettings({ ...options, maxFragments, maxPayload });
    const session = extensions[PerMessageDeflate.extensionName]?.activeSession;
    this.#binaryType = binaryType;
    this.#isSynchronous = settings.allowsSynchronousEvents;
    this.#connection = new Connection({
      ...settings.driver,
      answersPings: false,
      role: isServer ? 'server' : 'client',
      sessions: session === undefined ? [] : [session],
      handler: this.#createHandler(),
    });
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, callback: WriteDone): void {
    this.#writeDone = callback;
    this.#connection.receive(chunk);
    this.#settle();
  }

  // ---- From the connection -----------------------------------------------------------------------------------------

  /** What the connection tells, kept apart so that a Receiver has no methods but those of `ws`. */
  #createHandler(): ConnectionHandler {
    const ignore = (): void => {};
    return {
      onMessage: (data, isBinary) => {
        const bytes = data as Uint8Array;
        const message = isBinary ? toRawData(bytes, this.#binaryType) : toBuffer(bytes);
        this.#tell('message', message, isBinary);
      },
      onPing: (payload) => this.#tell('ping', toBuffer(payload)),
      onPong: (payload) => this.#tell('pong', toBuffer(payload)),
      onClosing: () => this.#conclude(),
      onError: (error) => {
        this.#error = toConnectionError(error) ?? error;
      },
      onMessageStart: ignore,
      onMessageData: ignore,
      onMessageEnd: ignore,
      onDrain: ignore,
      onOutput: ignore,
      onClose: ignore,
    };
  }

  /** The peer has sent its Close: nothing may follow. */
  #conclude(): void {
    const { closeReceived } = this.#connection;
    if (closeReceived === undefined) return;
    this.emit('conclude', closeReceived.code, Buffer.from(closeReceived.reason));
    this.end();
  }

  // ---- Inside ------------------------------------------------------------------------------------------------------

  #tell(name: string, ...values: unknown[]): void {
    if (this.#isSynchronous) {
      this.emit(name, ...values);
      return;
    }
    this.#isDeferring = true;
    this.#connection.pause();
    setImmediate(() => {
      this.#isDeferring = false;
      this.emit(name, ...values);
      this.#connection.resume();
      this.#settle();
    });
  }

  /** Ends the present write, unless an event of it is still to come. */
  #settle(): void {
    if (this.#isDeferring) return;
    const done = this.#writeDone;
    this.#writeDone = undefined;
    done?.(this.#error);
  }
}
