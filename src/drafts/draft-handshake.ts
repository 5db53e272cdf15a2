/**
 * The opening handshakes of drafts hixie-75 and hixie-76, at the server
 * (draft-hixie-thewebsocketprotocol-75 §4.2; draft-ietf-hybi-thewebsocketprotocol-00 §5.2).
 * A hixie-76 client sends 8 bytes after its head, and expects a digest of them and of its two keys
 * after ours. Our head does not wait for them, because some proxies forward them only after it.
 */

import { createHash } from 'node:crypto';
import { type FaultCode, HandshakeError } from '../errors.ts';
import { isAuthority } from '../handshake/authority.ts';
import {
  fieldReader,
  isHandshakeField,
  pickHandshakeFields,
} from '../handshake/handshake-fields.ts';
import { isFieldValue } from '../handshake/header-grammar.ts';
import { checkHeaders } from '../handshake/header-list.ts';
import { printResponseHead } from '../handshake/http-head-printer.ts';
import { areHostsAllowed, isOriginAllowed } from '../handshake/origin-policy.ts';
import { parseRequestTarget } from '../handshake/request-target.ts';
import {
  type AcceptedRequest,
  chooseStatus,
  isUpgradeRequest,
  type JudgeOptions,
  type RefusedRequest,
  type UpgradeRequest,
} from '../handshake/server-handshake.ts';
import type { Acceptance } from '../handshake/server-response.ts';
import { SWITCHING_PROTOCOLS } from '../handshake/start-line.ts';
import { checkChosenSubprotocol } from '../handshake/subprotocol.ts';

/** The drafts, by the names that public `version` attributes use. */
export type DraftVersion = 'hixie-75' | 'hixie-76';

/** A valid request in one of the drafts; see {@link AcceptedRequest}. */
export interface AcceptedDraft
  extends Pick<AcceptedRequest, 'accepted' | 'host' | 'resourceName' | 'origin' | 'protocols'> {
  readonly version: DraftVersion;
  /** The numbers hidden in the two keys of hixie-76, 32 bits each; undefined in hixie-75. */
  readonly keyNumbers: readonly number[] | undefined;
}

/** What the server chose. */
export interface DraftAcceptance extends Omit<Acceptance, 'extensions'> {
  /** Whether the client came through TLS: it then expects a wss URL as the location. */
  readonly isSecure: boolean;
}

const KEY_NUMBER_LAST = 0xffffffff;
/** The two key numbers, 4 bytes each. */
const KEY_NUMBERS_LENGTH = 8;
/** The key numbers, and the 8 bytes that a hixie-76 client sends after its head. */
const CHALLENGE_LENGTH = 16;

/** The fields that only the drafts have. */
const readDraftFields = fieldReader({
  key1: { name: 'sec-websocket-key1', isList: false, section: 'hybi-00 §5.2' },
  key2: { name: 'sec-websocket-key2', isList: false, section: 'hybi-00 §5.2' },
  protocol75: { name: 'websocket-protocol', isList: false, section: 'hixie-75 §4.1' },
});

/**
 * Judges a request in one of the drafts: an upgrade to WebSocket that has neither a
 * Sec-WebSocket-Version nor a Sec-WebSocket-Key. Any other is for `judgeRequest`: undefined.
 */
