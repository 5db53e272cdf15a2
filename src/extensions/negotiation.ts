/**
 * Negotiates extensions (RFC 6455 §9.1): which are used, with which parameters, in which order.
 *
 * A server goes through its extensions in its own order and accepts the first offer that suits
 * each. Two extensions that claim the same reserved bit cannot both be used: a server skips the
 * second, a client that is told to use both fails the connection. Nothing that a peer sends makes
 * these functions throw; a plug-in that throws fails the handshake.
 */

import { HandshakeError } from '../errors.ts';
import {
  type ExtensionOffer,
  type ExtensionParam,
  serializeExtension,
} from '../handshake/extension-header.ts';
import type { ActiveSession, ClientSession, Extension, ExtensionParameters } from './extension.ts';
import { rsvOf } from './message.ts';

export interface Negotiated {
  /** In the order in which outgoing messages pass them. */
  readonly sessions: readonly ActiveSession[];
  /** The Sec-WebSocket-Extensions header of the response; '' when no extension is used. */
  readonly header: string;
}

/**
 * Chooses among a client's offers, at the server.
 *
 * @param extensions - those that the server supports, in its order
 * @returns an error when a plug-in fails, with the plug-in's as cause: answer with its status
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
      const session = extension.createServerSession(own);
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

/** Negotiates for a client: builds the offers, then checks the answers. */
export class ClientNegotiation {
  /** The Sec-WebSocket-Extensions header of the request; '' when there are none. */
  readonly header: string;
  readonly #offered: Map<string, { extension: Extension; session: ClientSession }> = new Map();

  /**
   * @param extensions - those that the client supports, best first
   * @throws HandshakeError when a plug-in fails, with the plug-in's error as cause
   */
  constructor(extensions: readonly Extension[]) {
    const offers: string[] = [];
    for (const extension of extensions) {
      try {
        const session = extension.createClientSession();
        const offer = session?.generateOffer();
        if (!session || !offer) continue;
        for (const one of [offer].flat()) offers.push(serialize(extension.name, one));
        this.#offered.set(extension.name, { extension, session });
      } catch (cause) {
        throw pluginError(extension, cause);
      }
    }
    this.header = offers.join(', ');
  }

  /**
   * Activates the extensions of the response, in its order.
   *
   * @returns the sessions, or the error that fails the connection (RFC 6455 §4.1)
   */
  activate(answers: readonly ExtensionOffer[]): readonly ActiveSession[] | HandshakeError {
    const sessions: ActiveSession[] = [];
    let claimed = 0;
    for (const answer of answers) {
      const { name } = answer;
      const offered = this.#offered.get(name);
      if (offered === undefined || sessions.includes(offered)) {
        return refuse(`${name} was not offered, or is answered twice`);
      }
      const { extension, session } = offered;
      if ((claimed & rsvOf(extension)) !== 0) {
        return refuse(`${name} uses a reserved bit that another extension has`);
      }
      claimed |= rsvOf(extension);
      try {
        if (!session.activate(toParameters(answer))) {
          return refuse(`the parameters of ${name} do not fit the offer`);
        }
      } catch (cause) {
        return pluginError(extension, cause);
      }
      sessions.push(offered);
    }
    return sessions;
  }
}

function refuse(detail: string): HandshakeError {
  return new HandshakeError('WS_RESPONSE_EXTENSIONS', { detail });
}

function pluginError({ name }: Extension, cause: unknown): HandshakeError {
  return new HandshakeError('WS_INTERNAL', { detail: `extension ${name}`, cause });
}

function toParameters(offer: ExtensionOffer): ExtensionParameters {
  const parameters = {};
  // Plug-ins call hasOwnProperty, so there is a prototype; a name defined, not assigned, cannot
  // reach it, whatever the peer sends.
  for (const [name, value] of offer.params) {
    const ordinary = { configurable: true, enumerable: true, writable: true };
    Object.defineProperty(parameters, name, { value, ...ordinary });
  }
  return parameters;
}

function serialize(name: string, parameters: ExtensionParameters): string {
  return serializeExtension(name, Object.entries(parameters) as [string, ExtensionParam][]);
}
