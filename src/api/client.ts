/**
 * The WebSocket client: the interface of a browser's WebSocket (WHATWG WebSockets §3.1), with faye-websocket's options.
 *
 * How the socket comes about is node/client-connector.ts's business; the verdict on the response is the core's.
 */

import type { IncomingHttpHeaders } from 'node:http';
import type { ConnectionOptions as TlsSettings } from 'node:tls';
import { HandshakeError, type WebSocketError } from '../errors.ts';
import { ClientNegotiation } from '../extensions/negotiation.ts';
import { serializeExtensions } from '../handshake/extension-header.ts';
import { findSubprotocolFault } from '../handshake/subprotocol.ts';
import { findUrlFault, toWebSocketScheme } from '../handshake/url.ts';
import { connect } from '../node/client-connector.ts';
import type {
  ClientResponse,
  ConnectHandle,
  HttpSettings,
  NetSettings,
  OpenedConnection,
  ProxyOptions,
} from '../node/client-options.ts';
import { validateOptions } from './options.ts';
import {
  readExtensions,
  readProtocols,
  readSocketOptions,
  type SharedDriverOptions,
  SOCKET_OPTION_NAMES,
  type SocketOptions,
} from './socket-options.ts';
import { WebSocketBase } from './websocket-base.ts';

/** The settings of http.request that the client takes under their own names. */
type HttpOptionName =
  | 'agent'
  | 'auth'
  | 'createConnection'
  | 'family'
  | 'localAddress'
  | 'lookup'
  | 'socketPath';

const HTTP_OPTION_NAMES: readonly HttpOptionName[] = [
  'agent',
  'auth',
  'createConnection',
  'family',
  'localAddress',
  'lookup',
  'socketPath',
];

/** Options of a client. */
export interface ClientOptions extends SocketOptions, Pick<HttpSettings, HttpOptionName> {
  /** The HTTP proxy to go through. */
  readonly proxy?: ProxyOptions | undefined;
  /** Settings of `net.connect` for the server. */
  readonly net?: NetSettings | undefined;
  /** Settings of `tls.connect` for the server. Certificates are verified unless `rejectUnauthorized` is false here. */
  readonly tls?: TlsSettings | undefined;
  /** A shorthand for `tls.ca`. */
  readonly ca?: TlsSettings['ca'] | undefined;
  /** The value of the Origin header. @defaultValue none */
  readonly origin?: string | undefined;
  /**
   * Milliseconds that the opening handshake may take, from the look-up of the name to the response.
   * @defaultValue 10,000
   */
  readonly handshakeTimeout?: number | undefined;
  /** The longest response head accepted, in bytes. @defaultValue 16,384 */
  readonly maxHeaderBytes?: number | undefined;
  /** The most redirects that are followed. @defaultValue 0: a redirect fails the connection */
  readonly maxRedirects?: number | undefined;
}

const OPTION_NAMES: readonly string[] = [
  ...SOCKET_OPTION_NAMES,
  ...HTTP_OPTION_NAMES,
  'proxy',
  'net',
  'tls',
  'ca',
  'origin',
  'handshakeTimeout',
  'maxHeaderBytes',
  'maxRedirects',
];

/**
 * Opens a WebSocket connection to a server.
 *
 * @example
 * const webSocket = new Client('wss://example.com/chat', ['chat']);
 * webSocket.on('open', () => webSocket.send('hello'));
 * webSocket.on('message', (event) => console.log(event.data));
 */
export class Client extends WebSocketBase {
  #attempt: ConnectHandle | undefined;
  #statusCode: number | undefined;
  #headers: IncomingHttpHeaders = {};
  readonly #driverOptions: SharedDriverOptions;
  readonly #negotiation: ClientNegotiation;

  /**
   * @param url - ws, wss, http or https, without a fragment
   * @param protocols - the subprotocols to offer, in order of preference
   * @param options - see {@link ClientOptions}
   * @throws DOMException `SyntaxError` for a URL or subprotocols that WHATWG refuses
   * @throws Error for an unknown option, TypeError or RangeError for one of a wrong type or range
   */
  constructor(
    url: string | URL,
    protocols?: string | readonly string[] | null,
    options: ClientOptions | null = {},
  ) {
    validateOptions(options, OPTION_NAMES);
    const settings = options ?? {};
    const parsed = parseUrl(url);
    const offered = readProtocols(protocols);
    const fault = findSubprotocolFault(offered);
    if (fault !== undefined) throw new DOMException(fault, 'SyntaxError');
    const driverOptions = readSocketOptions(settings);
    const negotiation = new ClientNegotiation(readExtensions(settings.extensions));
    super(parsed.href, driverOptions);
    this.#driverOptions = driverOptions;
    this.#negotiation = negotiation;

    const http: Record<string, unknown> = {};
    for (const name of HTTP_OPTION_NAMES) {
      if (settings[name] !== undefined) http[name] = settings[name];
    }
    const { headers, proxy, net, tls, ca, origin } = settings;
    const { handshakeTimeout, maxHeaderBytes, maxRedirects } = settings;
    this.#attempt = connect(
      {
        url: parsed,
        protocols: offered,
        extensions: negotiation.header,
        ...{ headers, proxy, net, tls, ca, origin, http },
        ...{ handshakeTimeout, maxHeaderBytes, maxRedirects },
      },
      {
        onOpen: (opened) => this.#open(opened),
        onError: (error, response) => this.#failConnecting(error, response),
      },
    );
    if (settings.signal !== undefined) this.abortOn(settings.signal);
  }

  /** The HTTP status of the server's response; undefined before it has come. */
  get statusCode(): number | undefined {
    return this.#statusCode;
  }

  /** The headers of the server's response, names in lower case; empty before it has come. */
  get headers(): IncomingHttpHeaders {
    return this.#headers;
  }

  #open(opened: OpenedConnection): void {
    this.#attempt = undefined;
    this.#readResponse(opened);
    const sessions = this.#negotiation.activate(opened.extensions);
    if (sessions instanceof HandshakeError) {
      opened.socket.destroy();
      this.connectionFailed(sessions);
      return;
    }
    const extensions = serializeExtensions(opened.extensions);
    this.describeConnection('hybi-13', opened.protocol, extensions);
    this.createDriver(opened.socket, { ...this.#driverOptions, role: 'client', sessions });
    this.connected(opened.head);
  }

  #failConnecting(error: WebSocketError, response: ClientResponse | undefined): void {
    this.#attempt = undefined;
    if (response !== undefined) this.#readResponse(response);
    this.connectionFailed(error);
  }

  #readResponse({ statusCode, headers }: ClientResponse): void {
    this.#statusCode = statusCode;
    this.#headers = headers;
  }

  protected override abandonConnecting(error?: WebSocketError): void {
    this.#attempt?.abort(error);
  }
}

function parseUrl(url: string | URL): URL {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch (cause) {
    throw new DOMException(`The URL cannot be parsed: ${String(url)}`, {
      name: 'SyntaxError',
      cause,
    });
  }
  const fault = findUrlFault(parsed);
  if (fault !== undefined) throw new DOMException(fault, 'SyntaxError');
  parsed.protocol = toWebSocketScheme(parsed.protocol) ?? parsed.protocol;
  return parsed;
}
