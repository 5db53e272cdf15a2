// What a conformance case is: data that says what is sent, how it is cut, and what is wanted back.
//
// A case does not know which side the suite plays: masks are added where it is played. Payloads of
// up to 16 MiB are patterns until they are needed, so that the list of all cases costs nothing.
import type { DeflateWish } from '../wire/deflate-negotiation.ts';
import { type Cut, Opcode } from '../wire/frame.ts';
import type { CorpusName } from './corpus.ts';

export type { Cut };

/** States octets: themselves, or a pattern repeated up to a length. */
export type Payload = Uint8Array | { readonly pattern: Uint8Array; readonly length: number };

/** States one frame to send; see {@link WireFrame} for the meaning of the fields. */
export interface FrameSpec {
  readonly opcode: number;
  readonly payload: Payload;
  readonly fin?: boolean;
  readonly rsv?: number;
}

/** States one thing that the suite does. */
export type Step =
  | { readonly step: 'send'; readonly frames: readonly FrameSpec[]; readonly cut: Cut }
  | {
      readonly step: 'fragments';
      readonly opcode: number;
      readonly payload: Payload;
      readonly fragmentLength: number;
    }
  | { readonly step: 'pause' }
  /** One frame whose payload is cut after these lengths, with a pause at each cut. */
  | { readonly step: 'parts'; readonly frame: FrameSpec; readonly partLengths: readonly number[] }
  /** So many messages, each sent when the one before has come back. */
  | {
      readonly step: 'echoes';
      readonly opcode: number;
      readonly payload: Payload;
      readonly count: number;
    }
  | {
      readonly step: 'compressed echoes';
      readonly corpus: CorpusName;
      readonly length: number;
      readonly fragmentLength: number;
      readonly count: number;
    };

/** States one entry of an event log: what the peer sent, a pause, or a series of right echoes. */
export type WantedEvent =
  | { readonly type: 'text' | 'binary' | 'ping' | 'pong'; readonly payload: Payload }
  | { readonly type: 'pause' }
  | { readonly type: 'echoes'; readonly count: number };

/** States how the connection is to be closed. */
export interface WantedClose {
  /** Who is to send the first Close (or, for the peer, fails the connection). */
  readonly startedBy: 'suite' | 'peer';
  /** The codes that the peer's Close may have; null is a Close without one. */
  readonly codes: readonly (number | null)[];
  /** Whether Autobahn requires a closing handshake, up to the server's end of TCP. */
  readonly isClean: boolean;
  /** Whether a wrong code makes the events FAILED, too: the code is what the case tests. */
  readonly isCodeTested?: boolean;
}

/** States how long the peer may take once the last step has begun, and what the suite then does. */
export interface Patience {
  /** In milliseconds. */
  readonly ms: number;
  /** Sends a Close, or drops TCP. */
  readonly end: 'close' | 'drop';
}

/** Holds one conformance case. */
export interface ConformanceCase {
  readonly id: string;
  readonly title: string;
  readonly expectation: string;
  readonly steps: readonly Step[];
  readonly wanted: {
    readonly strict: readonly WantedEvent[];
    readonly nonStrict?: readonly WantedEvent[];
  };
  readonly close: WantedClose;
  /** True when RFC 6455 leaves the outcome open: any is INFORMATIONAL. */
  readonly isInformational?: boolean;
  /** What is negotiated before; absent means no extension. */
  readonly deflate?: readonly DeflateWish[];
  readonly patience: Patience;
}

/** The patience of most cases in which the peer fails the connection or answers a Close. */
export const DROP_AFTER_ONE_SECOND: Patience = { ms: 1_000, end: 'drop' };

/** The patience of most cases in which the suite closes. */
export const CLOSE_AFTER_ONE_SECOND: Patience = { ms: 1_000, end: 'close' };

/** The close codes that cases want (RFC 6455 §7.4.1). */
export const Code = { normal: 1000, protocolError: 1002, invalidPayload: 1007 } as const;

/** A frame of text, its payload given as a string or as octets. */
export function text(payload: string | Payload, more: Partial<FrameSpec> = {}): FrameSpec {
  return { opcode: Opcode.text, payload: octets(payload), ...more };
}

/** A frame with any opcode. */
export function frame(
  opcode: number,
  payload: string | Payload = '',
  more: Partial<FrameSpec> = {},
): FrameSpec {
  return { opcode, payload: octets(payload), ...more };
}

/** Octets of a string, or those given. */
export function octets(payload: string | Payload): Payload {
  return typeof payload === 'string' ? Buffer.from(payload, 'utf8') : payload;
}

/** Octets written in hexadecimal; blanks are for the reader. */
export function hex(digits: string): Buffer {
  return Buffer.from(digits.replaceAll(' ', ''), 'hex');
}

/** A pattern repeated up to a length in octets. */
export function repeat(pattern: string | Uint8Array, length: number): Payload {
  return { pattern: typeof pattern === 'string' ? Buffer.from(pattern) : pattern, length };
}

/** Makes the octets that a payload states. */
export function bytesOf(payload: Payload): Buffer {
  if (payload instanceof Uint8Array) {
    return Buffer.from(payload.buffer, payload.byteOffset, payload.length);
  }
  return Buffer.alloc(payload.length, payload.pattern);
}

/** The length in octets that a payload will have. */
export function lengthOf(payload: Payload): number {
  return payload.length;
}

interface CaseDraft {
  readonly id: string;
  readonly title: string;
  readonly steps: readonly Step[];
  readonly expectation?: string;
  readonly patience?: Patience;
}

/** A case whose messages come back, and which the suite then closes. */
export function echoCase(draft: CaseDraft, events: readonly WantedEvent[]): ConformanceCase {
  return {
    expectation: 'What was sent comes back as wanted; then the suite closes with 1000.',
    patience: CLOSE_AFTER_ONE_SECOND,
    ...draft,
    wanted: { strict: events },
    close: { startedBy: 'suite', codes: [Code.normal], isClean: true },
  };
}

/**
 * A case in which the peer has to fail the connection.
 *
 * @param code - the close code that is wanted
 * @param events - what comes before; a peer that drops it instead is NON-STRICT
 */
export function failCase(
  draft: CaseDraft,
  code: number,
  events: readonly WantedEvent[] = [],
): ConformanceCase {
  const start = events.length === 0 ? 'The' : 'The first message comes back; then the';
  return {
    expectation: `${start} connection is failed with ${code}, nothing else.`,
    patience: DROP_AFTER_ONE_SECOND,
    ...draft,
    wanted: events.length === 0 ? { strict: [] } : { strict: events, nonStrict: [] },
    close: { startedBy: 'peer', codes: [code], isClean: false },
  };
}
