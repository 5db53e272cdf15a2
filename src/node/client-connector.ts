/**
 * Opens a client's connection: one or, with redirects, several requests of node:http, of which the last one turns into a
 * WebSocket (RFC 6455 §4.1). The core builds each request and judges each response; this file only conducts.
 *
 * - One deadline covers everything from the call to the verdict.
 * - It ends once, in `onOpen` or in `onError`; by then every socket that is not handed over is destroyed.
 * - What a request reports after it was given up is nobody's business, but its 'error' always has a listener.
 * - Bad arguments throw from {@link connect}, before anything is opened.
 */

import {
  type ClientRequest as HttpRequest,
  type IncomingMessage,
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
import { findHeader } from '../handshake/header-list.ts';
import {
  connectHostOf,
  hostHeaderOf,
  isSecureUrl,
  portOf,
  requestTargetOf,
} from '../handshake/url.ts';
import { joinFaults, requestError } from './client-faults.ts';
import {
  type ClientResponse,
  type ConnectEvents,
  type ConnectHandle,
  type ConnectLimits,
  type ConnectRequest,
  readConnectLimits,
} from './client-options.ts';
import { chooseSocketSource } from './client-socket.ts';
import { type ClientTarget, followRedirect, mergeSettings, targetOf } from './client-target.ts';
import { nodePlatform } from './node-platform.ts';
import { type ProxyServer, type ProxyTunnel, readProxy } from './proxy-tunnel.ts';

/**
 * Opens a connection to a WebSocket server.
 *
 * @param request - what to connect to, and how
 * @param events - told how it ends, never within this call
 * @returns a handle to give up with
 * @throws {@link TypeError} when the URL, a header, a subprotocol, the extensions or the proxy cannot be used
 * @throws {@link RangeError} when a limit is out of range
 * @throws whatever node:http throws for settings that it does not accept
 * @example
 * const handle = connect({ url: new URL('wss://example.com/chat') }, {
 *   onOpen: ({ socket, head, protocol }) => { … },
 *   onError: (error) => console.error(error.code, error.message),
 * });
 */
export function connect(request: ConnectRequest, events: ConnectEvents): ConnectHandle {
  const connector = new ClientConnector(request, events);
  connector.start();
  return connector;
}

class ClientConnector implements ConnectHandle {
  readonly #options: ConnectRequest;
  readonly #events: ConnectEvents;
  readonly #limits: ConnectLimits;
  readonly #proxy: ProxyServer | undefined;
  #target: ClientTarget;
  #request: HttpRequest | undefined;
  #tunnel: ProxyTunnel | undefined;
  #response: ClientResponse | undefined;
  #redirectCount = 0;
  #isTakenOver = false;
  #isSettled = false;
  #deadline: NodeJS.Timeout | undefined;

  constructor(options: ConnectRequest, events: ConnectEvents) {
    this.#options = options;
    this.#events = events;
    this.#limits = readConnectLimits(options);
    this.#proxy = readProxy(options.proxy);
    this.#target = targetOf(options);
  }

  get url(): URL {
    return this.#target.url;
  }

  get request(): HttpRequest | undefined {
    return this.#request;
  }

  abort(error: WebSocketError = new WebSocketError('WS_ABORTED')): void {
    this.#fail(error);
  }

  start(): void {
    const { signal } = this.#options;
    const { handshakeTimeout } = this.#limits;
    if (signal?.aborted) {
      // The arguments are still judged, so that a mistake does not hide behind an abort.
      this.#buildHandshake();
      this.#onSignal();
      return;
    }
    const request = this.#openRequest();
    signal?.addEventListener('abort', this.#onSignal, { once: true });
    if (handshakeTimeout !== undefined) {
      this.#deadline = setTimeout(() => this.#failLate(`${handshakeTimeout} ms`), handshakeTimeout);
    }
    try {
      this.#send(request);
    } catch (error) {
      this.#settle();
      this.#abandonRequest();
      throw error;
    }
  }

  // ---- The request -------------------------------------------------------------------------------------------------

  #buildHandshake(): ClientRequest {
    const { protocols, extensions, origin, version } = this.#options;
    const { url, authorization } = this.#target;
    const headers = [...this.#target.headers];
    if (authorization !== undefined && findHeader(headers, 'authorization') === undefined) {
      headers.push('Authorization', authorization);
    }
    const host = hostHeaderOf(url);
    const target = requestTargetOf(url);
    return buildRequest(nodePlatform, {
      host,
      target,
      protocols,
      extensions,
      origin,
      version,
      headers,
    });
  }

  /** Opens a request to the target; its head is not sent yet. */
  #openRequest(): HttpRequest {
    const handshake = this.#buildHandshake();
    const { url, socketPath } = this.#target;
    const { maxHeaderBytes } = this.#limits;
    const open = isSecureUrl(url) ? requestHttps : requestHttp;
    const settings = mergeSettings(this.#target);
    const source = chooseSocketSource(this.#target, this.#proxy, maxHeaderBytes, (tunnel) => {
      this.#tunnel = tunnel;
    });
    const request = open({
      ...settings,
      agent: undefined,
      createConnection: undefined,
      ...source,
      // What an application in plain JavaScript may have put among the settings belongs to the handshake.
      headers: undefined,
      hostname: undefined,
      protocol: undefined,
      signal: undefined,
      method: 'GET',
      host: connectHostOf(url),
      port: portOf(url),
      path: handshake.target,
      socketPath,
      setHost: false,
      maxHeaderSize: maxHeaderBytes,
    });
    // A head is bounded by its bytes. By default Node drops headers after the 1,000th, and Upgrade may be among them.
    request.maxHeadersCount = 0;
    this.#request = request;
    this.#listen(request, handshake);
    // One by one, for a list given as a whole could no longer be changed by finishRequest.
    const { rawHeaders } = handshake;
    for (let at = 0; at < rawHeaders.length; at += 2) {
      request.appendHeader(rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '');
    }
    return request;
  }

  #send(request: HttpRequest): void {
    if (this.#events.finishRequest !== undefined) this.#events.finishRequest(request);
    else request.end();
  }

  #listen(request: HttpRequest, handshake: ClientRequest): void {
    request.on('upgrade', (response, socket, head) => {
      if (this.#isCurrent(request)) this.#onUpgrade(handshake, response, socket, head);
      else destroyQuietly(socket);
    });
    request.on('response', (response) => {
      response.on('error', ignore);
      if (this.#isCurrent(request)) this.#onResponse(request, handshake, response);
    });
    request.on('timeout', () => {
      if (this.#isCurrent(request) && !this.#isTakenOver) this.#failLate('the socket was idle');
    });
    request.on('error', (error) => {
      if (!this.#isCurrent(request)) return;
      this.#fail(requestError(error, this.#limits.maxHeaderBytes));
    });
    request.on('close', () => {
      if (!this.#isCurrent(request) || this.#isTakenOver) return;
      this.#fail(new WebSocketError('WS_TRANSPORT_ERROR', { detail: 'closed before a response' }));
    });
  }

  #isCurrent(request: HttpRequest): boolean {
    return !this.#isSettled && request === this.#request;
  }

  // ---- The response ------------------------------------------------------------------------------------------------

  #onUpgrade(
    handshake: ClientRequest,
    response: IncomingMessage,
    socket: Duplex,
    head: Uint8Array,
  ): void {
    // From here on node:http does not listen to the socket any more.
    socket.on('error', ignore);
    const answer = this.#readHead(response);
    this.#events.onUpgrade?.(response);
    if (this.#isSettled) {
      socket.destroy();
      return;
    }
    const verdict = judge(answer, handshake);
    if (!verdict.accepted) {
      socket.destroy();
      this.#fail(joinFaults(verdict.errors, answer.statusCode));
      return;
    }
    this.#settle();
    const { protocol, extensions } = verdict;
    this.#events.onOpen({ ...answer, socket, head, url: this.url, protocol, extensions });
    socket.off('error', ignore);
  }

  /** Any response that Node does not take for an upgrade, also a 101 that lacks a header. */
  #onResponse(request: HttpRequest, handshake: ClientRequest, response: IncomingMessage): void {
    const answer = this.#readHead(response);
    const { statusCode } = answer;
    if (this.#limits.maxRedirects > 0) {
      const next = followRedirect(this.#target, statusCode, response.headers.location);
      if (next instanceof HandshakeError) {
        this.#fail(next);
        return;
      }
      if (next !== undefined) {
        this.#redirect(next, statusCode);
        return;
      }
    }
    if (this.#events.onUnexpectedResponse?.(request, response) === true) {
      this.#isTakenOver = true;
      clearTimeout(this.#deadline);
      return;
    }
    const verdict = judge(answer, handshake);
    const errors = verdict.accepted
      ? [new HandshakeError('WS_RESPONSE_UPGRADE', { status: statusCode })]
      : verdict.errors;
    this.#fail(joinFaults(errors, statusCode));
  }

  #readHead(response: IncomingMessage): ClientResponse {
    const { statusCode = 0, headers, rawHeaders } = response;
    this.#response = { statusCode, headers, rawHeaders };
    return this.#response;
  }

  #redirect(target: ClientTarget, status: number): void {
    this.#redirectCount++;
    if (this.#redirectCount > this.#limits.maxRedirects) {
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
      // What throws at the call for the first target (an agent that cannot speak TLS) has no caller now.
      this.#fail(requestError(toError(error), this.#limits.maxHeaderBytes));
      return;
    }
    this.#events.onRedirect?.(target.url, request);
    if (this.#isCurrent(request)) this.#send(request);
  }

  // ---- The end -----------------------------------------------------------------------------------------------------

  readonly #onSignal = (): void => {
    this.#fail(new WebSocketError('WS_ABORTED', { cause: this.#options.signal?.reason }));
  };

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
    this.#request?.destroy();
  }
}

function judge(answer: ClientResponse, handshake: ClientRequest): ResponseVerdict {
  const { statusCode: status, rawHeaders } = answer;
  return judgeResponse(nodePlatform, { status, rawHeaders }, handshake);
}

function destroyQuietly(socket: Duplex): void {
  socket.on('error', ignore);
  socket.destroy();
}

function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

function ignore(): void {}
