/**
 * The WebSocket of a server, made from what node:http's `upgrade` event gives (RFC 6455 §4.2). It
 * answers at once: 101, or a refusal that says why, after which an error and a close are told.
 */

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { CloseCode } from '../close-code.ts';
import { DraftOpening, type DraftOptions } from '../drafts/draft-opening.ts';
import {
  HandshakeError,
  InvalidStateError,
  LimitExceededError,
  ProtocolError,
  WebSocketError,
} from '../errors.ts';
import { negotiateAsServer } from '../extensions/negotiation.ts';
import { PreparedMessage } from '../extensions/prepared-message.ts';
import { findHeader, toRawHeaders } from '../handshake/header-list.ts';
import {
  isUpgradeRequest,
  judgeRequest,
  type RefusedRequest,
  type UpgradeRequest,
} from '../handshake/server-handshake.ts';
import { buildAcceptance } from '../handshake/server-response.ts';
import { chooseSubprotocol } from '../handshake/subprotocol.ts';
import { readLimit } from '../limits.ts';
import { nodePlatform } from '../node/node-platform.ts';
import { refuseUpgrade, toUpgradeRequest } from '../node/server-upgrade.ts';
import { Client } from './client.ts';
import { EventSource } from './event-source.ts';
import { isSecure as isSecureRequest } from './event-source-http.ts';
import { type MessageData, toPayload } from './message-data.ts';
import { readBoolean, validateOptions } from './options.ts';
import { type DeflateExtension, permessageDeflate } from './permessage-deflate.ts';
import {
  readExtensions,
  readProtocols,
  readSocketOptions,
  SOCKET_OPTION_NAMES,
  type SocketOptions,
} from './socket-options.ts';
import { WebSocketBase } from './websocket-base.ts';

export interface ServerOptions extends SocketOptions, DraftOptions {
  /**
   * The origins that may connect, such as `https://example.com`; others are refused with 403.
   * `undefined` in the list lets in clients that send no Origin. @defaultValue all
   */
  readonly allowedOrigins?: readonly (string | undefined)[] | undefined;
  /**
   * Whether the scheme of `url` is that of X-Forwarded-Proto: behind a proxy that ends TLS and sets
   * this header. Without such a proxy, a client could choose it. @defaultValue false
   */
  readonly trustProxy?: boolean | undefined;
}

const OWN_NAMES = ['allowedOrigins', 'allowDrafts', 'handshakeTimeout', 'trustProxy'];
const OPTION_NAMES = [...SOCKET_OPTION_NAMES, ...OWN_NAMES];

const NO_BYTES = Buffer.alloc(0);
const DRIVER = { role: 'server', platform: nodePlatform, isConnecting: true } as const;

/**
 * Accepts a WebSocket connection in an http server.
 *
 * @example
 * server.on('upgrade', (request, socket, head) => {
 *   if (!WebSocket.isWebSocket(request)) return socket.destroy();
 *   const webSocket = new WebSocket(request, socket, head);
 *   webSocket.on('message', (event) => webSocket.send(event.data));
 * });
 */
export class WebSocket extends WebSocketBase {
  // For `const { WebSocket, Client } = require('sanswire')`.
  static readonly WebSocket: typeof WebSocket = WebSocket;
  static readonly Client: typeof Client = Client;
  static readonly EventSource: typeof EventSource = EventSource;
  static readonly permessageDeflate: DeflateExtension = permessageDeflate;
  static readonly CloseCode: typeof CloseCode = CloseCode;
  static readonly WebSocketError: typeof WebSocketError = WebSocketError;
  static readonly ProtocolError: typeof ProtocolError = ProtocolError;
  static readonly LimitExceededError: typeof LimitExceededError = LimitExceededError;
  static readonly HandshakeError: typeof HandshakeError = HandshakeError;
  static readonly InvalidStateError: typeof InvalidStateError = InvalidStateError;
  /** Throws `Error('Unrecognized option: …')` for an option that is not in a list of names. */
  static readonly validateOptions: typeof validateOptions = validateOptions;

  /** Tells whether a request asks for a WebSocket: GET, with the Upgrade and Connection headers. */
  static isWebSocket(request: IncomingMessage): boolean {
    const { connection, upgrade } = request.headers;
    return isUpgradeRequest(request.method, connection, upgrade);
  }

  /** Converts and frames a message once that will be sent to many. @throws TypeError for a Blob */
  static prepare(data: MessageData): PreparedMessage {
    const payload = toPayload(data);
    if (payload instanceof PreparedMessage) return payload;
    if (payload instanceof Blob) throw new TypeError('A Blob cannot be prepared: take its bytes');
    return new PreparedMessage(nodePlatform, payload);
  }

  /** An opening handshake that takes longer than the `upgrade` event. */
  #opening: DraftOpening | undefined;

