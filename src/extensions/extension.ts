/**
 * The plug-in interface of extensions (RFC 6455 §9), as the npm package `websocket-extensions` publishes it: an extension
 * written for that package works here unchanged, on both sides.
 *
 * Parameters are plain objects here, because plug-ins expect them: true for a parameter without a value, a number or a
 * string, an array where the header repeats one.
 */

import type { ExtensionFrame, ExtensionMessage } from './message.ts';

/** The parameters of one offer or answer, by name. */
export type ExtensionParameters = { readonly [name: string]: unknown };

/** Answers a session's caller: an error, or the message. It may be called at once or later. */
export type MessageCallback = (
  error: Error | null | undefined,
  message?: ExtensionMessage | null,
) => void;

/** What one connection does with its messages by one extension. */
export interface ExtensionSession {
  /** Tells whether the reserved bits of a data frame are as the extension sets them; without it, all of its own may be. */
  validFrameRsv?(frame: ExtensionFrame): boolean;
  /** Undoes what the peer's session did to a message. Called in the order of the messages. */
  processIncomingMessage(message: ExtensionMessage, callback: MessageCallback): void;
  /** Does to a message what the peer's session undoes. Called in the order of the messages. */
  processOutgoingMessage(message: ExtensionMessage, callback: MessageCallback): void;
  /** Frees what the session holds. Called once, when no message is being processed any more. */
  close(): void;
}

/** A client's session: it offers, and learns what the server made of the offer. */
export interface ClientSession extends ExtensionSession {
  /** Returns one offer, several in order of preference, or nothing to offer. */
  generateOffer(): ExtensionParameters | readonly ExtensionParameters[] | null | undefined | false;
  /** Takes the server's answer; false when it does not fit the offer. */
  activate(parameters: ExtensionParameters): boolean;
}

/** A server's session, made for one of a client's offers: it says which, and how. */
export interface ServerSession extends ExtensionSession {
  generateResponse(): ExtensionParameters;
}

/** An extension. */
export interface Extension {
  /** The registered name, a token, such as `permessage-deflate`. */
  readonly name: string;
  /** What it works on; only whole messages are known. */
  readonly type: 'permessage' | (string & {});
  /** The reserved bits that it gives a meaning to. */
  readonly rsv1: boolean;
  readonly rsv2: boolean;
  readonly rsv3: boolean;
  createClientSession(): ClientSession | null;
  /** Makes a session for the first of a client's offers that suits; null when none does. */
  createServerSession(offers: readonly ExtensionParameters[]): ServerSession | null;
}

/** A session in use, with the extension that it is of. */
export interface ActiveSession {
  readonly extension: Extension;
  readonly session: ExtensionSession;
}

/**
 * Checks that an object is an extension, so that a wrong one is refused where it is given and not in a handshake.
 *
 * @throws TypeError that says what is missing
 */
export function checkExtension(candidate: unknown): asserts candidate is Extension {
  const extension = candidate as Partial<Extension> | null | undefined;
  if (typeof extension !== 'object' && typeof extension !== 'function') {
    throw new TypeError('An extension must be an object');
  }
  if (extension === null || typeof extension.name !== 'string' || extension.name === '') {
    throw new TypeError('An extension must have a name');
  }
  if (extension.type !== 'permessage') {
    throw new TypeError(`The extension ${extension.name} must be of the type "permessage"`);
  }
  for (const bit of ['rsv1', 'rsv2', 'rsv3'] as const) {
    if (typeof extension[bit] !== 'boolean') {
      throw new TypeError(`The extension ${extension.name} must say whether it uses ${bit}`);
    }
  }
  for (const method of ['createClientSession', 'createServerSession'] as const) {
    if (typeof extension[method] !== 'function') {
      throw new TypeError(`The extension ${extension.name} must have a method ${method}`);
    }
  }
}
