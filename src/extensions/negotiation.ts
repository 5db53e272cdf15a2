/**
 * The negotiation of extensions (RFC 6455 §9.1): which are used on a connection, with which parameters, in which order.
 *
 * A server goes through its extensions in its own order and takes for each the first offer that suits. Two extensions
 * that claim the same reserved bit cannot both be used: a server passes the second over, a client that is told to use
 * both fails the connection. Nothing that a peer sends makes these functions throw; a plug-in that throws is an error of
 * the handshake.
 */

import { HandshakeError } from '../errors.ts';
import { RSV1, RSV2, RSV3 } from '../frame/frame-header.ts';
import {
  type ExtensionOffer,
  type ExtensionParam,
  serializeExtension,
} from '../handshake/extension-header.ts';
import type {
  ActiveSession,
  ClientSession,
  Extension,
  ExtensionParameters,
  ServerSession,
} from './extension.ts';

/** What was agreed on. */
export interface Negotiated {
  /** The sessions, in the order in which outgoing messages pass them. */
  readonly sessions: readonly ActiveSession[];
  /** The Sec-WebSocket-Extensions header of the answer; '' when no extension is used. */
  readonly header: string;
}

/** Returns the reserved bits of an extension, where they stand in byte 0 of a frame. */
export function rsvOf(extension: Extension): number {
  return (extension.rsv1 ? RSV1 : 0) | (extension.rsv2 ? RSV2 : 0) | (extension.rsv3 ? RSV3 : 0);
}

/**
 * Chooses among a client's offers, at the server.
 *
 * @param extensions - what the server supports, in its order
 * @param offers - the client's offers, in the client's order
 * @returns what was agreed on, or an error with the plug-in's as cause, when a plug-in fails: answer with its status
 */
export function negotiateAsServer(
  extensions: readonly Extension[],
  offers: readonly ExtensionOffer[],
): Negotiated | HandshakeError {
  const sessions: ActiveSession[] = [];
  const answers: string[] = [];
  let claimed = 0;
  for (const extension of extensions) {
    const own = offers.filter(({ name }) => name === extension.name).map(toParameters);
    if (own.length === 0 || (claimed & rsvOf(extension)) !== 0) continue;
    try {
      const session: ServerSession | null = extension.createServerSession(own);
      if (!session) continue;
      answers.push(serialize(extension.name, session.generateResponse()));
      sessions.push({ extension, session });
      claimed |= rsvOf(extension);
    } catch (cause) {
      return pluginError(extension, cause);
    }
  }
  return { sessions, header: answers.join(', ') };
}

/** A client's side of the negotiation: makes the offer, then takes the answer. */
export class ClientNegotiation {
  /** The Sec-WebSocket-Extensions header of the request; '' for no offer. */
  readonly header: string;
  readonly #offered: Map<string, { extension: Extension; session: ClientSession }> = new Map();

  /**
   * @param extensions - what the client supports, in its order of preference
   * @throws HandshakeError with the plug-in's error as cause, when a plug-in fails
   */
  constructor(extensions: readonly Extension[]) {
    const offers: string[] = [];
    for (const extension of extensions) {
      try {
        const session = extension.createClientSession();
        const offer = session?.generateOffer();
        if (!session || !offer) continue;
        const alternatives = isList(offer) ? offer : [offer];
        for (const one of alternatives) offers.push(serialize(extension.name, one));
        this.#offered.set(extension.name, { extension, session });
      } catch (cause) {
        throw pluginError(extension, cause);
      }
    }
    this.header = offers.join(', ');
  }

  /**
   * Takes the server's answer.
   *
   * @param answers - the extensions of the response, in its order
   * @returns the sessions, or the error that fails the connection (RFC 6455 §4.1)
   */
  activate(answers: readonly ExtensionOffer[]): readonly ActiveSession[] | HandshakeError {
    const sessions: ActiveSession[] = [];
    let claimed = 0;
    for (const answer of answers) {
      const offered = this.#offered.get(answer.name);
      if (offered === undefined || sessions.some(({ session }) => session === offered.session)) {
        return refuse(`${answer.name} was not offered, or is answered twice`);
      }
      const bits = rsvOf(offered.extension);
      if ((claimed & bits) !== 0) {
        return refuse(`${answer.name} uses a reserved bit that another extension has`);
      }
      claimed |= bits;
      try {
        if (!offered.session.activate(toParameters(answer))) {
          return refuse(`the parameters of ${answer.name} do not fit the offer`);
        }
      } catch (cause) {
        return pluginError(offered.extension, cause);
      }
      sessions.push(offered);
    }
    return sessions;
  }
}

function refuse(detail: string): HandshakeError {
  return new HandshakeError('WS_RESPONSE_EXTENSIONS', { detail });
}

function pluginError(extension: Extension, cause: unknown): HandshakeError {
  return new HandshakeError('WS_INTERNAL', { detail: `extension ${extension.name}`, cause });
}

function isList(
  offer: ExtensionParameters | readonly ExtensionParameters[],
): offer is readonly ExtensionParameters[] {
  return Array.isArray(offer);
}

function toParameters(offer: ExtensionOffer): ExtensionParameters {
  const parameters = {};
  // Plug-ins call hasOwnProperty, so the object has a prototype; defined, not assigned, no name a peer sends reaches it.
  for (const [name, value] of offer.params) {
    Object.defineProperty(parameters, name, {
      value,
      configurable: true,
      enumerable: true,
      writable: true,
    });
  }
  return parameters;
}

function serialize(name: string, parameters: ExtensionParameters): string {
  return serializeExtension(name, Object.entries(parameters) as [string, ExtensionParam][]);
}
