/**
 * The WebSocket of a server, made from what node:http's `upgrade` event gives (RFC 6455 §4.2).
 *
 * It answers the opening handshake at once: 101, or a refusal that says why, after which the application hears an error
 * and a close. Only draft hixie-76, for those who allow it, may keep the answer waiting. It serves no HTTP and keeps no
 * list of connections: that is the application's server.
 */

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { CloseCode } from '../close-code.ts';
import { DraftConnection } from '../connection/draft-connection.ts';
import type { ConnectionOptions } from '../connection/options.ts';
import { PreparedMessage } from '../connection/prepared-message.ts';
import {
  HandshakeError,
  InvalidStateError,
  LimitExceededError,
  ProtocolError,
  WebSocketError,
} from '../errors.ts';
import { negotiateAsServer } from '../extensions/negotiation.ts';
import {
  DraftHandshake,
  type DraftVersion,
  judgeDraftRequest,
} from '../handshake/draft-handshake.ts';
import { toRawHeaders } from '../handshake/header-list.ts';
import {
  isUpgradeRequest,
  judgeRequest,
  type RefusedRequest,
} from '../handshake/server-handshake.ts';
import { buildAcceptance } from '../handshake/server-response.ts';
import { chooseSubprotocol } from '../handshake/subprotocol.ts';
import { DraftOpening } from '../node/draft-opening.ts';
import { nodePlatform } from '../node/node-platform.ts';
import { refuseUpgrade, toUpgradeRequest } from '../node/server-upgrade.ts';
import type { SocketDriver } from '../node/socket-driver.ts';
import { DEFAULT_HANDSHAKE_TIMEOUT_MS, MAX_TIMER_DELAY_MS } from '../node/timer-limits.ts';
import { Client } from './client.ts';
import { EventSource } from './event-source.ts';
import { type MessageData, toPayload } from './message-data.ts';
import { type NumberRule, readBoolean, readNumber, validateOptions } from './options.ts';
import { type DeflateExtension, permessageDeflate } from './permessage-deflate.ts';
import {
  readExtensions,
  readProtocols,
  readSocketOptions,
  type SharedDriverOptions,
  SOCKET_OPTION_NAMES,
  type SocketOptions,
} from './socket-options.ts';
import { WebSocketBase } from './websocket-base.ts';

/** Options of a server's WebSocket. */
export interface ServerOptions extends SocketOptions {
  /**
   * The origins that may connect, such as `https://example.com`; others are refused with 403. `undefined` in the list
   * lets in clients that send no Origin.
   * @defaultValue all
   */
  readonly allowedOrigins?: readonly (string | undefined)[] | undefined;
  /**
   * Whether drafts hixie-75 and hixie-76 of the protocol are spoken too, with clients older than RFC 6455. They have text
   * only: `ping()` returns false, and what is binary is not sent, which its callback is told. Refused with 426 otherwise.
   * @defaultValue false
   */
  readonly allowDrafts?: boolean | undefined;
  /**
   * Milliseconds that a client of draft hixie-76 may take to complete the opening handshake. When exceeded: error
   * WS_HANDSHAKE_TIMEOUT, close code 1006. Other handshakes are complete when the `upgrade` event comes: what they may
   * take, `headersTimeout` of the http server says.
   * @defaultValue 10,000
   */
  readonly handshakeTimeout?: number | undefined;
}

const OPTION_NAMES: readonly string[] = [
  ...SOCKET_OPTION_NAMES,
  'allowedOrigins',
  'allowDrafts',
  'handshakeTimeout',
];

const HANDSHAKE_TIMEOUT: NumberRule = {
  unit: 'milliseconds',
  minimum: 0,
  maximum: MAX_TIMER_DELAY_MS,
  defaultValue: DEFAULT_HANDSHAKE_TIMEOUT_MS,
};