  /**
   * @param socket - the socket of the request, or any Duplex that carries the connection
   * @param head - what was read after the request
   * @param protocols - those that the server speaks; the client's first among them is chosen
   * @throws Error for an unknown option, TypeError or RangeError for one of a wrong type or range
   */
  constructor(
    request: IncomingMessage,
    socket: Duplex,
    head?: Uint8Array | null,
    protocols?: string | readonly string[] | null,
    options: ServerOptions | null = {},
  ) {
    validateOptions(options, OPTION_NAMES);
    const settings = options ?? {};
    const driverOptions = readSocketOptions(settings);
    const timeoutMs = readLimit('draftHandshakeTimeout', settings.handshakeTimeout);
    const allowsDrafts = readBoolean('allowDrafts', settings.allowDrafts, false);
    const supported = readProtocols(protocols);
    const headers = toRawHeaders(Object.entries(settings.headers ?? {}));
    const extensions = readExtensions(settings.extensions);
    const allowedOrigins = readOrigins(settings.allowedOrigins);
    const upgradeRequest = toUpgradeRequest(request);
    const isSecure = isSecureRequest(
      request,
      readBoolean('trustProxy', settings.trustProxy, false),
    );
    const answer = { allowedOrigins, supported, headers, isSecure, timeoutMs };
    const draft = allowsDrafts ? DraftOpening.judge(upgradeRequest, answer) : undefined;
    const opening = draft instanceof DraftOpening ? draft : undefined;
    const driver = { ...driverOptions, ...DRIVER };
    super(
      urlOf(request.url ?? '/', upgradeRequest, isSecure),
      opening?.adapt(driver) ?? driver,
      opening?.createConnection,
    );

    if (settings.signal !== undefined) this.abortOn(settings.signal);
    if (draft instanceof DraftOpening) {
      this.#opening = draft;
      this.describeConnection(draft.version, draft.protocol, '');
      draft.start(socket, head ?? NO_BYTES, {
        attach: (prelude) => this.attach(socket, prelude),
        connected: (rest) => this.connected(rest),
        connectionFailed: (error) => this.connectionFailed(error),
      });
      return;
    }
    const verdict = draft ?? judgeRequest(upgradeRequest, { allowedOrigins });
    if (!verdict.accepted) {
      this.#refuse(socket, verdict, request.method);
      return;
    }
    const negotiated = negotiateAsServer(extensions, verdict.extensions);
    if (negotiated instanceof HandshakeError) {
      const { status } = negotiated;
      this.#refuse(socket, { accepted: false, errors: [negotiated], status }, request.method);
      return;
    }
    const { sessions, header } = negotiated;
    const protocol = chooseSubprotocol(verdict.protocols, supported);
    const acceptance = { protocol, extensions: header, headers };
    const response = buildAcceptance(nodePlatform, verdict, acceptance);
    this.describeConnection(`hybi-${verdict.version}`, protocol ?? '', header);
    // On the next tick, when the application listens; and ahead of the write of the 101, so that
    // what the application sends on opening leaves in the same write.
    process.nextTick(() => this.connected(head ?? NO_BYTES, sessions));
    this.attach(socket, Buffer.from(response, 'latin1'));
  }

  #refuse(socket: Duplex, verdict: RefusedRequest, method: string | undefined): void {
    const error = refusalError(verdict);
    refuseUpgrade(socket, { ...verdict, method });
    process.nextTick(() => this.connectionFailed(error));
  }

  /** A refusal is on its way to its end already. */
  protected override abandonConnecting(error: WebSocketError | undefined): void {
    this.#opening?.cancel(error);
  }
}

/** The first fault, which decides the status; the others are its cause. */
function refusalError({ errors, status }: RefusedRequest): WebSocketError {
  const [first = new HandshakeError('WS_INTERNAL'), ...others] = errors;
  if (others.length === 0) return first;
  const cause = new AggregateError(errors, 'The request breaks several rules');
  return new HandshakeError(first.code, { status, cause });
}

/** Reads a list of origins: a string, whose parts would be compared, must not pass for one. */
function readOrigins(origins: unknown): ServerOptions['allowedOrigins'] {
  const isOrigin = (one: unknown): boolean => one === undefined || typeof one === 'string';
  if (origins === undefined || (Array.isArray(origins) && origins.every(isOrigin))) return origins;
  throw new TypeError('Option allowedOrigins must be a list of origins');
}

function urlOf(target: string, { rawHeaders }: UpgradeRequest, isSecure: boolean): string {
  if (/^[a-z]+:\/\//i.test(target)) return target.replace(/^http/i, 'ws');
  const path = target.startsWith('/') ? target : `/${target}`;
  return `${isSecure ? 'wss' : 'ws'}://${findHeader(rawHeaders, 'host') ?? ''}${path}`;
}
