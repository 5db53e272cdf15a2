/**
 * Opens a client's connection with one request of node:http, or several with redirects
 * (RFC 6455 §4.1). The core builds each request and judges each response. With `http2`, a request
 * is tried as a stream of HTTP/2 first (RFC 8441).
 *
 * - One deadline covers everything from the call to the verdict.
 * - It ends once, in `onOpen` or `onError`. By then all other sockets are destroyed.
 * - Bad arguments throw from {@link connect}, before anything is opened.
 */

import {
  type ClientRequest as HttpRequest,
  type IncomingMessage,
  maxHeaderSize,
  request as requestHttp,
} from 'node:http';
import type { ClientHttp2Stream } from 'node:http2';
import { request as requestHttps } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { HandshakeError, WebSocketError } from '../errors.ts';
import {
  buildRequest,
  type ClientRequest,
  judgeResponse,
  type ResponseVerdict,
} from '../handshake/client-handshake.ts';
import { judgeExtendedResponse, toExtendedConnect } from '../handshake/extended-connect.ts';
import { findHeader } from '../handshake/header-list.ts';
import {
  connectHostOf,
  hostHeaderOf,
  isSecureUrl,
  portOf,
  requestTargetOf,
} from '../handshake/url.ts';
import { readLimit } from '../limits.ts';
import { joinFaults, requestError } from './client-faults.ts';
import {
  type ClientResponse,
  type ConnectEvents,
  type ConnectHandle,
  type ConnectRequest,
  toFields,
} from './client-options.ts';
import { chooseSocketSource, type SocketSource } from './client-socket.ts';
import {
  type ClientTarget,
  followRedirect,
  mergeSettings,
  refuseRedirect,
  targetOf,
} from './client-target.ts';
import { HTTP2_PROTOCOLS, type Http2Choice, readHttp2, StreamRequest } from './http2-client.ts';
import { dropTransport } from './http2-stream.ts';
import { ignoreError } from './ignore-error.ts';
import { nodePlatform } from './node-platform.ts';
import { type ProxyServer, type ProxyTunnel, readProxy } from './proxy-tunnel.ts';

/**
 * Opens a connection to a WebSocket server.
 *
 * @throws TypeError or RangeError for an argument or a limit that cannot be used
 * @throws whatever node:http throws for settings that it does not accept
 */
export function connect(request: ConnectRequest, events: ConnectEvents): ConnectHandle {
  const connector = new ClientConnector(request, events);
  connector.start();
  return connector;
}

class ClientConnector implements ConnectHandle {
  request: HttpRequest | undefined;
  readonly #options: ConnectRequest;
  readonly #events: ConnectEvents;
  readonly #handshakeTimeout: number;
  readonly #maxHeaderBytes: number;
  readonly #maxRedirects: number;
  readonly #proxy: ProxyServer | undefined;
  readonly #http2: Http2Choice;
  #target: ClientTarget;
  /** What the current response is judged by. */
  #handshake: ClientRequest | undefined;
  #tunnel: ProxyTunnel | undefined;
  #stream: StreamRequest | undefined;
  #response: ClientResponse | undefined;
  #redirectCount = 0;
  #isTakenOver = false;
  #isSettled = false;
  #deadline: NodeJS.Timeout | undefined;

  constructor(options: ConnectRequest, events: ConnectEvents) {
    this.#options = options;
    this.#events = events;
    const maxHeaderBytes = options.maxHeaderBytes ?? (options.http?.maxHeaderSize || undefined);
    this.#handshakeTimeout = readLimit('handshakeTimeout', options.handshakeTimeout);
    // Node's own limit, which --max-http-header-size sets. In both places 0 stands for the default.
    const byDefault = maxHeaderSize || undefined;
    this.#maxHeaderBytes = readLimit('maxHeaderBytes', maxHeaderBytes, byDefault);
    this.#maxRedirects = readLimit('maxRedirects', options.maxRedirects ?? undefined);
    this.#proxy = readProxy(options.proxy);
    this.#target = targetOf(options);
    this.#http2 = readHttp2(options.http2, this.#target.settings.http);
  }

  get url(): URL {
    return this.#target.url;
  }

  abort(error: WebSocketError = new WebSocketError('WS_ABORTED')): void {
    this.#fail(error);
  }

