/**
 * A parser for the head of an HTTP/1.x message: the first line and the header fields (RFC 9112 §2 to §5).
 *
 * It takes the bytes in any cut and gives the same head, or the same fault, for each. A wrong byte is a fault when it
 * arrives, not when the head ends. It holds at most the limit's worth of bytes, in memory of its own, so that it pins no
 * chunk of the transport, and it looks at each byte once, however they drip in. It never throws on what it reads.
 *
 * Stricter than a recipient must be, in three places where readers have disagreed and been exploited for it:
 * - a line ends with CRLF. RFC 9112 §2.2 allows to accept a bare LF; no WebSocket endpoint sends one;
 * - no whitespace between a field name and its colon, in responses too (RFC 9112 §5.1);
 * - no line folding, in responses too (RFC 9112 §5.2 deprecates it).
 *
 * It reads no body, and knows no header by name.
 */

import { HandshakeError, LimitExceededError } from '../errors.ts';
import { isFieldCode, isTokenCode, isWhitespaceCode, Separator } from './header-grammar.ts';
import type { RawHeaders } from './header-list.ts';
import { decodeLatin1 } from './latin1.ts';
import type { StartLineGrammar } from './start-line.ts';

/**
 * The most bytes that a head may have, with its line ends and all interim heads before it: the limit of node:http.
 * When exceeded: {@link LimitExceededError} with `WS_HEAD_TOO_LONG`.
 */
export const DEFAULT_MAX_HEADER_BYTES: number = 16_384;

/** What is allocated for the first bytes of a head; most heads of handshakes fit. */
const INITIAL_CAPACITY = 1_024;

const CR = 0x0d;
const LF = 0x0a;

/** What the next byte belongs to. */
const Expect = {
  START: 0,
  EMPTY_LINE_LF: 1,
  START_LINE: 2,
  START_LINE_LF: 3,
  FIELD: 4,
  FIELD_NAME: 5,
  FIELD_VALUE: 6,
  FIELD_LF: 7,
  HEAD_LF: 8,
  NOTHING: 9,
} as const;
type Expect = (typeof Expect)[keyof typeof Expect];

/** A head: its first line's parts and its header fields. */
export type Head<StartLine> = StartLine & { readonly rawHeaders: RawHeaders };

/**
 * Parses one head out of a stream of bytes.
 *
 * @example
 * const parser = new HeadParser(requestLineGrammar);
 * const rest = bytes.subarray(parser.receive(bytes));
 * if (parser.head) serve(parser.head, rest);
 * else if (parser.fault) refuse(parser.fault);
 */
export class HeadParser<StartLine extends object> {
  readonly #grammar: StartLineGrammar<StartLine>;
  readonly #maxBytes: number;
  #expect: Expect = Expect.START;
  #emptyLineAllowed: boolean;
  #bytes: Uint8Array = new Uint8Array(0);
  #length = 0;
  /** Where the line or the fields being read began in the bytes. */
  #start = 0;
  #startLine: StartLine | undefined;
  #head: Head<StartLine> | undefined;
  #fault: HandshakeError | LimitExceededError | undefined;

  /**
   * @param grammar - {@link requestLineGrammar} or {@link statusLineGrammar}
   * @param maxHeaderBytes - the most bytes to read before the head is over
   */
  constructor(
    grammar: StartLineGrammar<StartLine>,
    maxHeaderBytes: number = DEFAULT_MAX_HEADER_BYTES,
  ) {
    this.#grammar = grammar;
    this.#maxBytes = maxHeaderBytes;
    this.#emptyLineAllowed = grammar.allowsEmptyLine;
  }

  /** The head, once it is complete. */
  get head(): Head<StartLine> | undefined {
    return this.#head;
  }

  /** What was wrong, once something was: `WS_HEAD_MALFORMED` or `WS_HEAD_TOO_LONG`. */
  get fault(): HandshakeError | LimitExceededError | undefined {
    return this.#fault;
  }

