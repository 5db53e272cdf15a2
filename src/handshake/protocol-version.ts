/**
 * The protocol versions that share the framing of RFC 6455 (RFC 6455 §4.1 item 9, §4.4, §11.6): 13
 * is RFC 6455, 8 is hybi-08 to hybi-12, which has another name for the Origin header only.
 */

/** A protocol version as Sec-WebSocket-Version gives it. */
export type ProtocolVersion = 13 | 8;

/** The version that a client requests by default. */
export const DEFAULT_VERSION: ProtocolVersion = 13;

/** What a server answers to any other version, best first (RFC 6455 §4.4). */
export const SUPPORTED_VERSIONS = '13, 8';

/** Parses Sec-WebSocket-Version; undefined when it is missing, repeated or not supported. */
export function parseVersion(value: string | undefined): ProtocolVersion | undefined {
  if (value === '13') return 13;
  return value === '8' ? 8 : undefined;
}

/** Names the header that carries the Origin in a version (RFC 6455 §11.3; hybi-08 §5.2.2). */
export function originHeaderOf(version: ProtocolVersion): 'Origin' | 'Sec-WebSocket-Origin' {
  return version === 8 ? 'Sec-WebSocket-Origin' : 'Origin';
}
