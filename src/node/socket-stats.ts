/**
 * What a connection has carried so far, as applications read it. The counters are integers in the
 * objects of the connection; the object here is made when somebody asks.
 */

import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
// Not the global, for which applications put clocks of their own in tests.
import { setTimeout } from 'node:timers';
import type { WireConnection } from '../connection/wire-connection.ts';

/** What a connection has carried since it exists. */
export interface ConnectionStats {
  /** The bytes read from the transport: frames, and of a net.Socket the opening handshake. */
  readonly bytesReceived: number;
  /** The bytes that the transport was given. */
  readonly bytesSent: number;
  readonly messagesReceived: number;
  readonly messagesSent: number;
  /** The bytes of the messages received, after decompression. */
  readonly payloadReceived: number;
  /** The bytes of the messages sent, before compression. */
  readonly payloadSent: number;
  /** The bytes of the messages received as they came, compressed or not. */
  readonly compressedReceived: number;
  /** The bytes of the messages sent as they left, compressed or not. */
  readonly compressedSent: number;
  /** The round-trip time of the last `ping` heartbeat in milliseconds; undefined without one. */
  readonly roundTripTime: number | undefined;
  /** When a message last came or left, or else it opened: as `Date.now()`, in steps of 100 ms. */
  readonly lastActivity: number | undefined;
}

/** Counts for a transport that does not: an HTTP/2 stream, or a Duplex of the application's. */
export class ByteCount {
  read = 0;
  written = 0;
}

const START_MS = Date.now();
/** How exact `lastActivity` is, in milliseconds. */
export const STEP_MS: number = 100;
/** The step of what has not opened. */
export const NEVER: number = -1;

let step = 0;
let isStepPresent = false;

/**
 * Returns the time in steps since the process began: a small integer for more than six years. The
 * clock is asked once a step: to ask it for each message would cost an echo 2 %.
 */
export function presentStep(): number {
  if (!isStepPresent) {
    isStepPresent = true;
    step = Math.max(0, Math.floor((Date.now() - START_MS) / STEP_MS));
    setTimeout(endStep, STEP_MS).unref();
  }
  return step;
}

function endStep(): void {
  isStepPresent = false;
}

/** @returns what counts the bytes of a transport; undefined where it does so itself */
export function byteCountOf(transport: Duplex | undefined): ByteCount | undefined {
  return transport instanceof Socket ? undefined : new ByteCount();
}

/** What is asked: a driver. */
interface Carrier {
  readonly connection: Pick<WireConnection, 'received' | 'sent'>;
  readonly socket: Duplex | undefined;
  readonly roundTripTimeMs: number | undefined;
}

/** @param activeStep - {@link presentStep} of the last message */
export function readStats(
  { connection: { received, sent }, socket, roundTripTimeMs: roundTripTime }: Carrier,
  count: ByteCount | undefined,
  activeStep: number,
): ConnectionStats {
  const { bytesRead = 0, bytesWritten = 0 } = (socket ?? {}) as Partial<Socket>;
  return {
    bytesReceived: count?.read ?? bytesRead,
    bytesSent: count?.written ?? bytesWritten,
    messagesReceived: received.messages,
    messagesSent: sent.messages,
    payloadReceived: received.payloadLength,
    payloadSent: sent.payloadLength,
    compressedReceived: received.wireLength,
    compressedSent: sent.wireLength,
    roundTripTime,
    lastActivity: activeStep === NEVER ? undefined : START_MS + activeStep * STEP_MS,
  };
}
