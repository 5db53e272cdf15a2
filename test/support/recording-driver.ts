/**
 * A driver that writes down what it is told, in the lines of recording-handler.ts.
 */

import { setImmediate } from 'node:timers/promises';
import type { WebSocketError } from '../../src/errors.ts';
import { SocketDriver } from '../../src/node/socket-driver.ts';
import { describeCloseEvent, RecordingHandler } from './recording-handler.ts';

export class RecordingDriver extends SocketDriver {
  readonly record: RecordingHandler = new RecordingHandler();
  /** Resolves at the close event. */
  readonly closed: Promise<void>;
  #resolveClosed: () => void = () => {};

  constructor(...args: ConstructorParameters<typeof SocketDriver>) {
    super(...args);
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  get log(): readonly string[] {
    return this.record.log;
  }

  override onMessage(data: string | Uint8Array, isBinary: boolean): void {
    this.record.onMessage(data, isBinary);
  }

  override onMessageStart(isBinary: boolean): void {
    this.record.onMessageStart(isBinary);
  }

  override onMessageData(bytes: Uint8Array): void {
    this.record.onMessageData(bytes);
  }

  override onMessageEnd(): void {
    this.record.onMessageEnd();
  }

  override onPing(payload: Uint8Array): void {
    this.record.onPing(payload);
  }

  override onApplicationPong(payload: Uint8Array): void {
    this.record.onPong(payload);
  }

  override onDrain(): void {
    this.record.onDrain();
  }

  override onError(error: WebSocketError): void {
    this.record.onError(error);
  }

  override onConnectionClosing(): void {
    this.record.onClosing();
  }

  override onConnectionClosed(code: number, reason: string, wasClean: boolean): void {
    this.record.log.push(describeCloseEvent(code, reason, wasClean));
    this.#resolveClosed();
  }
}

/** Lets everything happen that needs no more input: ticks, promises and a turn of the event loop. */
export async function settle(): Promise<void> {
  await setImmediate();
  await setImmediate();
}
