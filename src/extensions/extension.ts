/**
 * The plug-in interface of extensions (RFC 6455 §9), as the npm package `websocket-extensions`
 * publishes it: an extension written for that package works here unchanged, on both sides.
 */

import type { ExtensionFrame, ExtensionMessage, ReservedBits } from './message.ts';

/**
 * The parameters of one offer or answer by name: true for a parameter without a value, else a
 * string or number, or an array where the header repeats the parameter.
 */
export type ExtensionParameters = { readonly [name: string]: unknown };

/** Receives a session's answer, an error or the message, within the call or later. */
export type MessageCallback = (
  error: Error | null | undefined,
  message?: ExtensionMessage | null,
) => void;

/** What one extension does with the messages of one connection. */
export interface ExtensionSession {
  /** Tells whether a data frame may have its reserved bits; by default, it may. */
  validFrameRsv?(frame: ExtensionFrame): boolean;
  /** Decodes a message. Called in the order of the messages. */
  processIncomingMessage(message: ExtensionMessage, callback: MessageCallback): void;
  /** Encodes a message. Called in the order of the messages. */
  processOutgoingMessage(message: ExtensionMessage, callback: MessageCallback): void;
  /** Frees what the session holds. Called once, perhaps before it has answered everything. */
  close(): void;
}

/** A client's session. */
export interface ClientSession extends ExtensionSession {
  /** Returns one offer, several in order of preference, or nothing to offer. */
  generateOffer(): ExtensionParameters | readonly ExtensionParameters[] | null | undefined | false;
  /** Accepts the server's answer; false when it does not fit the offer. */
  activate(parameters: ExtensionParameters): boolean;
}

/** A server's session, created for one of a client's offers. */
export interface ServerSession extends ExtensionSession {
  generateResponse(): ExtensionParameters;
}

/** An extension, with the reserved bits that it gives a meaning to. */
export interface Extension extends Readonly<ReservedBits> {
  /** The registered name, a token, such as `permessage-deflate`. */
  readonly name: string;
  /** Only 'permessage' is supported. */
  readonly type: 'permessage' | (string & {});
  createClientSession(): ClientSession | null;
  /** Creates a session for the first offer that suits; null when none does. */
  createServerSession(offers: readonly ExtensionParameters[]): ServerSession | null;
}

/** A session in use and its extension. */
export interface ActiveSession {
  readonly extension: Extension;
  readonly session: ExtensionSession;
}

/**
 * Checks that an object is an extension, where it is given and not in a handshake.
 *
 * @throws TypeError that says what is missing
 */
export function checkExtension(candidate: unknown): asserts candidate is Extension {
  const extension = candidate as Partial<Extension> | null | undefined;
  if (typeof extension !== 'object' && typeof extension !== 'function') {
    throw new TypeError('An extension must be an object');
  }
  const { name, type } = extension ?? {};
  if (typeof name !== 'string' || name === '') throw new TypeError('An extension must have a name');
  if (type !== 'permessage') {
    throw new TypeError(`The extension ${name} must be of the type "permessage"`);
  }
  for (const bit of ['rsv1', 'rsv2', 'rsv3'] as const) {
    if (typeof extension?.[bit] === 'boolean') continue;
    throw new TypeError(`The extension ${name} must say whether it uses ${bit}`);
  }
  for (const method of ['createClientSession', 'createServerSession'] as const) {
    if (typeof extension?.[method] === 'function') continue;
    throw new TypeError(`The extension ${name} must have a method ${method}`);
  }
}
