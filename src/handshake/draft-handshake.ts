/**
 * The handshakes of drafts hixie-75 and hixie-76, at the server, for those who switch `allowDrafts` on
 * (draft-hixie-thewebsocketprotocol-75 §4.2; draft-ietf-hybi-thewebsocketprotocol-00 §5.2, which is hixie-76).
 *
 * A draft-76 client sends 8 bytes after its head, and wants the digest of them and of its two keys after ours. The bytes
 * may come late: some proxies forward them only once they saw our head, so our head does not wait for them. A request
 * that names a version or has a key of RFC 6455 is never taken for a draft. The framing of the drafts is not known here.
 */

import type { Platform } from '../platform.ts';
import { isAuthority } from './authority.ts';
import { FaultList } from './fault-list.ts';
import { type HandshakeFields, pickHandshakeFields } from './handshake-fields.ts';
import { isFieldValue, isToken } from './header-grammar.ts';
import { checkHeaders, type RawHeaders } from './header-list.ts';
import { printResponseHead } from './http-head-printer.ts';
import { isOriginAllowed } from './origin-policy.ts';
import { parseRequestTarget } from './request-target.ts';
import {
  isUpgradeRequest,
  type JudgeOptions,
  type RefusedRequest,
  type UpgradeRequest,
} from './server-handshake.ts';
import { isReservedInAcceptance } from './server-response.ts';
import { SWITCHING_PROTOCOLS } from './start-line.ts';

/** The drafts, by the names that public `version` attributes use. */
export type DraftVersion = 'hixie-75' | 'hixie-76';

/** A request in one of the drafts that keeps its rules. */
export interface AcceptedDraft {
  readonly accepted: true;
  readonly version: DraftVersion;
  /** The host and port that the client asked for. */
  readonly host: string;
  /** The path and the query. */
  readonly resourceName: string;
  readonly origin: string | undefined;
  /** The subprotocols offered, as they are spelled. */
  readonly protocols: readonly string[];
  /** The numbers hidden in the two keys of draft 76; undefined in draft 75. */
  readonly keyNumbers: KeyNumbers | undefined;
}

/** The two key numbers of draft 76, unsigned 32-bit integers. */
export type KeyNumbers = readonly [number, number];

export type DraftVerdict = AcceptedDraft | RefusedRequest;

/** What the server chose, and what it knows of its own address. */
export interface DraftAcceptance {
  /** Whether the client came through TLS: the location that it compares is then a wss URL. */
  readonly isSecure: boolean;
  /** The subprotocol, one of those offered; undefined for none. */
  readonly protocol?: string | undefined;
  /** More headers: name, value, name, value. */
  readonly headers?: RawHeaders | undefined;
}

const KEY_NUMBER_LAST = 0xffffffff;
const SPACE = 0x20;
const DIGIT_FIRST = 0x30;
const DIGIT_LAST = 0x39;

/** The length of what a draft-76 client sends after its head. */
const BODY_BYTES = 8;
/** The two key numbers, 4 bytes each, and the body. */
const CHALLENGE_BYTES = 16;

const BAD_REQUEST = 400;

/**
 * Judges a request by the rules of the drafts, if it is in one of them: an upgrade to WebSocket that has neither a
 * Sec-WebSocket-Version nor a Sec-WebSocket-Key.
 *
 * @param request - the head of the request
 * @param options - the origins let in; they bind here too
 * @returns the verdict, or undefined when the request is none of the drafts and is for `judgeRequest`
 */
export function judgeDraftRequest(
  request: UpgradeRequest,
  options: JudgeOptions = {},
): DraftVerdict | undefined {
  const fields = pickHandshakeFields(request.rawHeaders);
  const { upgrade, connection, secVersion, secKey, secKey1, secKey2, hostCount } = fields;
  if (!isUpgradeRequest(request.method, connection, upgrade)) return undefined;
  if (secVersion !== undefined || secKey !== undefined) return undefined;

  const faults = new FaultList();
  const target = parseRequestTarget(request.target);
  if (target === undefined) faults.add('WS_HANDSHAKE_TARGET');
  const { host = '', origin } = fields;
  if (hostCount !== 1 || !isAuthority(host)) faults.add('WS_HANDSHAKE_HOST');
  // The origin is sent back, so it must be fit for a header, also where a lenient HTTP parser let it through.
  if (!isOriginAllowed(origin, options.allowedOrigins) || !isFieldValue(origin ?? '')) {
    faults.add('WS_HANDSHAKE_ORIGIN');
  }
  const version = secKey1 !== undefined || secKey2 !== undefined ? 'hixie-76' : 'hixie-75';
  const keyNumbers = version === 'hixie-76' ? parseKeyNumbers(secKey1, secKey2) : undefined;
  if (version === 'hixie-76' && keyNumbers === undefined) faults.add('WS_HANDSHAKE_DRAFT');

  const [deciding] = faults.errors;
  if (deciding !== undefined || target === undefined) {
    const status = deciding?.status ?? BAD_REQUEST;
    return { accepted: false, errors: faults.errors, status };
  }
  const { resourceName, authority = host } = target;
  const protocols = splitSubprotocols(version, fields);
  return { accepted: true, version, host: authority, resourceName, origin, protocols, keyNumbers };
}

