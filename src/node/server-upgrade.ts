/**
 * Converts the request of an upgrade for the core, and refuses what the core refused.
 *
 * A request is what the peer sent and what the application made of it: programs edit `headers` and
 * rewrite `url`, give `rawHeaders` as pairs, or make a whole request up. `headers` counts where it
 * differs from `rawHeaders`, which alone shows that a field was repeated.
 */

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  HANDSHAKE_FIELDS,
  type HandshakeFields,
  pickHandshakeFields,
} from '../handshake/handshake-fields.ts';
import { dropHeader, findHeader, type RawHeaders } from '../handshake/header-list.ts';
import type { UpgradeRequest } from '../handshake/server-handshake.ts';
import { buildRefusal, type Refusal } from '../handshake/server-response.ts';

/** A request of node:http, or what an application made up in place of one. */
export type PartialRequest = Partial<IncomingMessage> & Pick<IncomingMessage, 'headers'>;

/** The targets that node:http lets through: any other was written by the application. */
const TARGET_OF_PEER = /^(?:\/|\*|[a-z]+:\/\/)[\x21-\x7e]*$/i;

export function toUpgradeRequest(request: PartialRequest): UpgradeRequest {
  const { url = '' } = request;
  return {
    method: request.method ?? '',
    target: TARGET_OF_PEER.test(url) ? url : '/',
    httpVersionMajor: request.httpVersionMajor ?? 1,
    httpVersionMinor: request.httpVersionMinor ?? 1,
    rawHeaders: headersOf(request),
  };
}

function headersOf({ headers, rawHeaders = [] }: PartialRequest): RawHeaders {
  const isPaired = Array.isArray(rawHeaders?.[0]);
  const sent: RawHeaders = isPaired ? rawHeaders.flat() : (rawHeaders ?? []);
  return sent.length > 0 ? applyEdits(sent, headers) : madeUpHeaders(headers);
}

/** A request that was made up need not have what only a peer's must. */
function madeUpHeaders(headers: IncomingMessage['headers']): RawHeaders {
  const list = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined || value === null ? [] : [name, String(value)],
  );
  // It may stand for a stream of HTTP/2 (RFC 9113 §8.3.1).
  const host = String(headers[':authority'] ?? 'localhost');
  if (findHeader(list, 'host') === undefined) list.push('Host', host);
  if (findHeader(list, 'connection') === undefined) list.push('Connection', 'Upgrade');
  return list;
}

type FieldKey = keyof HandshakeFields;
const FIELDS = Object.entries(HANDSHAKE_FIELDS) as [FieldKey, { name: string; isList: boolean }][];

/** Fields that say how the request came, which no edit changes. */
const OF_MESSAGE: readonly FieldKey[] = ['connection', 'contentLength', 'transferEncoding'];

/** Replaces the fields of the handshake that the application has changed. */
function applyEdits(sent: RawHeaders, headers: IncomingMessage['headers']): RawHeaders {
  const fields = pickHandshakeFields(sent);
  let result = sent;
  for (const [key, { name, isList }] of FIELDS) {
    const former = fields[key];
    const value = headers[name] ?? undefined;
    const text = value === undefined ? undefined : String(value);
    if (text === former) continue;
    if (former !== undefined) {
      if (OF_MESSAGE.includes(key)) continue;
      // Which host was asked for stays known, also where a proxy has removed it.
      if (text === undefined && key === 'host') continue;
      // Of a repeated field that is no list, node:http keeps the first: that is no edit.
      if (text !== undefined && !isList && former.startsWith(`${text}, `)) continue;
    }
    result = [...dropHeader(result, name), ...(text === undefined ? [] : [name, text])];
  }
  return result;
}

/** Refuses an upgrade, and ends the socket. A refused verdict is a refusal. */
export function refuseUpgrade(socket: Duplex, refusal: Refusal): void {
  // The peer may be gone, which changes nothing.
  socket.on('error', () => socket.destroy());
  socket.once('finish', () => socket.destroy());
  socket.end(buildRefusal(refusal), 'latin1');
}
