/**
 * The parameters of permessage-deflate (RFC 7692 §7.1): which offers and answers are valid, and what follows from them.
 *
 * Everything here judges what a peer sent, so nothing throws: an offer that breaks a rule is passed over, an answer that
 * breaks one fails the handshake.
 */

import type { ExtensionParameters } from '../extension.ts';

/** The smallest window of RFC 7692 §7.1.2; zlib compresses with no less than 9 (see session.ts). */
export const MIN_WINDOW_BITS = 8;
export const MAX_WINDOW_BITS = 15;

/** What one end wishes for. */
export interface DeflateWishes {
  /** Our compressor forgets between messages. */
  readonly noContextTakeover: boolean;
  /** The largest window of our compressor, 8 to 15. */
  readonly maxWindowBits: number;
  /** Ask the peer's compressor to forget between messages. */
  readonly requestNoContextTakeover: boolean;
  /** Ask the peer's compressor for a window of at most this, 8 to 15. */
  readonly requestMaxWindowBits: number;
}

/** What was agreed on, as one end sees it. */
export interface DeflateAgreement {
  readonly ownNoContextTakeover: boolean;
  readonly ownWindowBits: number;
  readonly peerNoContextTakeover: boolean;
  readonly peerWindowBits: number;
}

/** The parameters that were read: undefined for those that were not given. */
interface Parameters {
  readonly serverNoContextTakeover: boolean;
  readonly clientNoContextTakeover: boolean;
  readonly serverMaxWindowBits: number | undefined;
  /** True for an offer without a value: the client can be told any. */
  readonly clientMaxWindowBits: number | true | undefined;
}

/**
 * Reads the parameters of an offer or an answer.
 *
 * @returns undefined when one is unknown, repeated, or has a value that RFC 7692 §7.1 does not allow
 */
function readParameters(parameters: ExtensionParameters): Parameters | undefined {
  let serverNoContextTakeover = false;
  let clientNoContextTakeover = false;
  let serverMaxWindowBits: number | undefined;
  let clientMaxWindowBits: number | true | undefined;
  for (const [name, value] of Object.entries(parameters)) {
    if (name === 'server_no_context_takeover' && value === true) serverNoContextTakeover = true;
    else if (name === 'client_no_context_takeover' && value === true) {
      clientNoContextTakeover = true;
    } else if (name === 'server_max_window_bits' && isWindowBits(value)) {
      serverMaxWindowBits = value;
    } else if (name === 'client_max_window_bits' && (value === true || isWindowBits(value))) {
      clientMaxWindowBits = value;
    } else return undefined;
  }
  return {
    serverNoContextTakeover,
    clientNoContextTakeover,
    serverMaxWindowBits,
    clientMaxWindowBits,
  };
}

/** A decimal integer of 8 to 15 without leading zeros: the header parser leaves everything else a string. */
function isWindowBits(value: unknown): value is number {
  return (
    Number.isInteger(value) && Number(value) >= MIN_WINDOW_BITS && Number(value) <= MAX_WINDOW_BITS
  );
}

/** A server's answer to an offer, and what follows for it. */
export interface ServerAnswer {
  readonly parameters: ExtensionParameters;
  readonly agreement: DeflateAgreement;
}

/**
 * Answers the first of a client's offers that is valid (RFC 7692 §5.1).
 *
 * @returns undefined when none is: compression is then not used
 */
export function answerOffers(
  offers: readonly ExtensionParameters[],
  wishes: DeflateWishes,
): ServerAnswer | undefined {
  for (const candidate of offers) {
    const offer = readParameters(candidate);
    if (offer !== undefined) return answerOffer(offer, wishes);
  }
  return undefined;
}

function answerOffer(offer: Parameters, wishes: DeflateWishes): ServerAnswer {
  const parameters: Record<string, number | true> = {};
  const ownNoContextTakeover = offer.serverNoContextTakeover || wishes.noContextTakeover;
  const peerNoContextTakeover = offer.clientNoContextTakeover || wishes.requestNoContextTakeover;
  if (ownNoContextTakeover) parameters['server_no_context_takeover'] = true;
  if (peerNoContextTakeover) parameters['client_no_context_takeover'] = true;

  const ownWindowBits = Math.min(
    offer.serverMaxWindowBits ?? MAX_WINDOW_BITS,
    wishes.maxWindowBits,
  );
  if (offer.serverMaxWindowBits !== undefined || ownWindowBits < MAX_WINDOW_BITS) {
    parameters['server_max_window_bits'] = ownWindowBits;
  }
  // RFC 7692 §7.1.2.2: only a client that offers the parameter may be told a value.
  let peerWindowBits = MAX_WINDOW_BITS;
  if (offer.clientMaxWindowBits !== undefined) {
    const offered =
      offer.clientMaxWindowBits === true ? MAX_WINDOW_BITS : offer.clientMaxWindowBits;
    peerWindowBits = Math.min(offered, wishes.requestMaxWindowBits);
    if (peerWindowBits < MAX_WINDOW_BITS) parameters['client_max_window_bits'] = peerWindowBits;
  }
  return {
    parameters,
    agreement: { ownNoContextTakeover, ownWindowBits, peerNoContextTakeover, peerWindowBits },
  };
}

/**
 * Makes a client's offers, best first: with what it asks of the server, and without, for a server that cannot do that
 * (RFC 7692 §5.2 has such a fallback). Compression without the wish beats none.
 */
export function buildOffers(wishes: DeflateWishes): readonly ExtensionParameters[] {
  const own: Record<string, number | true> = {
    client_max_window_bits: wishes.maxWindowBits < MAX_WINDOW_BITS ? wishes.maxWindowBits : true,
  };
  if (wishes.noContextTakeover) own['client_no_context_takeover'] = true;
  const requests: Record<string, number | true> = {};
  if (wishes.requestNoContextTakeover) requests['server_no_context_takeover'] = true;
  if (wishes.requestMaxWindowBits < MAX_WINDOW_BITS) {
    requests['server_max_window_bits'] = wishes.requestMaxWindowBits;
  }
  return Object.keys(requests).length === 0 ? [own] : [{ ...own, ...requests }, own];
}

/**
 * Takes a server's answer to {@link buildOffers} (RFC 7692 §7.1).
 *
 * @returns undefined when the answer is not valid
 */
export function readAnswer(
  answer: ExtensionParameters,
  wishes: DeflateWishes,
): DeflateAgreement | undefined {
  const read = readParameters(answer);
  if (read === undefined || read.clientMaxWindowBits === true) return undefined;
  const { clientMaxWindowBits = wishes.maxWindowBits } = read;
  // RFC 7692 §7.1.2.2: the server cannot allow a larger window than the client offered.
  if (clientMaxWindowBits > wishes.maxWindowBits) return undefined;
  return {
    ownNoContextTakeover: read.clientNoContextTakeover || wishes.noContextTakeover,
    ownWindowBits: clientMaxWindowBits,
    peerNoContextTakeover: read.serverNoContextTakeover,
    peerWindowBits: read.serverMaxWindowBits ?? MAX_WINDOW_BITS,
  };
}
