/**
 * The WebSocket client: the interface of a browser's WebSocket (WHATWG WebSockets §3.1), with
 * faye-websocket's options. node/client-connector.ts makes the connection.
 */

import type { IncomingHttpHeaders } from 'node:http';
import { HandshakeError, type WebSocketError } from '../errors.ts';
import { ClientNegotiation } from '../extensions/negotiation.ts';
import { serializeExtensions } from '../handshake/extension-header.ts';
import { findSubprotocolFault } from '../handshake/subprotocol.ts';
import { findUrlFault, toWebSocketScheme } from '../handshake/url.ts';
import { connect } from '../node/client-connector.ts';
import type {
  ClientResponse,
  ConnectHandle,
  ConnectRequest,
  HttpSettings,
  OpenedConnection,
} from '../node/client-options.ts';
import { publishRefused } from '../node/diagnostics.ts';
import { presentOf } from '../option-bag.ts';
import { readBoolean, validateOptions } from './options.ts';
import { defineReadyStates } from './ready-state.ts';
import {
  driverOptionsFor,
  readExtensions,
  readSocketOptions,
  SOCKET_OPTION_NAMES,
  type SocketOptions,
} from './socket-options.ts';
import { adoptMembers, defineInterface } from './web-idl.ts';
import { WebSocketBase } from './websocket-base.ts';

/** The settings of http.request that the client takes under their own names. */
const HTTP_NAMES = [
  'agent',
  'auth',
  'createConnection',
  'family',
  'localAddress',
  'lookup',
  'socketPath',
] as const;
const OWN_NAMES = ['http2', 'proxy', 'net', 'tls', 'ca', 'origin'] as const;
const LIMIT_NAMES = ['handshakeTimeout', 'maxHeaderBytes', 'maxRedirects'] as const;
const OPTION_NAMES = [
  ...SOCKET_OPTION_NAMES,
  ...HTTP_NAMES,
  ...OWN_NAMES,
  ...LIMIT_NAMES,
  'allowAnyCloseCode',
  'protocols',
];

export interface ClientOptions
  extends SocketOptions,
    Pick<HttpSettings, (typeof HTTP_NAMES)[number]>,
    Pick<ConnectRequest, (typeof OWN_NAMES)[number] | (typeof LIMIT_NAMES)[number]> {
  /**
   * Whether `close()` takes every code that may be sent (RFC 6455 §7.4), where a browser takes 1000
   * and 3000-4999. @defaultValue false
   */
  readonly allowAnyCloseCode?: boolean | undefined;
  /** The subprotocols to offer, where the argument is not given. @defaultValue none */
  readonly protocols?: string | Iterable<string> | null | undefined;
}

/**
 * Opens a WebSocket connection to a server.
 *
 * @example
 * const webSocket = new Client('wss://example.com/chat', ['chat']);
 * webSocket.on('open', () => webSocket.send('hello'));
 * webSocket.on('message', (event) => console.log(event.data));
 */
export class Client<Data = unknown> extends WebSocketBase<Data> {
  static {
    defineReadyStates(Client);
    adoptMembers(Client, WebSocketBase);
    defineInterface(Client, undefined, ['statusCode', 'headers']);
  }

  #attempt: ConnectHandle | undefined;
  #response: Pick<ClientResponse, 'statusCode' | 'headers'> | undefined;
  readonly #negotiation: ClientNegotiation;
  readonly #allowsAnyCloseCode: boolean;

