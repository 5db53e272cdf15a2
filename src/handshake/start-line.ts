/**
 * The first line of an HTTP/1.x head: the request line and the status line (RFC 9112 §3, §4).
 *
 * Both are matched exactly: single spaces, an upper-case `HTTP/1.` and one digit. Another major version than 1 is
 * malformed here, because nothing that follows could be read by the rules of RFC 9112.
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

/** What tells the heads of requests and of responses apart. */
export interface StartLineGrammar<StartLine> {
  /** Parses the line, without its CRLF, or returns undefined. */
  readonly parse: (line: string) => StartLine | undefined;
  /** Tells whether another head follows the one that this line begins, as after 103 Early Hints. */
  readonly isInterim: (line: StartLine) => boolean;
  /** Whether one empty line may come first. */
  readonly allowsEmptyLine: boolean;
  /** The HTTP status that answers a malformed head; 0 where there is none to give. */
  readonly faultStatus: number;
}

/** Reads requests. RFC 9112 §2.2 wants servers to ignore an empty line before one. */
export const requestLineGrammar: StartLineGrammar<RequestLine> = {
  parse: parseRequestLine,
  isInterim: () => false,
  allowsEmptyLine: true,
  faultStatus: 400,
};

/** Reads responses. RFC 9110 §15.2: a client must be able to read interim responses before the final one. */
export const statusLineGrammar: StartLineGrammar<StatusLine> = {
  parse: parseStatusLine,
  isInterim: ({ status }) => status < 200 && status !== SWITCHING_PROTOCOLS,
  allowsEmptyLine: false,
  faultStatus: 0,
};

/** The status of a response that accepts an upgrade, which is final although it begins with 1 (RFC 9110 §15.2.2). */
export const SWITCHING_PROTOCOLS = 101;

const HTTP_1 = 'HTTP/1.';
const DIGIT = /^[0-9]$/;

/**
 * The SP before an empty reason is optional: the grammar demands it, but many servers omit it, and no recipient reads
 * such a line as anything else.
 */
const STATUS_AND_REASON = /^ ([1-9][0-9]{2})(?: (.*))?$/;

function parseRequestLine(line: string): RequestLine | undefined {
  const [method = '', target = '', version = '', ...rest] = line.split(' ');
  const httpVersionMinor = parseMinorVersion(version);
  if (httpVersionMinor === undefined || rest.length > 0) return undefined;
  if (!isToken(method) || !isVisible(target)) return undefined;
  return { method, target, httpVersionMajor: 1, httpVersionMinor };
}

function parseStatusLine(line: string): StatusLine | undefined {
  const versionEnd = HTTP_1.length + 1;
  const httpVersionMinor = parseMinorVersion(line.slice(0, versionEnd));
  const match = STATUS_AND_REASON.exec(line.slice(versionEnd));
  if (httpVersionMinor === undefined || match === null) return undefined;
  const [, status, reason = ''] = match;
  return { httpVersionMajor: 1, httpVersionMinor, status: Number(status), reason };
}

function parseMinorVersion(version: string): number | undefined {
  if (!version.startsWith(HTTP_1)) return undefined;
  const minor = version.slice(HTTP_1.length);
  return DIGIT.test(minor) ? Number(minor) : undefined;
}
