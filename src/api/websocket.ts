/**
 * The WebSocket of a server, made from what node:http's `upgrade` event gives (RFC 6455 §4.2), or
 * from an extended CONNECT of HTTP/2 (RFC 8441). It answers at once: 101 or 200, or a refusal that
 * says why, after which an error and a close are told.
 */

import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
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
import type { Extension } from '../extensions/extension.ts';
import { negotiateAsServer } from '../extensions/negotiation.ts';
import { PreparedMessage } from '../extensions/prepared-message.ts';
import { isWebSocketConnect, judgeExtendedConnect } from '../handshake/extended-connect.ts';
import { isHandshakeField } from '../handshake/handshake-fields.ts';
import { checkHeaders, findHeader, type RawHeaders } from '../handshake/header-list.ts';
import {
  type AcceptedRequest,
  isUpgradeRequest,
  type JudgeOptions,
  judgeRequest,
  type RefusedRequest,
  type UpgradeRequest,
} from '../handshake/server-handshake.ts';
import { buildAcceptance } from '../handshake/server-response.ts';
import { chooseSubprotocol } from '../handshake/subprotocol.ts';
import { readLimit } from '../limits.ts';
import { readHeaders } from '../node/client-options.ts';
import { nodePlatform } from '../node/node-platform.ts';
import { awaitTurn } from '../node/owed-responses.ts';
import {
  encodeAcceptance,
  refuseUpgrade,
  speaksHttp2,
  streamOf,
  toExtendedConnect,
  toUpgradeRequest,
} from '../node/server-upgrade.ts';
import { claimSocket } from '../node/socket-claim.ts';
import { presentOf } from '../option-bag.ts';
import { Client } from './client.ts';
import { EventSource } from './event-source.ts';
import { isSecure as isSecureRequest } from './event-source-http.ts';
import { CloseEvent, ErrorEvent, MessageEvent, WebSocketEvent } from './events.ts';
import { type MessageData, toPayload } from './message-data.ts';
import { readBoolean, validateOptions } from './options.ts';
import { type DeflateExtension, permessageDeflate } from './permessage-deflate.ts';
import { defineReadyStates } from './ready-state.ts';
import {
  driverOptionsFor,
  readExtensions,
  readProtocols,
  readSocketOptions,
  SOCKET_OPTION_NAMES,
  type SocketOptions,
} from './socket-options.ts';
import { checkUpgradeArguments, refuseServer } from './upgrade-arguments.ts';
import { adoptMembers } from './web-idl.ts';
import { WebSocketBase } from './websocket-base.ts';

export interface ServerOptions extends SocketOptions, DraftOptions {
  /**
   * The origins that may connect, such as `https://example.com`; others are refused with 403.
   * `undefined` in the list lets in clients that send no Origin. @defaultValue all
   */
  readonly allowedOrigins?: readonly (string | undefined)[] | undefined;
  /**
   * Whether the scheme of `url` is that of X-Forwarded-Proto: behind a proxy that ends TLS and sets
   * this header. Without such a proxy, a client could choose it, as it may with an absolute target
   * (RFC 9112 §3.3): `url` proves nothing. @defaultValue false
   */
  readonly trustProxy?: boolean | undefined;
  /**
   * The hosts that may be asked for, such as `example.com` or `localhost:8080`; others are refused
   * with 403. It keeps out pages that reach this server under a name of their own (DNS rebinding);
   * one without a port allows every port. @defaultValue all
   */
  readonly allowedHosts?: readonly string[] | undefined;
}

const OWN_NAMES = [
  'allowedHosts',
  'allowedOrigins',
  'allowDrafts',
  'handshakeTimeout',
  'trustProxy',
];
const OPTION_NAMES = [...SOCKET_OPTION_NAMES, ...OWN_NAMES];

const NO_BYTES = Buffer.alloc(0);

/** A request of node:http, or one of node:http2's compatibility API. */
export type WebSocketRequest = IncomingMessage | Http2ServerRequest;

function isWebSocket(request: WebSocketRequest): boolean {
  const { connection, upgrade } = request.headers;
  return isUpgradeRequest(request.method, connection, upgrade) || isWebSocketConnect(request);
}