const NO_BYTES = Buffer.alloc(0);

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
  /** The class itself, for `const { WebSocket } = require('sanswire')`. */
  static readonly WebSocket: typeof WebSocket = WebSocket;
  /** The client. */
  static readonly Client: typeof Client = Client;
  /** Server push over text/event-stream. */
  static readonly EventSource: typeof EventSource = EventSource;
  /** Compression (RFC 7692), for the `extensions` option. */
  static readonly permessageDeflate: DeflateExtension = permessageDeflate;
  /** The close codes by their IANA names. */
  static readonly CloseCode: typeof CloseCode = CloseCode;
  static readonly WebSocketError: typeof WebSocketError = WebSocketError;
  static readonly ProtocolError: typeof ProtocolError = ProtocolError;
  static readonly LimitExceededError: typeof LimitExceededError = LimitExceededError;
  static readonly HandshakeError: typeof HandshakeError = HandshakeError;
  static readonly InvalidStateError: typeof InvalidStateError = InvalidStateError;

  /** Tells whether a request asks for a WebSocket: GET, with the Upgrade and Connection headers. */
  static isWebSocket(request: IncomingMessage): boolean {
    const { connection, upgrade } = request.headers;
    return isUpgradeRequest(request.method, connection, upgrade);
  }

  /** Throws `Error('Unrecognized option: …')` for an option that is not in a list of names. */
  static validateOptions(options: object | null | undefined, validKeys: readonly string[]): void {
    validateOptions(options, validKeys);
  }

  /**
   * Makes a message once that will be sent to many: `socket.send(prepared)` then costs no conversion and no framing.
   *
   * @throws TypeError when the data is a Blob, whose bytes are not there yet
   */
  static prepare(data: MessageData): PreparedMessage {
    const payload = toPayload(data);
    if (payload instanceof PreparedMessage) return payload;
    if (payload instanceof Blob)
      throw new TypeError('A Blob cannot be prepared: prepare its bytes');
    return new PreparedMessage(nodePlatform, payload);
  }

  /** The handshake of a draft that is not complete. */
  #draftOpening: DraftOpening | undefined;

  /**
   * @param request - the request of the `upgrade` event
   * @param socket - its socket, or any Duplex that carries the connection
   * @param head - its head: what was read after the request
   * @param protocols - the subprotocols that the server speaks; the first of the client's that is among them is chosen
   * @param options - see {@link ServerOptions}
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
    const handshakeTimeoutMs = readNumber(
      'handshakeTimeout',
      settings.handshakeTimeout,
      HANDSHAKE_TIMEOUT,
    );
    const allowsDrafts = readBoolean('allowDrafts', settings.allowDrafts, false);
    const supported = readProtocols(protocols);
    const headers = toRawHeaders(Object.entries(settings.headers ?? {}));
    const extensions = readExtensions(settings.extensions);
    const allowedOrigins = readOrigins(settings.allowedOrigins);
    super(urlOf(request), driverOptions);

    const upgradeRequest = toUpgradeRequest(request);
    const draft = allowsDrafts ? judgeDraftRequest(upgradeRequest, { allowedOrigins }) : undefined;
    if (settings.signal !== undefined) this.abortOn(settings.signal);
    if (draft?.accepted === true) {
      const protocol = chooseSubprotocol(draft.protocols, supported);
      const acceptance = { protocol, headers, isSecure: isSecure(request) };
      const handshake = new DraftHandshake(nodePlatform, draft, acceptance);
      this.describeConnection(draft.version, protocol ?? '', '');
      const options = draftDriverOptions(driverOptions, draft.version);
      this.#acceptDraft(handshake, socket, head ?? NO_BYTES, options, handshakeTimeoutMs);
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
    const answer = { protocol, extensions: header, headers };
    const response = buildAcceptance(nodePlatform, verdict, answer);
    this.describeConnection(`hybi-${verdict.version}`, protocol ?? '', header);
    const driver = this.createDriver(socket, { ...driverOptions, role: 'server', sessions });
    this.#accept(driver, response, head ?? NO_BYTES);
  }

  /** Sends the 101; opens on the next tick, when the application has had the time to listen. */
  #accept(driver: SocketDriver, response: string, head: Uint8Array): void {
    // Ahead of the write of the 101, so that what the application sends on opening leaves in the same write.
    process.nextTick(() => this.connected(head));
    driver.sendPrelude(Buffer.from(response, 'latin1'));
  }

  /** Sends the 101 of a draft; opens when the handshake is complete, which it may be already. */
  #acceptDraft(
    handshake: DraftHandshake,
    socket: Duplex,
    head: Uint8Array,
    options: DraftDriverOptions,
    timeoutMs: number,
  ): void {
    const rest = head.subarray(handshake.receive(head));
    if (handshake.isComplete) {
      const driver = this.createDriver(socket, options);
      process.nextTick(() => this.connected(rest));
      driver.sendPrelude(Buffer.concat([Buffer.from(handshake.head, 'latin1'), handshake.answer]));
      return;
    }
    this.#draftOpening = new DraftOpening(socket, handshake, timeoutMs, {
      onDraftOpened: (frames) => {
        this.#draftOpening = undefined;
        this.createDriver(socket, options).sendPrelude(handshake.answer);
        this.connected(frames);
      },
      onDraftFailed: (error) => this.connectionFailed(error),
    });
  }

  #refuse(socket: Duplex, verdict: RefusedRequest, method: string | undefined): void {
    const error = refusalError(verdict);
    refuseUpgrade(socket, { ...verdict, method });
    process.nextTick(() => this.connectionFailed(error));
  }

  /** Only a draft's handshake can be given up; else the connection is established in the constructor, or never. */
  protected override abandonConnecting(error?: WebSocketError): void {
    if (this.#draftOpening !== undefined) this.#draftOpening.cancel(error);
    else this.connectionFailed(error);
  }
}

