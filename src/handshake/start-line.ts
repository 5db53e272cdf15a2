/**
 * The first line of an HTTP/1.x head: the request line and the status line (RFC 9112 §3, §4).
 * Both are matched exactly: single spaces, an upper-case `HTTP/1.` and one digit. Another major
 * version is malformed, because the rules of RFC 9112 would not hold for what follows.
 */

import { isToken, isVisible } from './header-grammar.ts';

/** The first line of a request. */
export interface RequestLine {
  readonly method: string;
  readonly target: string;
  readonly httpVersionMajor: number;
  readonly httpVersionMinor: number;
}

/** The first line of a response. */
export interface StatusLine {
  readonly httpVersionMajor: number;
  readonly httpVersionMinor: number;
  readonly status: number;
  readonly reason: string;
}

/** What distinguishes the heads of requests and responses. */
export interface StartLineGrammar<StartLine> {
  /** Parses the line, without its CRLF, or returns undefined. */
  readonly parse: (line: string) => StartLine | undefined;
  /** Tells whether another head follows, as after 103 Early Hints. */
  readonly isInterim: (line: StartLine) => boolean;
  /** Whether one empty line may come first. */
  readonly allowsEmptyLine: boolean;
  /** The HTTP status that answers a malformed head; 0 for none. */
  readonly faultStatus: number;
}

/** Reads requests. A server ignores an empty line before one (RFC 9112 §2.2). */
export const requestLineGrammar: StartLineGrammar<RequestLine> = {
  parse: parseRequestLine,
  isInterim: () => false,
  allowsEmptyLine: true,
  faultStatus: 400,
};

/** Reads responses. A client must skip interim ones (RFC 9110 §15.2). */
export const statusLineGrammar: StartLineGrammar<StatusLine> = {
  parse: parseStatusLine,
  isInterim: ({ status }) => status < 200 && status !== SWITCHING_PROTOCOLS,
  allowsEmptyLine: false,
  faultStatus: 0,
};

/** Accepts an upgrade; it is final although it begins with 1 (RFC 9110 §15.2.2). */
export const SWITCHING_PROTOCOLS = 101;

const REQUEST_LINE = /^([^ ]+) ([^ ]+) HTTP\/1\.([0-9])$/;

/** The SP before an empty reason is optional: many servers omit it, and nothing is ambiguous. */
const STATUS_LINE = /^HTTP\/1\.([0-9]) ([1-9][0-9]{2})(?: (.*))?$/;

function parseRequestLine(line: string): RequestLine | undefined {
  const [, method = '', target = '', minor] = REQUEST_LINE.exec(line) ?? [];
  if (!isToken(method) || !isVisible(target)) return undefined;
  return { method, target, httpVersionMajor: 1, httpVersionMinor: Number(minor) };
}

function parseStatusLine(line: string): StatusLine | undefined {
  const match = STATUS_LINE.exec(line);
  if (match === null) return undefined;
  const [, minor, status, reason = ''] = match;
  return { httpVersionMajor: 1, httpVersionMinor: Number(minor), status: Number(status), reason };
}
