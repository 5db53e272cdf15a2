/**
 * What a server decides about a valid request: whether its compression offers suit, and whether
 * `verifyClient` accepts it. That callback has a deadline, and counts once.
 */

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { isSecure } from '../../api/event-source-http.ts';
import type { DeflateExtension } from '../../api/permessage-deflate.ts';
import type { Negotiated } from '../../extensions/negotiation.ts';
import { type ExtensionParam, serializeExtension } from '../../handshake/extension-header.ts';
import type { RequestVerdict } from '../../handshake/server-handshake.ts';
import { filterOffers } from './deflate-options.ts';
import { readWsLimit, type ServerOptions } from './options.ts';
import { refuse } from './server-handshake.ts';
import type { ClientInfo, VerifyClientCallbackAsync, VerifyClientCallbackSync } from './types.ts';

const NO_EXTENSIONS: Negotiated = { sessions: [], header: '' };
const UNAUTHORIZED = 401;
const REQUEST_TIMEOUT = 408;

/**
 * Negotiates permessage-deflate; returns an error when no offer can be accepted.
 *
 * @param deflate - the extension; undefined when it is off
 * @param options - the options that it was made of
 */
export function negotiateDeflate(
  deflate: DeflateExtension | undefined,
  options: ServerOptions['perMessageDeflate'],
  verdict: RequestVerdict,
): Negotiated | Error {
  if (deflate === undefined || !verdict.accepted) return NO_EXTENSIONS;
  const { name } = deflate;
  const offers = verdict.extensions.filter((offer) => offer.name === name);
  if (offers.length === 0) return NO_EXTENSIONS;
  const acceptable = filterOffers(
    offers.map(({ params }) => Object.fromEntries(params)),
    typeof options === 'object' ? options : {},
  );
  if (typeof acceptable === 'string') return new Error(`${name}: ${acceptable}`);
  const session = deflate.createServerSession(acceptable);
  if (session === null) return new Error(`${name}: none of the offers can be accepted`);
  const answer = Object.entries(session.generateResponse()) as [string, ExtensionParam][];
  return {
    sessions: [{ extension: deflate, session }],
    header: serializeExtension(name, answer),
  };
}

type Admission = Pick<ServerOptions, 'handshakeTimeout'> & { readonly verifyClient?: unknown };

/** Asks `verifyClient`, if any; refuses the request, or calls `accept` once, now or later. */
export function verifyRequest(
  options: Admission,
  request: IncomingMessage,
  socket: Duplex,
  accept: () => void,
): void {
  const verifyClient = options.verifyClient as
    | VerifyClientCallbackAsync
    | VerifyClientCallbackSync
    | null
    | undefined;
  if (!verifyClient) {
    accept();
    return;
  }
  let isAnswered = false;
  let deadline: NodeJS.Timeout | undefined;
  const answer: Parameters<VerifyClientCallbackAsync>[1] = (isVerified, code, message, headers) => {
    if (isAnswered) return;
    isAnswered = true;
    clearTimeout(deadline);
    if (isVerified) accept();
    else refuse(request, socket, { status: Number(code || UNAUTHORIZED), message, headers });
  };
  const info = describeClient(request);
  if (verifyClient.length !== 2) {
    answer((verifyClient as VerifyClientCallbackSync)(info));
    return;
  }
  const handshakeTimeout = readWsLimit('wsHandshakeTimeout', options.handshakeTimeout);
  if (handshakeTimeout !== Number.POSITIVE_INFINITY) {
    deadline = setTimeout(answer, handshakeTimeout, false, REQUEST_TIMEOUT);
  }
  verifyClient(info, answer);
}

function describeClient(request: IncomingMessage): ClientInfo {
  const { headers } = request;
  // Version 8 of the protocol has the header Sec-WebSocket-Origin.
  const isVersion8 = Number(headers['sec-websocket-version']) === 8;
  const origin = isVersion8 ? headers['sec-websocket-origin'] : headers.origin;
  const secure = isSecure(request);
  // The published types promise an origin, which a request need not have.
  return { origin: origin as string, secure, req: request };
}