function prepare(data: MessageData): PreparedMessage {
  const payload = toPayload(data);
  if (payload instanceof PreparedMessage) return payload;
  if (payload instanceof Blob) throw new TypeError('A Blob cannot be prepared: take its bytes');
  return new PreparedMessage(nodePlatform, payload);
}

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
  // All that `sanswire` exports, for `const { WebSocket, Client } = require('sanswire')`. They are
  // enumerable, and no methods: Babel copies them where it compiles default and named imports.
  static readonly WebSocket: typeof WebSocket = WebSocket;
  static readonly Client: typeof Client = Client;
  static readonly EventSource: typeof EventSource = EventSource;
  static readonly permessageDeflate: DeflateExtension = permessageDeflate;
  static readonly PreparedMessage: typeof PreparedMessage = PreparedMessage;
  static readonly CloseCode: typeof CloseCode = CloseCode;
  static readonly CloseEvent: typeof CloseEvent = CloseEvent;
  static readonly ErrorEvent: typeof ErrorEvent = ErrorEvent;
  static readonly MessageEvent: typeof MessageEvent = MessageEvent;
  static readonly WebSocketEvent: typeof WebSocketEvent = WebSocketEvent;
  static readonly WebSocketError: typeof WebSocketError = WebSocketError;
  static readonly ProtocolError: typeof ProtocolError = ProtocolError;
  static readonly LimitExceededError: typeof LimitExceededError = LimitExceededError;
  static readonly HandshakeError: typeof HandshakeError = HandshakeError;
  static readonly InvalidStateError: typeof InvalidStateError = InvalidStateError;
  /** Throws `Error('Unrecognized option: …')` for an option that is not in a list of names. */
  static readonly validateOptions: typeof validateOptions = validateOptions;

  static {
    defineReadyStates(WebSocket);
    adoptMembers(WebSocket, WebSocketBase);
    // Not enumerable, and not in the types: only there to be called by mistake.
    for (const name of ['Server', 'WebSocketServer']) {
      Object.defineProperty(WebSocket, name, { value: refuseServer });
    }
  }

  /**
   * Tells whether a request asks for a WebSocket: GET, with the Upgrade and Connection headers; in
   * HTTP/2 CONNECT, with `websocket` in `:protocol`.
   */
  static readonly isWebSocket: typeof isWebSocket = isWebSocket;
  /** Converts and frames a message once that will be sent to many. @throws TypeError for a Blob */
  static readonly prepare: typeof prepare = prepare;

  /** Gives up the wait for earlier responses. */
  #giveUpTurn: ((error: WebSocketError | undefined) => void) | undefined;
  /** An opening handshake that takes longer than the `upgrade` event. */
  #opening: DraftOpening | undefined;

  /**
   * @param request - that of `upgrade`, or of `connect` at a server of node:http2
   * @param socket - the socket of the request, or any Duplex that carries the connection; of a
   *   request of HTTP/2 its stream
   * @param head - what was read after the request
   * @param protocols - those that the server speaks; the client's first among them is chosen
   * @throws TypeError for arguments that are not those of an `upgrade` event
   * @throws Error for an unknown option, TypeError or RangeError for one of a wrong type or range
   * @throws InvalidStateError when the socket is taken by another WebSocket
   */
  constructor(
    request: WebSocketRequest,
    socket: Duplex,
    head?: Uint8Array | null,
    protocols?: string | readonly string[] | null,
    options: ServerOptions | null = {},
  ) {
    checkUpgradeArguments(request, socket, head);
    validateOptions(options, OPTION_NAMES);
    const settings = presentOf(options);
    const driverOptions = readSocketOptions(settings);
    const timeoutMs = readLimit('draftHandshakeTimeout', settings.handshakeTimeout);
    const allowsDrafts = readBoolean('allowDrafts', settings.allowDrafts, false);
    const supported = readProtocols(protocols);
    const headers = readHeaders(settings.headers);
    checkHeaders(headers, isHandshakeField);
    const extensions = readExtensions(settings.extensions);
    const policy = readPolicy(settings);
    const upgradeRequest = toUpgradeRequest(request);
    const isSecure = isSecureRequest(
      request,
      readBoolean('trustProxy', settings.trustProxy, false),
    );
    const stream = streamOf(request, socket);
    // The drafts are older than HTTP/2.
    const isDraft = allowsDrafts && !speaksHttp2(request, stream);
    const draft = isDraft
      ? DraftOpening.judge(upgradeRequest, { ...policy, supported, headers, isSecure, timeoutMs })
      : undefined;
    const opening = draft instanceof DraftOpening ? draft : undefined;
    const driver = driverOptionsFor('server', driverOptions);
    super(
      urlOf(String(request.url ?? '/'), upgradeRequest, isSecure),
      opening?.adapt(driver) ?? driver,
      opening?.createConnection,
    );

    claimSocket(stream);
    if (settings.signal !== undefined) this.abortOn(settings.signal);
    const turn = { request, stream, head: head ?? NO_BYTES, timeoutMs };
    if (draft instanceof DraftOpening) {
      this.#startDraft(turn, draft);
    } else {
      const connect = speaksHttp2(request, stream)
        ? toExtendedConnect(request, upgradeRequest)
        : undefined;
      const verdict =
        draft ??
        (connect === undefined
          ? judgeRequest(upgradeRequest, policy)
          : judgeExtendedConnect(connect, policy));
      if (verdict.accepted) this.#accept(turn, verdict, supported, headers, extensions);
      else this.#refuse(turn, verdict);
    }
  }

  #startDraft(turn: Turn, draft: DraftOpening): void {
    const { stream } = turn;
    this.describeConnection(draft.version, draft.protocol, '');
    this.#awaitTurn(turn, () => {
      this.#opening = draft;
      draft.start(stream, turn.head, {
        attach: (prelude) => this.attach(stream, prelude),
        connected: (rest) => this.connected(rest),
        connectionFailed: (error) => this.connectionFailed(error),
      });
    });
  }

  #accept(
    turn: Turn,
    request: AcceptedRequest,
    supported: readonly string[],
    headers: RawHeaders,
    offered: readonly Extension[],
  ): void {
    const negotiated = negotiateAsServer(offered, request.extensions);
    if (negotiated instanceof HandshakeError) {
      const { status } = negotiated;
      this.#refuse(turn, { accepted: false, errors: [negotiated], status });
      return;
    }
    const { sessions, header } = negotiated;
    const protocol = chooseSubprotocol(request.protocols, supported);
    const acceptance = { protocol, extensions: header, headers };
    const response = buildAcceptance(nodePlatform, request, acceptance);
    const version = request.version === 8 ? 'hybi-8' : 'hybi-13';
    this.describeConnection(version, protocol ?? '', header);
    this.#awaitTurn(turn, () => {
      // On the next tick, when the application listens; and ahead of the write of the 101, so that
      // what the application sends on opening leaves in the same write.
      process.nextTick(() => this.connected(turn.head, sessions));
      this.attach(turn.stream, encodeAcceptance(turn.request, turn.stream, response));
    });
  }

  protected override get takesAnyCloseCode(): boolean {
    return true;
  }

  #awaitTurn({ request, stream, timeoutMs }: Turn, proceed: () => void): void {
    const lost = (error: WebSocketError | undefined): void => this.connectionFailed(error);
    this.#giveUpTurn = awaitTurn({ socket: stream, request, timeoutMs }, { proceed, lost });
  }

  #refuse({ request, stream }: Turn, verdict: RefusedRequest): void {
    const error = refusalError(verdict);
    refuseUpgrade(request, stream, verdict);
    process.nextTick(() => this.connectionFailed(error));
  }

  /** A refusal is on its way to its end already. */
  protected override abandonConnecting(error: WebSocketError | undefined): void {
    this.#giveUpTurn?.(error);
    this.#opening?.cancel(error);
  }
}

