/**
 * `Receiver` of `ws`: a Writable that makes messages of bytes, for programs with a transport of
 * their own. Sockets do not use it. It answers no Ping and no Close. A violation is the error of
 * the write. What a listener throws reaches neither the engine nor the Writable.
 */

import { Writable } from 'node:stream';
import { throwLater } from '../../api/event-target.ts';
import { Connection } from '../../connection/connection.ts';
import type { ConnectionHandler } from '../../connection/handler.ts';
import { presentOf } from '../../option-bag.ts';
import { toConnectionError } from './errors.ts';
import { EventTurns } from './event-turns.ts';
import { type ConnectionSettings, readConnectionSettings } from './options.ts';
import { toBuffer, toRawData } from './payload.ts';
import { PerMessageDeflate } from './per-message-deflate.ts';
import type { BinaryType } from './types.ts';

/** Extensions in use, by name. */
export type ExtensionsInUse = Readonly<Record<string, PerMessageDeflate | undefined>>;

/** Options of a Receiver; here `maxFragments` and `maxPayload` are off by default. */
export interface ReceiverOptions extends Omit<ConnectionSettings, 'autoPong' | 'closeTimeout'> {
  binaryType?: BinaryType | undefined;
  extensions?: ExtensionsInUse | undefined;
  /** Whether the peer is a client, whose frames are masked. @defaultValue false */
  isServer?: boolean | undefined;
}

type WriteDone = (error?: Error | null) => void;

export class Receiver extends Writable {
  readonly #connection: Connection;
  readonly #binaryType: BinaryType;
  readonly #turns: EventTurns | undefined;
  #error: Error | undefined;
  #writeDone: WriteDone | undefined;

  constructor(given?: ReceiverOptions | null) {
    super();
    const options = presentOf(given);
    const { binaryType = 'nodebuffer', extensions = {}, isServer = false } = options;
    const { maxFragments = 0, maxPayload = 0 } = options;
    const settings = readConnectionSettings({ ...options, maxFragments, maxPayload });
    const session = extensions[PerMessageDeflate.extensionName]?.activeSession;
    this.#binaryType = binaryType;
    this.#connection = new Connection({
      ...settings.driver,
      answersPings: false,
      isConnecting: false,
      role: isServer ? 'server' : 'client',
      sessions: session === undefined ? [] : [session],
      handler: this.#createHandler(),
    });
    if (settings.allowsSynchronousEvents) return;
    const { brake } = this.#connection;
    this.#turns = new EventTurns(brake);
    brake.listener = {
      onHold: () => {},
      onRelease: () => {
        this.#connection.proceed();
        this.#settle();
      },
    };
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, callback: WriteDone): void {
    this.#writeDone = callback;
    this.#connection.receive(chunk);
    this.#settle();
  }

  /** A handler of its own, so that a Receiver has no methods but those of `ws`. */
  #createHandler(): ConnectionHandler {
    const ignore = (): void => {};
    return {
      onMessage: (data, isBinary) => {
        const bytes = data as Uint8Array;
        const message = isBinary ? toRawData(bytes, this.#binaryType) : toBuffer(bytes);
        this.#deliver('message', message, isBinary);
      },
      onPing: (payload) => this.#deliver('ping', toBuffer(payload)),
      onPong: (payload) => this.#deliver('pong', toBuffer(payload)),
      onClosing: () => this.#conclude(),
      onError: (error) => {
        this.#error = toConnectionError(error);
      },
      onMessageStart: ignore,
      onMessageData: ignore,
      onMessageEnd: ignore,
      onDrain: ignore,
      onOutput: ignore,
      onClose: ignore,
    };
  }

  /** Ends the stream when the peer has sent its Close: nothing may follow (RFC 6455 §5.5.1). */
  #conclude(): void {
    const { closeReceived } = this.#connection;
    if (closeReceived === undefined) return;
    this.#emit('conclude', closeReceived.code, Buffer.from(closeReceived.reason));
    this.end();
  }

  #deliver(name: string, ...values: unknown[]): void {
    if (this.#turns === undefined) this.#emit(name, ...values);
    else this.#turns.put(() => this.#emit(name, ...values));
  }

  #emit(name: string, ...values: unknown[]): void {
    try {
      this.emit(name, ...values);
    } catch (error) {
      throwLater(error);
    }
  }

  /** Ends the present write, unless one of its events is still to come. */
  #settle(): void {
    if (this.#turns?.isWaiting === true) return;
    const done = this.#writeDone;
    this.#writeDone = undefined;
    done?.(this.#error);
  }
}
