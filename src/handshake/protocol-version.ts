/**
 * The versions of the protocol that share the framing of RFC 6455 (RFC 6455 §4.1 item 9, §4.4, §11.6).
 *
 * 13 is RFC 6455. 8 is draft-ietf-hybi-thewebsocketprotocol-08 to -12, the same on the wire but for one header: there the
 * Origin is called Sec-WebSocket-Origin. The versions before are in `draft-handshake.ts`.
 */

/** A protocol version as Sec-WebSocket-Version gives it. */
export type ProtocolVersion = 13 | 8;

/** The version that a client asks for unless told otherwise. */
export const DEFAULT_VERSION: ProtocolVersion = 13;

/** What a server answers to any other version, best first (RFC 6455 §4.4). */
export const SUPPORTED_VERSIONS = '13, 8';

/**
 * Parses a Sec-WebSocket-Version header.
 *
 * @returns the version, or undefined when it is missing, repeated or not supported
 */
export function parseVersion(value: string | undefined): ProtocolVersion | undefined {
  if (value === '13') return 13;
  return value === '8' ? 8 : undefined;
}

/** Names the header that carries the Origin in a version (RFC 6455 §11.3; hybi-08 §5.2.2). */
export function originHeaderOf(version: ProtocolVersion): 'Origin' | 'Sec-WebSocket-Origin' {
  return version === 8 ? 'Sec-WebSocket-Origin' : 'Origin';
}