/** The drafts separate subprotocols by spaces, clients between the drafts and RFC 6455 by commas. */
function splitSubprotocols(version: DraftVersion, fields: HandshakeFields): string[] {
  const header = version === 'hixie-76' ? fields.secProtocol : fields.draftProtocol;
  return (header ?? '').split(/[ ,]/).filter((protocol) => protocol !== '');
}

function parseKeyNumbers(
  key1: string | undefined,
  key2: string | undefined,
): KeyNumbers | undefined {
  const first = parseKeyNumber(key1 ?? '');
  const second = parseKeyNumber(key2 ?? '');
  return first === undefined || second === undefined ? undefined : [first, second];
}

/**
 * Reads the number hidden in a key: its digits, divided by the count of its spaces (hybi-00 §5.2 steps 4 to 7).
 *
 * @returns the number, or undefined when there are no digits or spaces, the digits make more than 32 bits, or the
 * division leaves a remainder
 */
function parseKeyNumber(key: string): number | undefined {
  let number = -1;
  let spaces = 0;
  for (let at = 0; at < key.length; at++) {
    const code = key.charCodeAt(at);
    if (code === SPACE) spaces++;
    if (code < DIGIT_FIRST || code > DIGIT_LAST) continue;
    number = Math.max(number, 0) * 10 + (code - DIGIT_FIRST);
    if (number > KEY_NUMBER_LAST) return undefined;
  }
  if (number < 0 || spaces === 0 || number % spaces !== 0) return undefined;
  return number / spaces;
}

/**
 * Accepts one request of the drafts.
 *
 * @example
 * const handshake = new DraftHandshake(platform, verdict, { isSecure: false });
 * transport.write(handshake.head, 'latin1');
 * // and for each chunk, until it is complete:
 * const rest = chunk.subarray(handshake.receive(chunk));
 * if (handshake.isComplete) transport.write(handshake.answer);
 */
export class DraftHandshake {
  readonly #platform: Platform;
  readonly #keyNumbers: KeyNumbers | undefined;
  readonly #challenge: Uint8Array = new Uint8Array(CHALLENGE_BYTES);
  #length: number = CHALLENGE_BYTES - BODY_BYTES;
  #answer: Uint8Array | undefined;

  /** The head of the response as Latin-1 characters, to be written at once, before the answer. */
  readonly head: string;

  /**
   * @param platform - digests the challenge
   * @param request - the verdict on the request
   * @param acceptance - what was chosen
   * @throws {@link TypeError} when the subprotocol is not one of those offered or not a token, or a header is not
   * well-formed or belongs to the handshake
   */
  constructor(platform: Platform, request: AcceptedDraft, acceptance: DraftAcceptance) {
    this.#platform = platform;
    this.#keyNumbers = request.keyNumbers;
    this.head = printDraftHead(request, acceptance);
    if (request.keyNumbers === undefined) this.#answer = new Uint8Array(0);
  }

  /** Whether the 8 bytes have come, so that the answer is known and frames may follow. */
  get isComplete(): boolean {
    return this.#answer !== undefined;
  }

  /** The 16 bytes to write after the head; empty in draft 75, which has none, and while they are not known. */
  get answer(): Uint8Array {
    return this.#answer ?? new Uint8Array(0);
  }

  /**
   * Takes bytes from the transport. They may be reused afterwards.
   *
   * @param bytes - what arrived after the head of the request
   * @returns how many bytes belong to the handshake; the rest are frames
   */
  receive(bytes: Uint8Array): number {
    if (this.#answer !== undefined || this.#keyNumbers === undefined) return 0;
    const taken = bytes.subarray(0, CHALLENGE_BYTES - this.#length);
    this.#challenge.set(taken, this.#length);
    this.#length += taken.length;
    if (this.#length === CHALLENGE_BYTES) {
      const view = new DataView(this.#challenge.buffer);
      view.setUint32(0, this.#keyNumbers[0]);
      view.setUint32(4, this.#keyNumbers[1]);
      this.#answer = this.#platform.md5(this.#challenge);
    }
    return taken.length;
  }
}

/** Prints the head; the two drafts differ in the reason phrase and in the prefix of three names. */
function printDraftHead(request: AcceptedDraft, acceptance: DraftAcceptance): string {
  const { protocol, headers = [], isSecure } = acceptance;
  const isDraft76 = request.version === 'hixie-76';
  const prefix = isDraft76 ? 'Sec-WebSocket-' : 'WebSocket-';
  const reason = isDraft76 ? 'WebSocket Protocol Handshake' : 'Web Socket Protocol Handshake';

  const rawHeaders = ['Upgrade', 'WebSocket', 'Connection', 'Upgrade'];
  if (request.origin !== undefined) rawHeaders.push(`${prefix}Origin`, request.origin);
  const scheme = isSecure ? 'wss' : 'ws';
  rawHeaders.push(`${prefix}Location`, `${scheme}://${request.host}${request.resourceName}`);
  if (protocol !== undefined) {
    if (!isToken(protocol) || !request.protocols.includes(protocol)) {
      throw new TypeError(`The client did not offer the subprotocol ${protocol}`);
    }
    rawHeaders.push(`${prefix}Protocol`, protocol);
  }
  checkHeaders(headers, isReservedInAcceptance);
  return printResponseHead(SWITCHING_PROTOCOLS, [...rawHeaders, ...headers], reason);
}
