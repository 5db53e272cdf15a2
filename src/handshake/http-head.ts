/**
 * Parses the head of an HTTP/1.x message: the first line and the header fields (RFC 9112 §2-§5).
 * A wrong byte is a fault when it arrives. Each byte is examined once and copied into memory of the
 * parser's own, up to the limit. Stricter than RFC 9112, where disagreeing readers were exploited:
 * a line ends with CRLF only (§2.2), and in responses too there is no whitespace before a field's
 * colon (§5.1) and no line folding (§5.2).
 */

import { HandshakeError, type LimitExceededError } from '../errors.ts';
import { LIMITS, limitExceeded, readLimit } from '../limits.ts';
import { isFieldCode, isTokenCode, isWhitespaceCode, Separator } from './header-grammar.ts';
import type { RawHeaders } from './header-list.ts';
import { decodeLatin1 } from './latin1.ts';
import type { StartLineGrammar } from './start-line.ts';

/** The most bytes of a head, line ends and interim heads included; the same as node:http's. */
export const DEFAULT_MAX_HEADER_BYTES: number = LIMITS.maxHeaderBytes.default;

/** Allocated for the first bytes of a head; most handshakes fit. */
const INITIAL_CAPACITY = 1_024;
const CR = 0x0d;
const LF = 0x0a;

const LINE_END_FAULT = 'a CR is not followed by an LF';

/** What the next byte belongs to, and what is wrong when it does not. */
const FAULT_DETAILS = {
  START: 'the first line begins with a wrong character',
  EMPTY_LINE_LF: LINE_END_FAULT,
  START_LINE: 'the first line holds a control character or a bare LF',
  START_LINE_LF: 'the first line is not one of HTTP/1.x',
  FIELD: 'a header line does not begin with a name',
  FIELD_NAME: 'the name of a header holds a character that is not allowed',
  FIELD_VALUE: 'the value of a header holds a control character or a bare LF',
  FIELD_LF: LINE_END_FAULT,
  HEAD_LF: LINE_END_FAULT,
};
type Expect = keyof typeof FAULT_DETAILS;

/** The parts of a head's first line, and its header fields. */
export type Head<StartLine> = StartLine & { readonly rawHeaders: RawHeaders };

/** What keeps a head from completing: `WS_HEAD_MALFORMED` or `WS_HEAD_TOO_LONG`. */
export type HeadFault = HandshakeError | LimitExceededError;

/** Parses one head out of a stream of bytes. */
export class HeadParser<StartLine extends object> {
  /** The head, once it is complete. */
  head: Head<StartLine> | undefined;
  /** The fault, once there is one. */
  fault: HeadFault | undefined;
  readonly #grammar: StartLineGrammar<StartLine>;
  readonly #maxBytes: number;
  /** Undefined when no more is expected. */
  #expect: Expect | undefined = 'START';
  #bytes: Uint8Array = new Uint8Array(0);
  #length = 0;
  /** Where the first line, or the fields, begin in the bytes. */
  #start = 0;
  #startLine: StartLine | undefined;

  constructor(grammar: StartLineGrammar<StartLine>, maxHeaderBytes?: number) {
    this.#grammar = grammar;
    this.#maxBytes = readLimit('maxHeaderBytes', maxHeaderBytes);
  }

