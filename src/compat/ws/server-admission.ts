/**
 * What a server decides about a request that keeps the rules: whether its offers of compression suit, and whether
 * `verifyClient` lets it in.
 *
 * An answer of the application is waited for, but not for ever, and only the first one counts.
 */

import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import type { DeflateExtension } from '../../api/permessage-deflate.ts';
import type { Negotiated } from '../../extensions/negotiation.ts';
import { type ExtensionParam, serializeExtension } from '../../handshake/extension-header.ts';
import type { RequestVerdict } from '../../handshake/server-handshake.ts';
import { filterOffers } from './deflate-options.ts';
import { DEFAULT_HANDSHAKE_TIMEOUT_MS, type ServerOptions } from './options.ts';
import { refuse } from './server-handshake.ts';
import type { ClientInfo, VerifyClientCallbackAsync, VerifyClientCallbackSync } from './types.ts';

const NO_EXTENSIONS: Negotiated = { sessions: [], header: '' };
const UNAUTHORIZED = 401;
const REQUEST_TIMEOUT = 408;

/**
 * Negotiates permessage-deflate.
 *
 * @param deflate - the extension; undefined when it is off
 * @param options - the options that it was made of
 * @returns what was agreed on, or an error when it was offered in no way that can be accepted
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

/** What of a server's options says who is let in. */
type Admission = Pick<ServerOptions, 'handshakeTimeout'> & { readonly verifyClient?: unknown };

/**
 * Asks `verifyClient`, where there is one, and refuses the request when it says so.
 *
 * @param accept - called at most once, now or later
 */
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
  const info = describeClient(request);
  if (verifyClient.length === 2) {
    const { handshakeTimeout = DEFAULT_HANDSHAKE_TIMEOUT_MS } = options;
    verifyLater(verifyClient, info, socket, accept, handshakeTimeout);
  } else if ((verifyClient as VerifyClientCallbackSync)(info)) {
    accept();
  } else {
    refuse(socket, { status: UNAUTHORIZED });
  }
}

function verifyLater(
  verifyClient: VerifyClientCallbackAsync,
  info: ClientInfo,
  socket: Duplex,
  accept: () => void,
  timeoutMs: number,
): void {
  let isAnswered = false;
  let deadline: NodeJS.Timeout | undefined;
  const answer = (run: () => void): void => {
    if (isAnswered) return;
    isAnswered = true;
    clearTimeout(deadline);
    run();
  };
  if (timeoutMs > 0 && timeoutMs !== Number.POSITIVE_INFINITY) {
    const giveUp = (): void => refuse(socket, { status: REQUEST_TIMEOUT });
    deadline = setTimeout(() => answer(giveUp), timeoutMs);
  }
  verifyClient(info, (isVerified, code, message, headers?: OutgoingHttpHeaders) => {
    answer(() => {
      if (isVerified) accept();
      else refuse(socket, { status: code || UNAUTHORIZED, message, headers });
    });
  });
}

function describeClient(request: IncomingMessage): ClientInfo {
  const { headers, socket } = request;
  // Version 8 calls the header Sec-WebSocket-Origin.
  const isVersion8 = Number(headers['sec-websocket-version']) === 8;
  const origin = isVersion8 ? headers['sec-websocket-origin'] : headers.origin;
  const isSecure = 'encrypted' in socket && socket.encrypted === true;
  // A request need not have an origin; the published types say that it has one.
  return { origin: origin as string, secure: isSecure, req: request };
}
