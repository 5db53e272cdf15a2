/**
 * An owner of a driver that writes down what it is told, in the lines of recording-handler.ts.
 */

import type { Duplex } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { APPLICATION } from '../../src/connection/brake.ts';
import type { ConnectionOptions } from '../../src/connection/options.ts';
import type { WebSocketError } from '../../src/errors.ts';
import type { DriverOptions, OwnerEvents } from '../../src/node/driver-options.ts';
import { nodePlatform } from '../../src/node/node-platform.ts';
import { SocketDriver } from '../../src/node/socket-driver.ts';
import { describeCloseEvent, RecordingHandler } from './recording-handler.ts';

const EVENTS: OwnerEvents<RecordingDriver> = {
  message: ({ record }, data, isBinary) => record.onMessage(data, isBinary),
  messageStart: ({ record }, isBinary) => record.onMessageStart(isBinary),
  messageData: ({ record }, bytes) => record.onMessageData(bytes),
  messageEnd: ({ record }) => record.onMessageEnd(),
  ping: ({ record }, payload) => record.onPing(payload),
  pong: ({ record }, payload) => record.onPong(payload),
  drain: ({ record }) => record.onDrain(),
  closing: ({ record }) => record.onClosing(),
  error: ({ record }, error) => record.onError(error),
  closeComplete: ({ onCloseComplete }) => onCloseComplete?.(),
  closed: (driver, code, reason, wasClean) => {
    driver.record.log.push(describeCloseEvent(code, reason, wasClean));
    driver.resolveClosed();
  },
};

export class RecordingDriver {
  readonly record: RecordingHandler = new RecordingHandler();
  readonly driver: SocketDriver<RecordingDriver>;
  onCloseComplete: (() => void) | undefined;
  readonly socket: Duplex;
  /** Resolves at the close event. */
  readonly closed: Promise<void>;
  resolveClosed: () => void = () => {};

  constructor(socket: Duplex, options: Partial<DriverOptions> & Pick<ConnectionOptions, 'role'>) {
    this.closed = new Promise((resolve) => {
      this.resolveClosed = resolve;
    });
    this.socket = socket;
    this.driver = new SocketDriver(this, EVENTS, { platform: nodePlatform, ...options });
  }

  get roundTripTimeMs(): number | undefined {
    return this.driver.roundTripTimeMs;
  }

  abort(error: WebSocketError): void {
    this.driver.abort(error);
  }

  attach(prelude?: Uint8Array): void {
    this.driver.attach(this.socket, prelude);
  }

  start(head: Uint8Array): void {
    this.driver.start(head);
  }

  endReading(): void {
    this.driver.endReading();
  }

  readChunk(chunk: Uint8Array): void {
    this.driver.readChunk(chunk);
  }

  terminate(): void {
    this.driver.terminate();
  }

  pause(): void {
    this.connection.brake.hold(APPLICATION);
  }

  resume(): void {
    this.connection.brake.release(APPLICATION);
  }

  get connection(): SocketDriver<RecordingDriver>['connection'] {
    return this.driver.connection;
  }

  get log(): readonly string[] {
    return this.record.log;
  }
}

/**
 * Lets everything happen that needs no more input: ticks, promises and a turn of the event loop.
 */
export async function settle(): Promise<void> {
  await setImmediate();
  await setImmediate();
}