  /** Receives bytes, which may be reused afterwards, and returns how many belong to the head. */
  receive(bytes: Uint8Array): number {
    if (this.#expect === undefined) return 0;
    const before = this.#length;
    const taken = Math.min(bytes.length, this.#maxBytes - before);
    this.#append(bytes.subarray(0, taken));
    let at = before;
    while (at < this.#length && this.#expect !== undefined) {
      const next = this.#step(this.#expect, this.#bytes[at] ?? 0, at);
      if (next === undefined) {
        this.#failMalformed(FAULT_DETAILS[this.#expect]);
        return at - before;
      }
      this.#expect = next === 'END' ? undefined : next;
      at++;
    }
    // Counted to the first byte over the limit only, so that every cut reports the same number.
    const isTooLong = this.#expect !== undefined && taken < bytes.length;
    if (isTooLong) this.#end(limitExceeded('maxHeaderBytes', this.#maxBytes, this.#maxBytes + 1));
    else if (this.#expect === undefined) this.#end();
    return at - before;
  }

  /** The transport has ended: an incomplete head is malformed (RFC 9112 §8). */
  receiveEnd(): void {
    if (this.#expect !== undefined) this.#failMalformed('the transport ended before the head did');
  }

  #append(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#bytes.length) {
      const capacity = Math.max(length, this.#bytes.length * 2, INITIAL_CAPACITY);
      const grown = new Uint8Array(Math.min(capacity, this.#maxBytes));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length = length;
  }

  /** Judges one byte: returns what comes after it, or undefined when it is not allowed. */
  #step(expect: Expect, byte: number, at: number): Expect | 'END' | undefined {
    switch (expect) {
      case 'START':
        this.#start = at;
        if (byte === CR && at === 0 && this.#grammar.allowsEmptyLine) return 'EMPTY_LINE_LF';
        return isTokenCode(byte) ? 'START_LINE' : undefined;
      case 'EMPTY_LINE_LF':
        return byte === LF ? 'START' : undefined;
      case 'START_LINE':
        if (byte === CR) return 'START_LINE_LF';
        return isFieldCode(byte) ? 'START_LINE' : undefined;
      case 'START_LINE_LF':
        return byte === LF && this.#endStartLine(at) ? 'FIELD' : undefined;
      case 'FIELD':
        if (byte === CR) return 'HEAD_LF';
        return isTokenCode(byte) ? 'FIELD_NAME' : undefined;
      case 'FIELD_NAME':
        if (byte === Separator.COLON) return 'FIELD_VALUE';
        return isTokenCode(byte) ? 'FIELD_NAME' : undefined;
      case 'FIELD_VALUE':
        if (byte === CR) return 'FIELD_LF';
        return isFieldCode(byte) ? 'FIELD_VALUE' : undefined;
      case 'FIELD_LF':
        return byte === LF ? 'FIELD' : undefined;
      case 'HEAD_LF':
        return byte === LF ? this.#endHead(at) : undefined;
    }
  }

  #endStartLine(lineFeedAt: number): boolean {
    this.#startLine = this.#grammar.parse(decodeLatin1(this.#bytes, this.#start, lineFeedAt - 1));
    this.#start = lineFeedAt + 1;
    return this.#startLine !== undefined;
  }

  #endHead(lineFeedAt: number): 'START' | 'END' {
    const startLine = this.#startLine;
    // An interim head is dropped, but its bytes count: an endless series must meet the limit too.
    if (startLine === undefined || this.#grammar.isInterim(startLine)) return 'START';
    const rawHeaders = splitFields(this.#bytes, this.#start, lineFeedAt - 1);
    this.head = { ...startLine, rawHeaders };
    return 'END';
  }

  #failMalformed(detail: string): void {
    const status = this.#grammar.faultStatus;
    this.#end(new HandshakeError('WS_HEAD_MALFORMED', { detail, status }));
  }

  #end(fault?: HeadFault): void {
    this.fault = fault;
    this.#expect = undefined;
    this.#bytes = new Uint8Array(0);
  }
}

/** Splits the lines of fields. They were judged before, so each has a colon and a CR. */
function splitFields(bytes: Uint8Array, start: number, end: number): string[] {
  const rawHeaders: string[] = [];
  for (let at = start; at < end; ) {
    const colon = bytes.indexOf(Separator.COLON, at);
    const lineEnd = bytes.indexOf(CR, colon);
    let valueStart = colon + 1;
    let valueEnd = lineEnd;
    while (valueStart < valueEnd && isWhitespaceCode(bytes[valueStart] ?? 0)) valueStart++;
    while (valueEnd > valueStart && isWhitespaceCode(bytes[valueEnd - 1] ?? 0)) valueEnd--;
    rawHeaders.push(decodeLatin1(bytes, at, colon), decodeLatin1(bytes, valueStart, valueEnd));
    at = lineEnd + 2;
  }
  return rawHeaders;
}