/** What an answer needs, once the socket owes no other. */
interface Turn {
  readonly request: WebSocketRequest;
  readonly stream: Duplex;
  readonly head: Uint8Array;
  readonly timeoutMs: number;
}

/** The first fault, which decides the status; the others are its cause. */
function refusalError({ errors, status }: RefusedRequest): WebSocketError {
  const [first = new HandshakeError('WS_INTERNAL'), ...others] = errors;
  if (others.length === 0) return first;
  const cause = new AggregateError(errors, 'The request breaks several rules');
  return new HandshakeError(first.code, { status, cause });
}

/** Reads the lists: a string, whose parts would be compared, must not pass for one. */
function readPolicy({ allowedOrigins, allowedHosts }: ServerOptions): JudgeOptions {
  const isOrigin = (one: unknown): boolean => one === undefined || typeof one === 'string';
  const isHost = (one: unknown): boolean => typeof one === 'string';
  if (!isListOf(allowedOrigins, isOrigin)) {
    throw new TypeError('Option allowedOrigins must be a list of origins');
  }
  if (!isListOf(allowedHosts, isHost)) {
    throw new TypeError('Option allowedHosts must be a list of hosts');
  }
  return { allowedOrigins, allowedHosts };
}

function isListOf(list: unknown, isElement: (one: unknown) => boolean): boolean {
  return list === undefined || (Array.isArray(list) && list.every(isElement));
}

function urlOf(target: string, { rawHeaders }: UpgradeRequest, isSecure: boolean): string {
  if (/^[a-z]+:\/\//i.test(target)) return target.replace(/^http/i, 'ws');
  const path = target.startsWith('/') ? target : `/${target}`;
  const host = findHeader(rawHeaders, ':authority') ?? findHeader(rawHeaders, 'host') ?? '';
  // A template keeps all of its parts, 150 bytes more for each connection.
  return [isSecure ? 'wss://' : 'ws://', host, path].join('');
}
