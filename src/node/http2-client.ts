/**
 * Opens a stream of HTTP/2 with an extended CONNECT, at a client (RFC 8441 §3, §4): on a session of
 * the application's, or on one of its own that ends with the stream. Whether a server offers it is
 * known when its SETTINGS have come, not before.
 *
 * - It ends once: in `onResponse`, `onAbsent` or `onError`; after `abort` in none.
 * - A session of the application's stays as it is, whatever becomes of the stream. Of one that
 *   nobody watches, pushed responses are refused.
 */

import type {
  ClientHttp2Session,
  ClientHttp2Stream,
  IncomingHttpHeaders,
  OutgoingHttpHeaders,
} from 'node:http2';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { RawHeaders } from '../handshake/header-list.ts';
import { LIMITS, limitExceeded } from '../limits.ts';
import type { ClientResponse, HttpSettings } from './client-options.ts';
import type { SocketSource } from './client-socket.ts';
import { dropTransport, NO_ERROR, REFUSED_STREAM } from './http2-stream.ts';
import { ignoreError } from './ignore-error.ts';

/** Where a client's stream comes from: true for a session of its own. */
export type Http2Choice = boolean | ClientHttp2Session;

/**
 * @param http - settings that may say where sockets come from
 * @throws TypeError for anything but a boolean and a session, and for two ways to connect
 */
export function readHttp2(value: unknown, http: HttpSettings): Http2Choice {
  if (value === undefined || value === null) return false;
  if (value === true && (http.agent || http.createConnection !== undefined)) {
    throw new TypeError('http2: true cannot be combined with agent or createConnection');
  }
  if (typeof value === 'boolean') return value;
  const isSession =
    typeof value === 'object' && 'request' in value && typeof value.request === 'function';
  if (isSession) return value as ClientHttp2Session;
  throw new TypeError('Option http2 must be a boolean or the session of http2.connect');
}

export interface StreamEvents {
  /** The server answered. Nobody listens to the stream any more: its owner attaches within. */
  onResponse(response: ClientResponse, stream: ClientHttp2Stream): void;
  /**
   * The server does not offer WebSockets over HTTP/2.
   *
   * @param socket - where TLS has chosen HTTP/1.1: connected, and not used yet
   */
  onAbsent(socket: Socket | undefined): void;
  onError(error: unknown): void;
}

/** The protocols of a TLS socket that may become a session, the preferred one first (RFC 7301). */
export const HTTP2_PROTOCOLS: readonly string[] = ['h2', 'http/1.1'];

const MAX_SETTING = 0xffff_ffff;

export class StreamRequest {
  readonly #headers: OutgoingHttpHeaders;
  readonly #events: StreamEvents;
  readonly #maxHeaderBytes: number;
  #socket: Socket | undefined;
  /** A session of its own. */
  #ownSession: ClientHttp2Session | undefined;
  #stream: ClientHttp2Stream | undefined;
  #isSettled = false;

  /** @param maxHeaderBytes - of names and values in the response */
  constructor(headers: OutgoingHttpHeaders, maxHeaderBytes: number, events: StreamEvents) {
    this.#headers = headers;
    this.#maxHeaderBytes = maxHeaderBytes;
    this.#events = events;
  }