export function judgeDraftRequest(
  request: UpgradeRequest,
  options: JudgeOptions = {},
): AcceptedDraft | RefusedRequest | undefined {
  const fields = pickHandshakeFields(request.rawHeaders);
  const { upgrade, connection, secVersion, secKey, secProtocol, host = '', origin } = fields;
  if (!isUpgradeRequest(request.method, connection, upgrade)) return undefined;
  if (secVersion !== undefined || secKey !== undefined) return undefined;
  const { key1, key2, protocol75 } = readDraftFields(request.rawHeaders);
  const isDraft76 = key1 !== undefined || key2 !== undefined;
  const version = isDraft76 ? 'hixie-76' : 'hixie-75';
  const keyNumbers = isDraft76 ? [parseKeyNumber(key1), parseKeyNumber(key2)] : undefined;

  const errors: HandshakeError[] = [];
  const report = (code: FaultCode): void => {
    errors.push(new HandshakeError(code));
  };
  const target = parseRequestTarget(request.target);
  if (target === undefined) report('WS_HANDSHAKE_TARGET');
  if (!isAuthority(host)) report('WS_HANDSHAKE_HOST');
  else if (!areHostsAllowed([host, target?.authority], options.allowedHosts)) {
    report('WS_HANDSHAKE_HOST_REFUSED');
  }
  // The origin is sent back, so it must be a field value even if a lenient parser let it through.
  if (!isOriginAllowed(origin, options.allowedOrigins) || !isFieldValue(origin ?? '')) {
    report('WS_HANDSHAKE_ORIGIN');
  }
  if (keyNumbers?.some(Number.isNaN) === true) report('WS_HANDSHAKE_DRAFT');

  if (errors.length > 0 || target === undefined) {
    return { accepted: false, errors, status: chooseStatus(errors) };
  }
  const { resourceName, authority = host } = target;
  // The drafts separate subprotocols by spaces, clients between them and RFC 6455 by commas.
  const offers = (isDraft76 ? secProtocol : protocol75)?.split(/[ ,]/) ?? [];
  const protocols = offers.filter((protocol) => protocol !== '');
  return { accepted: true, version, host: authority, resourceName, origin, protocols, keyNumbers };
}

/**
 * The digits of a key, divided by the count of its spaces (hybi-00 §5.2, steps 4 to 7); NaN when
 * either is missing, the digits exceed 32 bits, or a remainder is left.
 */
function parseKeyNumber(key = ''): number {
  const digits = key.replace(/[^0-9]/g, '');
  const number = Number(digits) / (key.split(' ').length - 1);
  const isValid = digits !== '' && Number(digits) <= KEY_NUMBER_LAST && Number.isInteger(number);
  return isValid ? number : Number.NaN;
}

/** Accepts one request of the drafts; it is used like `ServerHandshake`. */
export class DraftHandshake {
  /** The head of the response as Latin-1 characters, to be written at once, before the answer. */
  readonly head: string;
  /** Whether the 8 bytes have come, so that the answer is known and frames may follow. */
  isComplete: boolean;
  /** The 16 bytes to write after the head; empty in hixie-75, and while they are unknown. */
  answer: Uint8Array = new Uint8Array(0);
  readonly #challenge: Uint8Array = new Uint8Array(CHALLENGE_LENGTH);
  #length = KEY_NUMBERS_LENGTH;

  /** @throws TypeError for a subprotocol that was not offered, or a header that may not be set */
  constructor(request: AcceptedDraft, acceptance: DraftAcceptance) {
    const { keyNumbers } = request;
    this.head = printDraftHead(request, acceptance);
    this.isComplete = keyNumbers === undefined;
    const view = new DataView(this.#challenge.buffer);
    for (const [index, number] of keyNumbers?.entries() ?? []) view.setUint32(index * 4, number);
  }

  /** Receives the bytes after the head. Returns how many belong to it; the rest are frames. */
  receive(bytes: Uint8Array): number {
    if (this.isComplete) return 0;
    const taken = bytes.subarray(0, CHALLENGE_LENGTH - this.#length);
    this.#challenge.set(taken, this.#length);
    this.#length += taken.length;
    if (this.#length === CHALLENGE_LENGTH) {
      this.isComplete = true;
      this.answer = createHash('md5').update(this.#challenge).digest();
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
    checkChosenSubprotocol(protocol, request.protocols);
    rawHeaders.push(`${prefix}Protocol`, protocol);
  }
  checkHeaders(headers, isHandshakeField);
  return printResponseHead(SWITCHING_PROTOCOLS, [...rawHeaders, ...headers], reason);
}
