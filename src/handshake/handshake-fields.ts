/**
 * Picks the header fields that matter to an opening handshake out of a raw list (RFC 6455 §4.1, §4.2.1, §11.3).
 *
 * One pass: the length of a name rules out most fields before any character is compared, and no map is built. Repeated
 * fields are joined with a comma and a space (RFC 9110 §5.3): lists stay lists, and a value that may come only once is no
 * longer valid after that, so nothing but Host needs to be counted.
 *
 * Nothing is judged here.
 */

import { equalsIgnoringCase } from './header-grammar.ts';
import type { RawHeaders } from './header-list.ts';

/** The fields of a handshake, either side; each is undefined when the head has none. */
export interface HandshakeFields {
  host: string | undefined;
  hostCount: number;
  upgrade: string | undefined;
  connection: string | undefined;
  origin: string | undefined;
  contentLength: string | undefined;
  transferEncoding: string | undefined;
  secKey: string | undefined;
  secVersion: string | undefined;
  secAccept: string | undefined;
  secProtocol: string | undefined;
  secExtensions: string | undefined;
  /** Version 8's name for Origin. */
  secOrigin: string | undefined;
  /** The two keys of draft 76. */
  secKey1: string | undefined;
  secKey2: string | undefined;
  /** Draft 75's name for Sec-WebSocket-Protocol. */
  draftProtocol: string | undefined;
}

/**
 * Picks the fields of a handshake.
 *
 * @param rawHeaders - the header fields as they came
 */
export function pickHandshakeFields(rawHeaders: RawHeaders): HandshakeFields {
  const fields: HandshakeFields = {
    host: undefined,
    hostCount: 0,
    upgrade: undefined,
    connection: undefined,
    origin: undefined,
    contentLength: undefined,
    transferEncoding: undefined,
    secKey: undefined,
    secVersion: undefined,
    secAccept: undefined,
    secProtocol: undefined,
    secExtensions: undefined,
    secOrigin: undefined,
    secKey1: undefined,
    secKey2: undefined,
    draftProtocol: undefined,
  };
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    pickField(fields, rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '');
  }
  return fields;
}

function pickField(fields: HandshakeFields, name: string, value: string): void {
  switch (name.length) {
    case 4:
      if (!equalsIgnoringCase(name, 'host')) return;
      fields.host = join(fields.host, value);
      fields.hostCount++;
      return;
    case 6:
      if (equalsIgnoringCase(name, 'origin')) fields.origin = join(fields.origin, value);
      return;
    case 7:
      if (equalsIgnoringCase(name, 'upgrade')) fields.upgrade = join(fields.upgrade, value);
      return;
    case 10:
      if (equalsIgnoringCase(name, 'connection')) {
        fields.connection = join(fields.connection, value);
      }
      return;
    case 14:
      if (equalsIgnoringCase(name, 'content-length')) {
        fields.contentLength = join(fields.contentLength, value);
      }
      return;
    case 17:
      if (equalsIgnoringCase(name, 'sec-websocket-key')) {
        fields.secKey = join(fields.secKey, value);
      } else if (equalsIgnoringCase(name, 'transfer-encoding')) {
        fields.transferEncoding = join(fields.transferEncoding, value);
      }
      return;
    default:
      pickLongField(fields, name, value);
  }
}

function pickLongField(fields: HandshakeFields, name: string, value: string): void {
  switch (name.length) {
    case 18:
      if (equalsIgnoringCase(name, 'sec-websocket-key1')) {
        fields.secKey1 = join(fields.secKey1, value);
      } else if (equalsIgnoringCase(name, 'sec-websocket-key2')) {
        fields.secKey2 = join(fields.secKey2, value);
      } else if (equalsIgnoringCase(name, 'websocket-protocol')) {
        fields.draftProtocol = join(fields.draftProtocol, value);
      }
      return;
    case 20:
      if (equalsIgnoringCase(name, 'sec-websocket-accept')) {
        fields.secAccept = join(fields.secAccept, value);
      } else if (equalsIgnoringCase(name, 'sec-websocket-origin')) {
        fields.secOrigin = join(fields.secOrigin, value);
      }
      return;
    case 21:
      if (equalsIgnoringCase(name, 'sec-websocket-version')) {
        fields.secVersion = join(fields.secVersion, value);
      }
      return;
    case 22:
      if (equalsIgnoringCase(name, 'sec-websocket-protocol')) {
        fields.secProtocol = join(fields.secProtocol, value);
      }
      return;
    case 24:
      if (equalsIgnoringCase(name, 'sec-websocket-extensions')) {
        fields.secExtensions = join(fields.secExtensions, value);
      }
      return;
  }
}

function join(former: string | undefined, value: string): string {
  return former === undefined ? value : `${former}, ${value}`;
}
