/**
 * The parameters of permessage-deflate (RFC 7692 §7.1): which offers and answers are valid, and
 * what they lead to. Everything here judges a peer's input, so nothing throws: an invalid offer is
 * skipped, and an invalid answer fails the handshake.
 */

import type { ExtensionParameters } from '../extension.ts';
import { MAX_WINDOW_BITS, type ResolvedOptions } from './options.ts';

/** What one end asks for, of its own compressor and of the peer's. */
export type DeflateWishes = Pick<
  ResolvedOptions,
  | 'noContextTakeover'
  | 'maxWindowBits'
  | 'offerMaxWindowBits'
  | 'requestNoContextTakeover'
  | 'requestMaxWindowBits'
>;

/** The parameters in force, as one end sees them. */
export interface DeflateAgreement {
  readonly ownNoContextTakeover: boolean;
  readonly ownWindowBits: number;
  readonly peerNoContextTakeover: boolean;
  readonly peerWindowBits: number;
}

interface ValidParameters extends ExtensionParameters {
  readonly server_no_context_takeover?: true;
  readonly client_no_context_takeover?: true;
  readonly server_max_window_bits?: number;
  /** True in an offer without a value: the client accepts any. */
  readonly client_max_window_bits?: number | true;
}

/** Only numbers: the header parser makes one of an integer without leading zeros. */
const WINDOW_BITS = [8, 9, 10, 11, 12, 13, 14, 15];

/** The values that each parameter may have. */
const VALUES: ReadonlyMap<string, readonly unknown[]> = new Map<string, readonly unknown[]>([
  ['server_no_context_takeover', [true]],
  ['client_no_context_takeover', [true]],
  ['server_max_window_bits', WINDOW_BITS],
  ['client_max_window_bits', [true, ...WINDOW_BITS]],
]);

/** An unknown or repeated parameter or a wrong value makes an offer or answer invalid (§7.1). */
function areValid(parameters: ExtensionParameters): parameters is ValidParameters {
  return Object.entries(parameters).every(([name, value]) => VALUES.get(name)?.includes(value));
}

/** A server's answer to an offer, and the parameters that it puts in force. */
export interface ServerAnswer {
  readonly parameters: ExtensionParameters;
  readonly agreement: DeflateAgreement;
}

/** Answers the first of a client's offers that is valid (RFC 7692 §5.1); undefined when none is. */
export function answerOffers(
  offers: readonly ExtensionParameters[],
  wishes: DeflateWishes,
): ServerAnswer | undefined {
  const offer = offers.find(areValid);
  if (offer === undefined) return undefined;
  const parameters: Record<string, number | true> = {};
  const ownNoContextTakeover = offer.server_no_context_takeover ?? wishes.noContextTakeover;
  const peerNoContextTakeover = offer.client_no_context_takeover ?? wishes.requestNoContextTakeover;
  if (ownNoContextTakeover) parameters['server_no_context_takeover'] = true;
  if (peerNoContextTakeover) parameters['client_no_context_takeover'] = true;

  const { server_max_window_bits: ownLimit, client_max_window_bits: peerLimit } = offer;
  const ownWindowBits = Math.min(ownLimit ?? MAX_WINDOW_BITS, wishes.maxWindowBits);
  if (ownLimit !== undefined || ownWindowBits < MAX_WINDOW_BITS) {
    parameters['server_max_window_bits'] = ownWindowBits;
  }
  // RFC 7692 §7.1.2.2: only a client that offers the parameter may be given a value.
  let peerWindowBits = MAX_WINDOW_BITS;
  if (peerLimit !== undefined) {
    const offered = peerLimit === true ? MAX_WINDOW_BITS : peerLimit;
    peerWindowBits = Math.min(offered, wishes.requestMaxWindowBits);
    if (peerWindowBits < MAX_WINDOW_BITS) parameters['client_max_window_bits'] = peerWindowBits;
  }
  return {
    parameters,
    agreement: { ownNoContextTakeover, ownWindowBits, peerNoContextTakeover, peerWindowBits },
  };
}

/**
 * Builds a client's offers, best first. A client that asks the server for a parameter sends two:
 * with it, and without it as a fallback (RFC 7692 §5.2), since any compression beats none.
 */
export function buildOffers(wishes: DeflateWishes): readonly ExtensionParameters[] {
  const { maxWindowBits } = wishes;
  const own: Record<string, number | true> = {};
  if (wishes.offerMaxWindowBits) {
    own['client_max_window_bits'] = maxWindowBits < MAX_WINDOW_BITS ? maxWindowBits : true;
  }
  if (wishes.noContextTakeover) own['client_no_context_takeover'] = true;
  const requests: Record<string, number | true> = {};
  if (wishes.requestNoContextTakeover) requests['server_no_context_takeover'] = true;
  if (wishes.requestMaxWindowBits < MAX_WINDOW_BITS) {
    requests['server_max_window_bits'] = wishes.requestMaxWindowBits;
  }
  return Object.keys(requests).length === 0 ? [own] : [{ ...own, ...requests }, own];
}

/** Reads a server's answer to {@link buildOffers} (RFC 7692 §7.1); undefined when it is invalid. */
export function readAnswer(
  answer: ExtensionParameters,
  wishes: DeflateWishes,
): DeflateAgreement | undefined {
  if (!areValid(answer)) return undefined;
  // RFC 7692 §7.1.2.2: only where it was offered, with a value, and none larger than offered.
  const isChosen = answer.client_max_window_bits !== undefined;
  if (isChosen && !wishes.offerMaxWindowBits) return undefined;
  const { client_max_window_bits: ownWindowBits = wishes.maxWindowBits } = answer;
  if (ownWindowBits === true || ownWindowBits > wishes.maxWindowBits) return undefined;
  return {
    ownNoContextTakeover: answer.client_no_context_takeover ?? wishes.noContextTakeover,
    ownWindowBits,
    peerNoContextTakeover: answer.server_no_context_takeover ?? false,
    peerWindowBits: answer.server_max_window_bits ?? MAX_WINDOW_BITS,
  };
}