  start(): void {
    const { signal } = this.#options;
    if (signal?.aborted) {
      // The arguments are still judged, so that a mistake does not hide behind an abort.
      this.#buildHandshake();
      this.#onSignal();
      return;
    }
    const request = this.#open();
    signal?.addEventListener('abort', this.#onSignal, { once: true });
    const timeout = this.#handshakeTimeout;
    if (timeout !== Infinity) {
      this.#deadline = setTimeout(() => this.#failLate(`${timeout} ms`), timeout);
    }
    if (signal?.aborted) {
      // By what the request has called: createConnection, lookup or an agent.
      this.#onSignal();
      return;
    }
    try {
      if (request !== undefined) this.#send(request);
    } catch (error) {
      this.#settle();
      this.#abandonRequest();
      throw error;
    }
  }

  #buildHandshake(): ClientRequest {
    const { protocols, extensions, version } = this.#options;
    const origin = this.#options.origin ?? undefined;
    const { url, authorization } = this.#target;
    const headers = [...this.#target.headers];
    if (authorization !== undefined && findHeader(headers, 'authorization') === undefined) {
      headers.push('Authorization', authorization);
    }
    const place = { host: hostHeaderOf(url), target: requestTargetOf(url) };
    const fields = { protocols, extensions, origin, version, headers };
    return buildRequest(nodePlatform, { ...place, ...fields });
  }

  /** Opens a request to the target, unless a stream comes first. */
  #open(): HttpRequest | undefined {
    const isOwn = this.#http2 === true && isSecureUrl(this.url);
    // A session belongs to the server that was asked for, and not to where a redirect leads.
    const isGiven = typeof this.#http2 === 'object' && this.url.host === this.#options.url.host;
    if (!isOwn && !isGiven) return this.#openRequest();
    this.#openStream();
    return undefined;
  }