  /**
   * Takes bytes from the transport. They may be reused afterwards.
   *
   * @param bytes - what arrived
   * @returns how many bytes belong to the head: the rest, if any, is what follows it
   */
  receive(bytes: Uint8Array): number {
    if (this.#expect === Expect.NOTHING) return 0;
    const before = this.#length;
    const taken = Math.min(bytes.length, this.#maxBytes - before);
    this.#append(bytes.subarray(0, taken));
    let at = before;
    while (at < this.#length && this.#expect !== Expect.NOTHING) {
      const next = this.#step(this.#bytes[at] ?? 0, at);
      if (next === undefined) {
        this.#fail(FAULT_DETAILS[this.#expect] ?? '');
        return at - before;
      }
      this.#expect = next;
      at++;
    }
    if (this.#expect === Expect.NOTHING) this.#release();
    else if (taken < bytes.length) this.#failTooLong();
    return at - before;
  }

  /** Tells that the transport ended: a head that is not complete by then is malformed (RFC 9112 §8). */
  receiveEnd(): void {
    if (this.#expect !== Expect.NOTHING) this.#fail('the transport ended before the head did');
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

  /** Judges one byte: what comes after it, or undefined when it may not stand there. */
  #step(byte: number, at: number): Expect | undefined {
    switch (this.#expect) {
      case Expect.START:
        this.#start = at;
        if (byte === CR && this.#emptyLineAllowed) return Expect.EMPTY_LINE_LF;
        return isTokenCode(byte) ? Expect.START_LINE : undefined;
      case Expect.EMPTY_LINE_LF:
        this.#emptyLineAllowed = false;
        return byte === LF ? Expect.START : undefined;
      case Expect.START_LINE:
        if (byte === CR) return Expect.START_LINE_LF;
        return isFieldCode(byte) ? Expect.START_LINE : undefined;
      case Expect.START_LINE_LF:
        return byte === LF && this.#endStartLine(at) ? Expect.FIELD : undefined;
      case Expect.FIELD:
        if (byte === CR) return Expect.HEAD_LF;
        return isTokenCode(byte) ? Expect.FIELD_NAME : undefined;
      case Expect.FIELD_NAME:
        if (byte === Separator.COLON) return Expect.FIELD_VALUE;
        return isTokenCode(byte) ? Expect.FIELD_NAME : undefined;
      case Expect.FIELD_VALUE:
        if (byte === CR) return Expect.FIELD_LF;
        return isFieldCode(byte) ? Expect.FIELD_VALUE : undefined;
      case Expect.FIELD_LF:
        return byte === LF ? Expect.FIELD : undefined;
      case Expect.HEAD_LF:
        return byte === LF ? this.#endHead(at) : undefined;
      case Expect.NOTHING:
        return undefined;
    }
  }

  #endStartLine(lineFeedAt: number): boolean {
    this.#startLine = this.#grammar.parse(decodeLatin1(this.#bytes, this.#start, lineFeedAt - 1));
    this.#start = lineFeedAt + 1;
    return this.#startLine !== undefined;
  }

  #endHead(lineFeedAt: number): Expect {
    const startLine = this.#startLine;
    // An interim head is forgotten, but its bytes still count: an endless series of them is an endless head.
    if (startLine === undefined || this.#grammar.isInterim(startLine)) return Expect.START;
    const rawHeaders = splitFields(this.#bytes, this.#start, lineFeedAt - 1);
    this.#head = { ...startLine, rawHeaders };
    return Expect.NOTHING;
  }

  #fail(detail: string): void {
    const status = this.#grammar.faultStatus;
    this.#fault = new HandshakeError('WS_HEAD_MALFORMED', { detail, status });
    this.#release();
  }

  #failTooLong(): void {
    // The count stops at the first byte over the limit, so that it is the same however the bytes are cut.
    this.#fault = new LimitExceededError('WS_HEAD_TOO_LONG', this.#maxBytes, this.#maxBytes + 1);
    this.#release();
  }

  #release(): void {
    this.#expect = Expect.NOTHING;
    this.#bytes = new Uint8Array(0);
  }
}

const LINE_END_FAULT = 'a CR is not followed by an LF';

/** What is wrong with a byte, by what was expected of it. */
const FAULT_DETAILS: readonly string[] = [
  'the first line begins with a wrong character',
  LINE_END_FAULT,
  'the first line holds a control character or a bare LF',
  'the first line is not one of HTTP/1.x',
  'a header line does not begin with a name',
  'the name of a header holds a character that is not allowed',
  'the value of a header holds a control character or a bare LF',
  LINE_END_FAULT,
  LINE_END_FAULT,
];

/** Splits the lines of fields that were judged already, so that each is known to have a colon and a CR. */
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
