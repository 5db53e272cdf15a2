/**
 * Connections with extensions, in memory, which a client and a server have negotiated.
 */

import { Connection } from '../../src/connection/connection.ts';
import type { ConnectionOptions, Role } from '../../src/connection/options.ts';
import { STREAMED } from '../../src/connection/sink.ts';
import type { ActiveSession, Extension } from '../../src/extensions/extension.ts';
import {
  ClientNegotiation,
  type Negotiated,
  negotiateAsServer,
} from '../../src/extensions/negotiation.ts';
import type { DeflateCodec } from '../../src/extensions/permessage-deflate/codec.ts';
import {
  createPermessageDeflate,
  type DeflateExtension,
} from '../../src/extensions/permessage-deflate/extension.ts';
import { type ExtensionOffer, parseExtensions } from '../../src/handshake/extension-header.ts';
import { nodePlatform } from '../../src/node/node-platform.ts';
import type { Platform } from '../../src/platform.ts';
import { type FrameSpec, frameTo, type ReadFrame, readFrames } from '../support/frames.ts';
import { concat } from '../support/hex.ts';
import { takeBytes } from '../support/recorded-connection.ts';
import { RecordingHandler } from '../support/recording-handler.ts';

/** RSV1 as the builder and the reader of test frames have it. */
export const RSV1 = 4;
export const RSV2 = 2;
export const RSV3 = 1;

/** A connection, and what it told. */
export interface Extended {
  readonly connection: Connection;
  readonly handler: RecordingHandler;
}

export type ExtendedOptions = Partial<Omit<ConnectionOptions, 'role' | 'handler' | 'sessions'>> & {
  readonly isStreaming?: boolean;
};

/** Parses a header that the test knows to be well-formed. */
export function offersOf(header: string): ExtensionOffer[] {
  if (header === '') return [];
  const offers = parseExtensions(header);
  if (typeof offers === 'string') throw new Error(`Not a header: ${header}`);
  return offers;
}

/** What both ends came to. */
export interface Agreed {
  readonly offer: string;
  readonly answer: string;
  readonly client: readonly ActiveSession[];
  readonly server: readonly ActiveSession[];
}

/** Negotiates as a server does; throws when a plug-in fails. */
export function negotiate(
  extensions: readonly Extension[],
  offers: readonly ExtensionOffer[],
): Negotiated {
  const negotiated = negotiateAsServer(extensions, offers);
  if (negotiated instanceof Error) throw negotiated;
  return negotiated;
}

/** Negotiates as two ends do; throws when either fails the handshake. */
export function agree(client: readonly Extension[], server: readonly Extension[]): Agreed {
  const negotiation = new ClientNegotiation(client);
  const negotiated = negotiate(server, offersOf(negotiation.header));
  const activated = negotiation.activate(offersOf(negotiated.header));
  if (activated instanceof Error) throw activated;
  return {
    offer: negotiation.header,
    answer: negotiated.header,
    client: activated,
    server: negotiated.sessions,
  };
}

export function extendedConnection(
  role: Role,
  sessions: readonly ActiveSession[],
  options: ExtendedOptions = {},
): Extended {
  const { isStreaming = false, ...rest } = options;
  const handler = new RecordingHandler();
  const connection = new Connection({ platform: nodePlatform, ...rest, role, handler, sessions });
  if (isStreaming) connection.sink = STREAMED;
  return { connection, handler };
}

/** Two connections that negotiated with each other. */
export interface ExtendedPair extends Agreed {
  readonly near: Extended;
  readonly far: Extended;
}

export interface PairSettings {
  /** The role of the near end. */
  readonly role?: Role;
  readonly client: readonly Extension[];
  readonly server: readonly Extension[];
  readonly near?: ExtendedOptions;
  readonly far?: ExtendedOptions;
}

export function otherRole(role: Role): Role {
  return role === 'client' ? 'server' : 'client';
}

export function extendedPair(settings: PairSettings): ExtendedPair {
  const { role = 'server' } = settings;
  const agreed = agree(settings.client, settings.server);
  const far = otherRole(role);
  return {
    ...agreed,
    near: extendedConnection(role, agreed[role], settings.near),
    far: extendedConnection(far, agreed[far], settings.far),
  };
}

/** Carries what either end has to say to the other, until both are silent. */
export function shuttle(pair: ExtendedPair): void {
  const { near, far } = pair;
  while (near.connection.hasOutput || far.connection.hasOutput) {
    far.connection.receive(takeBytes(near.connection));
    near.connection.receive(takeBytes(far.connection));
  }
}

/** Takes the frames that a connection wants sent. */
export function takeRawFrames(connection: Connection): ReadFrame[] {
  return readFrames(takeBytes(connection));
}

/** permessage-deflate with contexts of its own, which no other test shares. */
export function ownDeflate(
  codec: DeflateCodec,
  platform: Platform = nodePlatform,
): DeflateExtension {
  return createPermessageDeflate(platform, codec);
}

/** The frames of a compressed message, one for each piece of its payload; RSV1 on the first. */
export function compressedFrames(
  role: Role,
  opcode: 'text' | 'binary',
  pieces: readonly Uint8Array[],
  between: readonly FrameSpec[] = [],
): Uint8Array {
  const frames = pieces.flatMap((payload, index) => {
    const isFirst = index === 0;
    const frame = frameTo(role, {
      opcode: isFirst ? opcode : 'continuation',
      rsv: isFirst ? RSV1 : 0,
      fin: index === pieces.length - 1,
      payload,
    });
    return isFirst ? [frame] : [...between.map((spec) => frameTo(role, spec)), frame];
  });
  return concat(frames);
}