  /**
   * @param url - ws, wss, http or https, without a fragment
   * @param protocols - the subprotocols to offer, in order of preference; or the options
   * @throws DOMException `SyntaxError` for a URL or subprotocols that WHATWG refuses
   * @throws Error for an unknown option, TypeError or RangeError for one of a wrong type or range
   */
  constructor(url: string | URL, options?: ClientOptions);
  constructor(
    url: string | URL,
    protocols?: string | Iterable<string> | null,
    options?: ClientOptions | null,
  );
  constructor(
    url: string | URL,
    protocols?: string | Iterable<string> | ClientOptions | null,
    options?: ClientOptions | null,
  ) {
    const areOptions = isDictionary(protocols);
    if (areOptions && options) throw new TypeError('The options are given twice');
    const given = areOptions ? protocols : options;
    validateOptions(given, OPTION_NAMES);
    const settings = presentOf(given);
    const parsed = parseUrl(url);
    const offered = readOffer((areOptions ? undefined : protocols) ?? settings.protocols);
    const fault = findSubprotocolFault(offered);
    if (fault !== undefined) throw new DOMException(fault, 'SyntaxError');
    const driverOptions = readSocketOptions(settings);
    const allowsAny = readBoolean('allowAnyCloseCode', settings.allowAnyCloseCode, false);
    const negotiation = new ClientNegotiation(readExtensions(settings.extensions));
    super(parsed.href, driverOptionsFor('client', driverOptions));
    this.#negotiation = negotiation;
    this.#allowsAnyCloseCode = allowsAny;

    const http = Object.fromEntries(HTTP_NAMES.map((name) => [name, settings[name]]));
    const { headers, http2, proxy, net, tls, ca, origin } = settings;
    const { handshakeTimeout, maxHeaderBytes, maxRedirects } = settings;
    this.#attempt = connect(
      {
        ...{ url: parsed, protocols: offered, extensions: negotiation.header },
        ...{ headers, http2, proxy, net, tls, ca, origin, http },
        ...{ handshakeTimeout, maxHeaderBytes, maxRedirects },
      },
      {
        onOpen: (opened) => this.#open(opened),
        onError: (error, response) => {
          this.#attempt = undefined;
          this.#response = response;
          publishRefused({ socket: this, status: response?.statusCode ?? 0, error });
          this.connectionFailed(error);
        },
      },
    );
    if (settings.signal) this.abortOn(settings.signal);
  }

  /** The HTTP status of the server's response; undefined before it has come. */
  get statusCode(): number | undefined {
    return this.#response?.statusCode;
  }
  /** The headers of the server's response, names in lower case; empty before it has come. */
  get headers(): IncomingHttpHeaders {
    return this.#response?.headers ?? {};
  }

  protected override get takesAnyCloseCode(): boolean {
    return this.#allowsAnyCloseCode;
  }

  #open(opened: OpenedConnection): void {
    this.#attempt = undefined;
    this.#response = { statusCode: opened.statusCode, headers: opened.headers };
    const sessions = this.#negotiation.activate(opened.extensions);
    if (sessions instanceof HandshakeError) {
      opened.socket.destroy();
      publishRefused({ socket: this, status: opened.statusCode, error: sessions });
      this.connectionFailed(sessions);
      return;
    }
    this.describeConnection('hybi-13', opened.protocol, serializeExtensions(opened.extensions));
    this.attach(opened.socket);
    this.connected(opened.head, sessions);
  }

  protected override abandonConnecting(error: WebSocketError | undefined): void {
    this.#attempt?.abort(error);
  }
}

/** Tells an options bag from a list of subprotocols, as WebIDL does. */
function isDictionary(value: unknown): value is ClientOptions {
  return typeof value === 'object' && value !== null && !(Symbol.iterator in value);
}

/**
 * Reads the subprotocols to offer as WHATWG's `(DOMString or sequence<DOMString>)`. Null is none,
 * which faye-websocket documents, instead of the text "null".
 */
function readOffer(protocols: unknown): readonly string[] {
  if (protocols === undefined || protocols === null) return [];
  const isList = typeof protocols === 'object' && Symbol.iterator in protocols;
  return (isList ? [...(protocols as Iterable<unknown>)] : [protocols]).map(String);
}

function parseUrl(url: string | URL): URL {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch (cause) {
    const message = `The URL cannot be parsed: ${String(url)}`;
    throw new DOMException(message, { name: 'SyntaxError', cause });
  }
  const fault = findUrlFault(parsed);
  if (fault !== undefined) throw new DOMException(fault, 'SyntaxError');
  parsed.protocol = toWebSocketScheme(parsed.protocol) ?? parsed.protocol;
  return parsed;
}
