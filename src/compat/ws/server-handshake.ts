/**
 * The opening handshake of a server with the statuses of `ws`: 405 for another method than GET, and
 * 400 for any other fault. Nothing that an application adds can break a head.
 */

import { type OutgoingHttpHeaders, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { FaultCode, WebSocketError } from '../../errors.ts';
import { HANDSHAKE_FIELDS } from '../../handshake/handshake-fields.ts';
import { isFieldValue } from '../../handshake/header-grammar.ts';
import { checkField, dropHeader, findHeader, toRawHeaders } from '../../handshake/header-list.ts';
import {
  type AcceptedRequest,
  judgeRequest,
  type RequestVerdict,
} from '../../handshake/server-handshake.ts';
import { buildAcceptance as buildHead, type Refusal } from '../../handshake/server-response.ts';
import { nodePlatform } from '../../node/node-platform.ts';
import { type PartialRequest, refuseUpgrade, toUpgradeRequest } from '../../node/server-upgrade.ts';

/**
 * Judges a request by the rules of RFC 6455, but for its target: `path` is the application's.
 *
 * @param hasExtensions - whether the header of the extensions is read
 */
export function judge(request: PartialRequest, hasExtensions: boolean): RequestVerdict {
  const upgrade = toUpgradeRequest(request, '/');
  const { name } = HANDSHAKE_FIELDS.secExtensions;
  if (hasExtensions || findHeader(upgrade.rawHeaders, name) === undefined) {
    return judgeRequest(upgrade);
  }
  return judgeRequest({ ...upgrade, rawHeaders: dropHeader(upgrade.rawHeaders, name) });
}

/** The faults that `ws` finds after it has checked the path. */
export const LATE_FAULTS: readonly FaultCode[] = [
  'WS_HANDSHAKE_SUBPROTOCOL',
  'WS_HANDSHAKE_EXTENSIONS',
];

/** Returns the first fault of a request that is not one of those ignored. */
export function findFault(
  verdict: RequestVerdict,
  ignored: readonly FaultCode[] = [],
): WebSocketError | undefined {
  return verdict.accepted ? undefined : verdict.errors.find(({ code }) => !ignored.includes(code));
}

/** Destroys a socket that fails during the handshake. */
export function onSocketError(this: Duplex): void {
  this.destroy();
}

/** What a refusal says. */
export interface RefusalText {
  readonly status: number;
  /** The body; by default, and when empty, the reason phrase of the status. */
  readonly message?: unknown;
  readonly headers?: OutgoingHttpHeaders | undefined;
  /** The fault that is answered. */
  readonly fault?: WebSocketError | undefined;
}

/** Headers that a refusal sets itself. */
const OWN_HEADERS: readonly string[] = [
  'connection',
  'content-length',
  'transfer-encoding',
  'upgrade',
];

/**
 * Refuses a request, and ends the socket.
 *
 * @throws RangeError for a status under 300, TypeError for a header that HTTP does not allow
 */
export function refuse(request: PartialRequest, socket: Duplex, text: RefusalText): void {
  try {
    refuseUpgrade(request, socket, toRefusal(text));
  } catch (error) {
    // Nobody else would end it: the application has answered.
    socket.destroy();
    throw error;
  }
}

function toRefusal({ status, message, headers, fault }: RefusalText): Refusal {
  const reason = STATUS_CODES[status] ?? '';
  const entries = Object.entries(headers ?? {})
    .filter(([name, value]) => value !== undefined && !OWN_HEADERS.includes(name.toLowerCase()))
    .map(([name, value]): [string, string | string[]] => [
      name,
      Array.isArray(value) ? value.map(String) : String(value),
    ]);
  if (!entries.some(([name]) => name.toLowerCase() === 'content-type')) {
    entries.unshift(['Content-Type', 'text/html']);
  }
  return {
    status,
    reason,
    body: message ? String(message) : reason,
    headers: toRawHeaders(entries),
    errors: fault && [fault],
  };
}

/** Refuses a request with the status that `ws` answers a fault with. */
export function refuseFault(request: PartialRequest, socket: Duplex, fault: WebSocketError): void {
  // A TypeError is about our own response.
  const isOurs = fault instanceof TypeError;
  const status = isOurs ? 500 : fault.code === 'WS_HANDSHAKE_METHOD' ? 405 : 400;
  refuse(request, socket, { status, message: fault.message, fault });
}

/**
 * Builds the response that accepts a request.
 *
 * @throws TypeError when the subprotocol is not one of those offered
 */
export function buildAcceptance(
  key: string,
  protocols: ReadonlySet<string>,
  protocol: string | undefined,
  extensions: string,
): string {
  const request: AcceptedRequest = {
    accepted: true,
    version: 13,
    key,
    host: '',
    resourceName: '/',
    origin: undefined,
    protocols: [...protocols],
    extensions: [],
  };
  return buildHead(nodePlatform, request, { protocol, extensions });
}

/** Splits a response into its lines, for the 'headers' event to change. */
export function splitLines(head: string): string[] {
  return head.split('\r\n').filter((line) => line !== '');
}

/**
 * Joins the lines of a response again, each checked as what is sent.
 *
 * @throws TypeError when one is not a header field, or holds a line break or a character beyond
 * Latin-1, which could become one (CVE-2026-1527)
 */
export function joinLines(lines: readonly unknown[]): string {
  const [statusLine = '', ...fields] = Array.from(lines, String);
  if (!isFieldValue(statusLine)) throw new TypeError('The status line holds a wrong character');
  for (const line of fields) {
    const colon = line.indexOf(':');
    checkField(line.slice(0, Math.max(colon, 0)), line.slice(colon + 1));
  }
  return `${[statusLine, ...fields].join('\r\n')}\r\n\r\n`;
}
