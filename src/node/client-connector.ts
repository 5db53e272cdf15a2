/**
 * Opens a client's connection with one request of node:http, or several with redirects
 * (RFC 6455 §4.1). The core builds each request and judges each response.
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
import { request as requestHttps } from 'node:https';
import type { Duplex } from 'node:stream';
import { HandshakeError, WebSocketError } from '../errors.ts';
import {
  buildRequest,
  type ClientRequest,
  judgeResponse,
  type ResponseVerdict,
} from '../handshake/client-handshake.ts';
import { findHeader, type RawHeaders } from '../handshake/header-list.ts';
import {
  connectHostOf,
  hostHeaderOf,
  isSecureUrl,
  portOf,
  requestTargetOf,
} from '../handshake/url.ts';
import { readLimit } from '../limits.ts';
import { joinFaults, requestError } from './client-faults.ts';
import type {
  ClientResponse,
  ConnectEvents,
  ConnectHandle,
  ConnectRequest,
} from './client-options.ts';
import { chooseSocketSource } from './client-socket.ts';
import {
  type ClientTarget,
  followRedirect,
  mergeSettings,
  refuseRedirect,
  targetOf,
} from './client-target.ts';
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
  #target: ClientTarget;
  /** What the current response is judged by. */
  #handshake: ClientRequest | undefined;
  #tunnel: ProxyTunnel | undefined;
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
    const request = this.#openRequest();
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
      this.#send(request);
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

  /** Opens a request to the target; its head is not sent yet. */
  #openRequest(): HttpRequest {
    const handshake = this.#buildHandshake();
    const { url, socketPath } = this.#target;
    const open = isSecureUrl(url) ? requestHttps : requestHttp;
    const maxHeaderBytes = this.#maxHeaderBytes;
    const host = findHeader(handshake.rawHeaders, 'host') ?? '';
    const source = chooseSocketSource(this.#target, host, this.#proxy, maxHeaderBytes, (tunnel) => {
      this.#tunnel = tunnel;
    });
    const request = open({
      ...mergeSettings(this.#target),
      agent: undefined,
      createConnection: undefined,
      ...source,
      // As an object, an agent can read them from the request, and finishRequest change them.
      headers: { ...fieldsOf(handshake.rawHeaders), ...this.#options.handshakeHeaders },
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
      maxHeaderSize: maxHeaderBytes,
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
    const canFollow = this.#maxRedirects > 0;
    const next = canFollow ? followRedirect(this.#target, statusCode, location) : undefined;
    if (next !== undefined) {
      this.#redirect(next, statusCode);
      return;
    }
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
    let request: HttpRequest;
    try {
      request = this.#openRequest();
    } catch (error) {
      // An agent that cannot speak TLS, say. For the first target this throws at the call.
      this.#failRequest(error);
      return;
    }
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
    const { request } = this;
    request?.destroy();
    // After a whole response that does nothing. A pool of sockets takes its own back on 'free'.
    if (request?.socket?.listenerCount('free') === 0) request.socket.destroy();
  }
}

/** Makes the headers of http.request: values of a repeated name become a list. */
function fieldsOf(rawHeaders: RawHeaders): Record<string, string | string[]> {
  const fields = new Map<string, [name: string, values: string[]]>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? '';
    const field = fields.get(name.toLowerCase());
    const value = rawHeaders[at + 1] ?? '';
    if (field === undefined) fields.set(name.toLowerCase(), [name, [value]]);
    else field[1].push(value);
  }
  const entries = [...fields.values()];
  return Object.fromEntries(
    entries.map(([name, values]) => [name, values.length === 1 ? values[0]! : values]),
  );
}