/** The first fault, which decides the status; the others are its cause. */
function refusalError(verdict: RefusedRequest): WebSocketError {
  const [first, ...others] = verdict.errors;
  if (first === undefined) return new HandshakeError('WS_INTERNAL');
  if (others.length === 0) return first;
  return new HandshakeError(first.code, {
    status: verdict.status,
    cause: new AggregateError(verdict.errors, 'The request breaks several rules'),
  });
}

/** Reads a list of origins: a string, whose parts would be compared, must not pass for one. */
function readOrigins(origins: unknown): ServerOptions['allowedOrigins'] {
  if (origins === undefined) return undefined;
  const isOrigin = (one: unknown): boolean => one === undefined || typeof one === 'string';
  if (Array.isArray(origins) && origins.every(isOrigin)) return origins;
  throw new TypeError('Option allowedOrigins must be a list of origins');
}

/** The absolute URL that a request is for. */
function urlOf(request: IncomingMessage): string {
  const target = request.url ?? '/';
  if (!target.startsWith('/')) return target.replace(/^http/i, 'ws');
  return `${isSecure(request) ? 'wss' : 'ws'}://${hostOf(request)}${target}`;
}

/** The Host header, from the list: the object of all headers takes longer to make than anything else here. */
function hostOf({ rawHeaders }: IncomingMessage): string {
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    if (name.length === 4 && name.toLowerCase() === 'host') return rawHeaders[index + 1] as string;
  }
  return '';
}

/** Whether the request came through TLS. */
function isSecure(request: IncomingMessage): boolean {
  return 'encrypted' in request.socket && request.socket.encrypted === true;
}

type DraftDriverOptions = ReturnType<typeof draftDriverOptions>;

/** The options of a driver for a draft. It has no Pings: a heartbeat would take a silent peer for a dead one. */
function draftDriverOptions(options: SharedDriverOptions, version: DraftVersion) {
  return {
    ...options,
    heartbeat: undefined,
    role: 'server',
    createConnection: (connectionOptions: ConnectionOptions) =>
      new DraftConnection(connectionOptions, version),
  } as const;
}
