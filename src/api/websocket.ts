/**
 * The WebSocket of a server, made from what node:http's `upgrade` event gives (RFC 6455 §4.2), or
 * from an extended CONNECT of HTTP/2 (RFC 8441). It answers at once: 101 or 200, or a refusal that
 * says why, after which an error and a close are told.
 */

import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import type { Duplex } from 'node:stream';
import { CloseCode } from '../close-code.ts';
import { DraftOpening } from '../drafts/draft-opening.ts';
import {
  HandshakeError,
  InvalidStateError,
  LimitExceededError,
  ProtocolError,
  WebSocketError,
} from '../errors.ts';
import type { ActiveSession } from '../extensions/extension.ts';
import { type Negotiated, negotiateAsServer } from '../extensions/negotiation.ts';
import { PreparedMessage } from '../extensions/prepared-message.ts';
import { isWebSocketConnect } from '../handshake/extended-connect.ts';
import { findHeader, type RawHeaders } from '../handshake/header-list.ts';
import {
  type AcceptedRequest,
  isUpgradeRequest,
  type RefusedRequest,
  type UpgradeRequest,
} from '../handshake/server-handshake.ts';
import { buildAcceptance } from '../handshake/server-response.ts';
import { chooseSubprotocol } from '../handshake/subprotocol.ts';
import { nodePlatform } from '../node/node-platform.ts';
import { awaitTurn } from '../node/owed-responses.ts';
import {
  encodeAcceptance,
  judgeUpgrade,
  refuseUpgrade,
  speaksHttp2,
  streamOf,
  toUpgradeRequest,
} from '../node/server-upgrade.ts';
import { claimSocket } from '../node/socket-claim.ts';
import { Client } from './client.ts';
import { EventSource } from './event-source.ts';
import { isSecure as isSecureRequest } from './event-source-http.ts';
import { CloseEvent, ErrorEvent, MessageEvent, WebSocketEvent } from './events.ts';
import { type MessageData, toPayload } from './message-data.ts';
import { validateOptions } from './options.ts';
import { type DeflateExtension, permessageDeflate } from './permessage-deflate.ts';
import { defineReadyStates } from './ready-state.ts';
import {
  AdmittedUpgrade,
  readServerOptions,
  refusalError,
  refusalOf,
  type ServerOptions,
} from './server-options.ts';
import { readProtocols } from './socket-options.ts';
import { checkUpgradeArguments, refuseServer } from './upgrade-arguments.ts';
import { adoptMembers, defineInterface } from './web-idl.ts';
import { WebSocketBase } from './websocket-base.ts';

const NO_BYTES = Buffer.alloc(0);

/** The sockets whose request has been read, and is kept for good. */
const isReadRequest = new WeakSet<object>();
/** Those that have opened in this turn of the event loop. */
let opened: WebSocket[] = [];
// Filled in by the static block of the class, which may reach private members.
let letGo: (socket: WebSocket) => void;

/** For all at once: an immediate for each connection would cost each its memory. */
function letRequestsGo(): void {
  const sockets = opened;
  opened = [];
  for (const socket of sockets) letGo(socket);
}

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

export type { ServerOptions } from './server-options.ts';

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
export class WebSocket<Data = unknown> extends WebSocketBase<Data> {
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
    defineInterface(WebSocket, undefined, ['request']);
    letGo = (socket) => {
      if (!isReadRequest.has(socket)) socket.#request = undefined;
    };
  }

  /**
   * Tells whether a request asks for a WebSocket: GET, with the Upgrade and Connection headers; in
   * HTTP/2 CONNECT, with `websocket` in `:protocol`.
   */
  static readonly isWebSocket: typeof isWebSocket = isWebSocket;
  /** Converts and frames a message once that will be sent to many. @throws TypeError for a Blob */
  static readonly prepare: typeof prepare = prepare;

  #request: WebSocketRequest | undefined;
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
    const admitted = options instanceof AdmittedUpgrade ? options : undefined;
    const settings = admitted?.settings ?? readServerOptions(options);
    const { driver, headers, timeoutMs } = settings;
    const supported = readProtocols(protocols);
    const upgradeRequest = admitted?.request ?? toUpgradeRequest(request);
    const isSecure = isSecureRequest(request, settings.trustsProxy);
    const stream = streamOf(request, socket);
    // The drafts are older than HTTP/2.
    const isDraft = settings.allowsDrafts && !speaksHttp2(request, stream);
    const draft = isDraft
      ? DraftOpening.judge(upgradeRequest, { ...settings, supported, isSecure })
      : undefined;
    const opening = draft instanceof DraftOpening ? draft : undefined;
    super(
      urlOf(String(request.url ?? '/'), upgradeRequest, isSecure),
      opening?.adapt(driver) ?? driver,
      opening?.createConnection,
    );

    this.#request = request;
    this.noteAddress(stream);
    claimSocket(stream);
    if (settings.signal !== undefined) this.abortOn(settings.signal);
    const turn = { request, stream, head: head ?? NO_BYTES, timeoutMs };
    if (draft instanceof DraftOpening) {
      this.#startDraft(turn, draft);
    } else {
      const verdict =
        admitted?.verdict ?? draft ?? judgeUpgrade(request, stream, upgradeRequest, settings);
      if (!verdict.accepted) {
        this.#refuse(turn, verdict);
        return;
      }
      const negotiated =
        admitted?.negotiated ?? negotiateAsServer(settings.extensions, verdict.extensions);
      if (negotiated instanceof HandshakeError) this.#refuse(turn, refusalOf(negotiated));
      else this.#accept(turn, verdict, supported, headers, negotiated);
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
    { sessions, header }: Negotiated,
  ): void {
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

  /**
   * The request that asked for the connection. It is let go once the connection has opened, soon
   * after the event `open`, unless somebody has read it before: it takes 1-2 KB.
   */
  get request(): WebSocketRequest | undefined {
    if (this.#request !== undefined) isReadRequest.add(this);
    return this.#request;
  }

  protected override get takesAnyCloseCode(): boolean {
    return true;
  }

  protected override connected(head: Uint8Array, sessions?: readonly ActiveSession[]): void {
    if (opened.push(this) === 1) setImmediate(letRequestsGo);
    super.connected(head, sessions, this.#request);
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

function urlOf(target: string, { rawHeaders }: UpgradeRequest, isSecure: boolean): string {
  if (/^[a-z]+:\/\//i.test(target)) return target.replace(/^http/i, 'ws');
  const path = target.startsWith('/') ? target : `/${target}`;
  const host = findHeader(rawHeaders, ':authority') ?? findHeader(rawHeaders, 'host') ?? '';
  // A template keeps all of its parts, 150 bytes more for each connection.
  return [isSecure ? 'wss://' : 'ws://', host, path].join('');
}