  /** Begins on a session of the application's. */
  useSession(session: ClientHttp2Session): void {
    if (session.listenerCount('stream') === 0) session.on('stream', refusePush);
    void settingsCome(session).then(() => this.#request(session));
  }

  /** Begins on a new TLS socket. */
  useSource({ createConnection }: SocketSource): void {
    const onSocket = (error: Error | null, socket?: Duplex): void => {
      if (error !== null || socket === undefined) this.#fail(error);
      else this.#useSocket(socket as Socket);
    };
    const made = createConnection?.({}, onSocket as () => void);
    if (made) onSocket(null, made);
  }

  #useSocket(socket: Socket): void {
    if (this.#isSettled) {
      socket.on('error', ignoreError).destroy();
      return;
    }
    this.#socket = socket;
    socket.on('error', this.#onError).on('close', this.#onClose);
    socket.once('secureConnect', () => {
      if (!this.#isSettled) this.#openSession(socket);
    });
  }

  /** Gives up; no event follows. */
  abort(): void {
    this.#isSettled = true;
    this.#stream?.on('error', ignoreError);
    dropTransport(this.#stream);
    this.#ownSession?.destroy();
    this.#socket?.on('error', ignoreError).destroy();
  }

  #openSession(socket: Socket): void {
    socket.off('error', this.#onError).off('close', this.#onClose);
    this.#socket = undefined;
    if ((socket as TLSSocket).alpnProtocol !== 'h2') {
      // Until its next owner listens, which node:http does on a tick of its own.
      socket.on('error', ignoreError);
      process.nextTick(() => process.nextTick(() => socket.off('error', ignoreError)));
      this.#settle();
      this.#events.onAbsent(socket);
      return;
    }
    const settings = {
      enablePush: false,
      initialWindowSize: LIMITS.http2StreamWindow.default,
      maxHeaderListSize: Math.min(this.#maxHeaderBytes, MAX_SETTING),
    };
    // Few clients need it, and loading it takes 7 ms. The name is never looked up.
    const { connect } = process.getBuiltinModule('node:http2');
    const session = connect('https://localhost', { createConnection: () => socket, settings });
    this.#ownSession = session;
    session.on('error', this.#onError).on('close', this.#onClose).on('stream', refusePush);
    void settingsCome(session).then(() => this.#request(session));
  }

  #request(session: ClientHttp2Session): void {
    if (this.#isSettled) return;
    if (session.closed || session.destroyed) {
      this.#fail(new Error('The HTTP/2 session is closed'));
    } else if (session.remoteSettings.enableConnectProtocol !== true) {
      this.abort();
      this.#events.onAbsent(undefined);
    } else {
      this.#send(session);
    }
  }

  #send(session: ClientHttp2Session): void {
    let stream: ClientHttp2Stream;
    try {
      stream = session.request(this.#headers, { endStream: false });
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#stream = stream;
    stream.on('error', this.#onError).on('close', this.#onClose);
    stream.on('response', (headers, _flags, rawHeaders?: string[]) => {
      if (!this.#isSettled) this.#onResponse(stream, headers, rawHeaders);
    });
  }

  #onResponse(
    stream: ClientHttp2Stream,
    headers: IncomingHttpHeaders,
    rawHeaders: string[] | undefined,
  ): void {
    const response = toResponse(headers, rawHeaders);
    const length = response.rawHeaders.join('').length;
    if (length > this.#maxHeaderBytes) {
      this.#fail(limitExceeded('maxHeaderBytes', this.#maxHeaderBytes, length));
      return;
    }
    this.#settle();
    stream.off('error', this.#onError).off('close', this.#onClose);
    const session = this.#ownSession;
    if (session !== undefined) stream.once('close', () => endSession(session));
    this.#events.onResponse(response, stream);
  }

  readonly #onError = (error: Error): void => this.#fail(error);

  readonly #onClose = (): void => {
    const code = this.#stream?.rstCode ?? NO_ERROR;
    const reason = code === NO_ERROR ? '' : `, with the error code ${code}`;
    this.#fail(new Error(`closed before a response${reason}`));
  };

  #fail(error: unknown): void {
    if (this.#isSettled) return;
    this.abort();
    this.#events.onError(error);
  }

  #settle(): void {
    this.#isSettled = true;
    this.#ownSession?.off('error', this.#onError).off('close', this.#onClose);
    this.#ownSession?.on('error', ignoreError);
  }
}

/** For each session, until its SETTINGS have come, or it is gone. */
const arrivals: WeakMap<ClientHttp2Session, Promise<void>> = new WeakMap();

function settingsCome(session: ClientHttp2Session): Promise<void> {
  const known = arrivals.get(session);
  if (known !== undefined) return known;
  const arrival = new Promise<void>((resolve) => {
    const done = (): void => resolve();
    if (session.destroyed || session.closed || session.remoteSettings.enableConnectProtocol) {
      done();
      return;
    }
    session.once('remoteSettings', done).once('close', done);
    // SETTINGS are the first that a server sends (RFC 9113 §3.4), before it answers a PING.
    if (!session.connecting) session.ping(done);
  });
  arrivals.set(session, arrival);
  return arrival;
}

/** Ends a session that has had its only stream: a peer that keeps it open is not waited for. */
function endSession(session: ClientHttp2Session): void {
  // On a tick of its own: it would overtake a reset of the stream.
  setImmediate(() => session.close());
  const timer = setTimeout(() => session.destroy(), LIMITS.closeTimeout.default).unref();
  session.once('close', () => clearTimeout(timer));
}

/** Refuses a pushed response, which no WebSocket has a use for; unless the application listens. */
function refusePush(this: ClientHttp2Session, stream: ClientHttp2Stream): void {
  if (this.listenerCount('stream') > 1) return;
  stream.on('error', ignoreError).close(REFUSED_STREAM);
}

function toResponse(
  headers: IncomingHttpHeaders,
  rawHeaders: RawHeaders = Object.entries(headers).flatMap(([name, value]) => [name, `${value}`]),
): ClientResponse {
  const isField = (name: string): boolean => !name.startsWith(':');
  return {
    statusCode: Number(headers[':status']),
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => isField(name))),
    // Names and values take turns.
    rawHeaders: rawHeaders.filter((_, at) => isField(rawHeaders[at & ~1]!)),
  };
}