  #openStream(): void {
    const handshake = this.#buildHandshake();
    this.#handshake = handshake;
    const scheme = isSecureUrl(this.url) ? 'https' : 'http';
    const fields = toFields(toExtendedConnect(handshake, scheme));
    const stream = new StreamRequest(fields, this.#maxHeaderBytes, {
      onAbsent: (socket) => this.#fallBack(socket),
      onResponse: (answer, opened) => this.#onStreamResponse(answer, opened),
      onError: (error) => this.#failRequest(error),
    });
    this.#stream = stream;
    if (typeof this.#http2 === 'object') stream.useSession(this.#http2);
    else stream.useSource(this.#chooseSource(handshake, HTTP2_PROTOCOLS));
  }

  /** The server has no WebSockets over HTTP/2. @param socket - one that speaks HTTP/1.1 */
  #fallBack(socket: Socket | undefined): void {
    this.#stream = undefined;
    try {
      this.#send(this.#openRequest(socket && { createConnection: () => socket }));
    } catch (error) {
      this.#failRequest(error);
    }
  }

  #chooseSource(handshake: ClientRequest, protocols?: readonly string[]): SocketSource {
    const host = findHeader(handshake.rawHeaders, 'host') ?? '';
    const onTunnel = (tunnel: ProxyTunnel): void => {
      this.#tunnel = tunnel;
    };
    const limit = this.#maxHeaderBytes;
    return chooseSocketSource(this.#target, host, this.#proxy, limit, onTunnel, protocols);
  }

  /** Opens a request to the target; its head is not sent yet. */
  #openRequest(given?: SocketSource): HttpRequest {
    const handshake = this.#buildHandshake();
    const { url, socketPath } = this.#target;
    const open = isSecureUrl(url) ? requestHttps : requestHttp;
    const source = given ?? this.#chooseSource(handshake);
    const request = open({
      ...mergeSettings(this.#target),
      agent: undefined,
      createConnection: undefined,
      ...source,
      // As an object, an agent can read them from the request, and finishRequest change them.
      headers: { ...toFields(handshake.rawHeaders), ...this.#options.handshakeHeaders },
      // The handshake sets these. An application in plain JavaScript may have done so, too.
      hostname: undefined,
      protocol: undefined,
      signal: undefined,
      method: 'GET',
      host: connectHostOf(url),
      port: portOf(url),
      defaultPort: isSecureUrl(url) ? 443 : 80,
      path: handshake.target,
      socketPath,
      setHost: false,
      maxHeaderSize: this.#maxHeaderBytes,
    });
    // maxHeaderSize bounds the head. By default Node drops headers after the 1,000th, even Upgrade.
    request.maxHeadersCount = 0;
    this.request = request;
    this.#handshake = handshake;
    this.#listen(request);
    return request;
  }

  #send(request: HttpRequest): void {
    if (this.#events.finishRequest !== undefined) this.#events.finishRequest(request);
    else request.end();
  }

  #listen(request: HttpRequest): void {
    request.on('upgrade', (response, socket, head) => {
      if (this.#isCurrent(request)) this.#onUpgrade(response, socket, head);
      else socket.on('error', ignoreError).destroy();
    });
    request.on('response', (response) => {
      response.on('error', ignoreError);
      if (this.#isCurrent(request)) this.#onResponse(request, response);
    });
    request.on('timeout', () => {
      if (this.#isCurrent(request) && !this.#isTakenOver) this.#failLate('the socket was idle');
    });
    request.on('error', (error) => {
      if (this.#isCurrent(request)) this.#failRequest(error);
    });
    request.on('close', () => {
      if (!this.#isCurrent(request) || this.#isTakenOver) return;
      this.#fail(new WebSocketError('WS_TRANSPORT_ERROR', { detail: 'closed before a response' }));
    });
  }

  #isCurrent(request: HttpRequest): boolean {
    return !this.#isSettled && request === this.request;
  }

  #onUpgrade(response: IncomingMessage, socket: Duplex, head: Uint8Array): void {
    // node:http no longer listens to the socket.
    socket.on('error', ignoreError);
    const answer = this.#readHead(response);
    this.#events.onUpgrade?.(response);
    const verdict = this.#judge(answer);
    if (this.#isSettled || !verdict.accepted) {
      socket.destroy();
      if (!verdict.accepted) this.#fail(joinFaults(verdict.errors, answer.statusCode));
      return;
    }
    this.#settle();
    const { protocol, extensions } = verdict;
    this.#events.onOpen({ ...answer, socket, head, url: this.url, protocol, extensions });
    socket.off('error', ignoreError);
  }

  /** Receives a response that is not an upgrade to Node: also a 101 that lacks a header. */
  #onResponse(request: HttpRequest, response: IncomingMessage): void {
    const answer = this.#readHead(response);
    const { statusCode } = answer;
    const { location } = response.headers;
    if (this.#follow(answer)) return;
    if (this.#events.onUnexpectedResponse?.(request, response) === true) {
      this.#isTakenOver = true;
      clearTimeout(this.#deadline);
      return;
    }
    const redirect = refuseRedirect(statusCode, location);
    if (redirect !== undefined) {
      this.#fail(redirect);
      return;
    }
    const verdict = this.#judge(answer);
    const noUpgrade = new HandshakeError('WS_RESPONSE_UPGRADE', { status: statusCode });
    this.#fail(joinFaults(verdict.accepted ? [noUpgrade] : verdict.errors, statusCode));
  }

  #onStreamResponse(answer: ClientResponse, stream: ClientHttp2Stream): void {
    this.#response = answer;
    this.#stream = undefined;
    const { statusCode: status, headers, rawHeaders } = answer;
    const verdict = judgeExtendedResponse({ status, rawHeaders }, this.#handshake!);
    if (!verdict.accepted) {
      stream.on('error', ignoreError);
      dropTransport(stream);
      if (this.#follow(answer)) return;
      this.#fail(refuseRedirect(status, headers.location) ?? joinFaults(verdict.errors, status));
      return;
    }
    this.#settle();
    const { protocol, extensions } = verdict;
    const head = new Uint8Array(0);
    this.#events.onOpen({ ...answer, socket: stream, head, url: this.url, protocol, extensions });
  }

  /** Follows a redirect, where that is allowed. */
  #follow({ statusCode, headers }: ClientResponse): boolean {
    if (this.#maxRedirects === 0) return false;
    const next = followRedirect(this.#target, statusCode, headers.location);
    if (next !== undefined) this.#redirect(next, statusCode);
    return next !== undefined;
  }

  #readHead(response: IncomingMessage): ClientResponse {
    const { statusCode = 0, headers, rawHeaders } = response;
    this.#response = { statusCode, headers, rawHeaders };
    return this.#response;
  }

  #judge({ statusCode: status, rawHeaders }: ClientResponse): ResponseVerdict {
    return judgeResponse(nodePlatform, { status, rawHeaders }, this.#handshake!);
  }

  #redirect(target: ClientTarget | HandshakeError, status: number): void {
    if (target instanceof HandshakeError) {
      this.#fail(target);
      return;
    }
    if (++this.#redirectCount > this.#maxRedirects) {
      const detail = `${status}, a redirect beyond maxRedirects`;
      this.#fail(new HandshakeError('WS_RESPONSE_STATUS', { status, detail }));
      return;
    }
    this.#abandonRequest();
    this.#response = undefined;
    this.#target = target;
    let request: HttpRequest | undefined;
    try {
      request = this.#open();
    } catch (error) {
      // An agent that cannot speak TLS, say. For the first target this throws at the call.
      this.#failRequest(error);
      return;
    }
    if (request === undefined) return;
    this.#events.onRedirect?.(target.url, request);
    if (this.#isCurrent(request)) this.#send(request);
  }

  readonly #onSignal = (): void => {
    this.#fail(new WebSocketError('WS_ABORTED', { cause: this.#options.signal?.reason }));
  };

  #failRequest(error: unknown): void {
    this.#fail(requestError(error, this.#maxHeaderBytes, isSecureUrl(this.url)));
  }

  #failLate(detail: string): void {
    this.#fail(new HandshakeError('WS_HANDSHAKE_TIMEOUT', { detail, status: 0 }));
  }

  #fail(error: WebSocketError): void {
    if (this.#isSettled) return;
    this.#settle();
    this.#abandonRequest();
    const response = this.#response;
    process.nextTick(() => this.#events.onError(error, response));
  }

  #settle(): void {
    this.#isSettled = true;
    clearTimeout(this.#deadline);
    this.#options.signal?.removeEventListener('abort', this.#onSignal);
  }

  #abandonRequest(): void {
    this.#tunnel?.abort();
    this.#tunnel = undefined;
    this.#stream?.abort();
    this.#stream = undefined;
    const { request } = this;
    request?.destroy();
    // After a whole response that does nothing. A pool of sockets takes its own back on 'free'.
    if (request?.socket?.listenerCount('free') === 0) request.socket.destroy();
  }
}
