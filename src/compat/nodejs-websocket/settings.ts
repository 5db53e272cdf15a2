/**
 * The two settings that nodejs-websocket has for the whole process, and how they bound a connection.
 *
 * They hold for what begins after they are set: the length limit for new connections, the fragmentation for new binary
 * transmissions.
 */

import { type NumberRule, readNumber } from '../../api/options.ts';
import type { SharedDriverOptions } from '../../api/socket-options.ts';

/** The default of `setBinaryFragmentation`: 512 KiB. */
export const DEFAULT_BINARY_FRAGMENTATION: number = 512 * 1024;
/** The default of `setMaxBufferLength`: 2 MiB. */
export const DEFAULT_MAX_BUFFER_LENGTH: number = 2 * 1024 * 1024;

const FRAGMENTATION: NumberRule = {
  unit: 'bytes',
  minimum: 1,
  maximum: Number.MAX_SAFE_INTEGER,
  defaultValue: DEFAULT_BINARY_FRAGMENTATION,
};
const LENGTH: NumberRule = {
  unit: 'bytes',
  minimum: 0,
  maximum: Number.POSITIVE_INFINITY,
  defaultValue: DEFAULT_MAX_BUFFER_LENGTH,
};

let fragmentation = DEFAULT_BINARY_FRAGMENTATION;
let maxBufferLength = DEFAULT_MAX_BUFFER_LENGTH;

/**
 * Sets the least number of bytes that a frame of a binary transmission has, but for the last one: what is written is
 * gathered until it is as long. A frame has less than twice as many bytes, or less than 128 KiB when that is more.
 *
 * @param bytes - 1 or more
 * @defaultValue {@link DEFAULT_BINARY_FRAGMENTATION}
 * @throws TypeError when it is no number, RangeError when it is out of range
 */
export function setBinaryFragmentation(bytes: number): void {
  fragmentation = readNumber('binaryFragmentation', bytes, FRAGMENTATION);
}

/**
 * Sets how long a text message may be, and one frame of a binary message, in bytes. When exceeded: close code 1009.
 * Binary messages are streams, which are not held in memory, so their frames together may be longer.
 *
 * @param bytes - 0 or more; Infinity for no limit
 * @defaultValue {@link DEFAULT_MAX_BUFFER_LENGTH}
 * @throws TypeError when it is no number, RangeError when it is out of range
 */
export function setMaxBufferLength(bytes: number): void {
  maxBufferLength = readNumber('maxBufferLength', bytes, LENGTH);
}

/** The present fragmentation, in bytes. */
export function binaryFragmentation(): number {
  return fragmentation;
}

/** What a driver is told of the limits, and of how this library ends its connections. */
export interface ConnectionSettings extends Pick<SharedDriverOptions, 'maxLength'> {
  readonly streamsText: false;
  readonly boundsStreamedFrames: true;
  readonly endsAfterClose: true;
}

/** The settings of a connection that begins now. */
export function connectionSettings(): ConnectionSettings {
  return {
    maxLength: maxBufferLength,
    streamsText: false,
    boundsStreamedFrames: true,
    // nodejs-websocket's own server leaves the end of the transport to whoever began to close.
    endsAfterClose: true,
  };
}
