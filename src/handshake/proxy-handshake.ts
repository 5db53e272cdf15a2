/**
 * Opening a tunnel through an HTTP proxy with CONNECT (RFC 6455 §4.1 item 3; RFC 9110 §9.3.6).
 *
 * The bytes of the request come out, those of the proxy's response go in, and a verdict comes out. After any 2xx the
 * tunnel begins right behind the head, whatever Content-Length the proxy gave. It neither dials the proxy nor speaks TLS
 * to it, and knows no authentication scheme: the caller supplies Proxy-Authorization.
 */

import { HandshakeError, type LimitExceededError, type WebSocketError } from '../errors.ts';
import { isAuthorityWithPort } from './authority.ts';
import { HeadHandshake } from './head-handshake.ts';
import { checkHeaders, type RawHeaders } from './header-list.ts';
import type { DEFAULT_MAX_HEADER_BYTES, Head } from './http-head.ts';
import { printRequestHead } from './http-head-printer.ts';
import { encodeLatin1 } from './latin1.ts';
import { type StatusLine, statusLineGrammar } from './start-line.ts';

/** Where a tunnel leads, and what to tell the proxy. */
export interface ProxyHandshakeOptions {
  /** The host and port of the server: `authorityOf(url)`. */
  readonly authority: string;
  /** More headers, such as Proxy-Authorization: name, value, name, value. */
  readonly headers?: RawHeaders | undefined;
  /**
   * The most bytes of the proxy's response head. When exceeded: `WS_HEAD_TOO_LONG`.
   *
   * @defaultValue {@link DEFAULT_MAX_HEADER_BYTES}
   */
  readonly maxHeaderBytes?: number | undefined;
}

/** What came of a CONNECT request. */
export type ProxyVerdict =
  | { readonly accepted: true }
  | { readonly accepted: false; readonly errors: readonly WebSocketError[] };

/** The headers that CONNECT fixes: Platform is the target (RFC 9112 §3.2.3), and there is no body (RFC 9110 §9.3.6). */
function isReserved(name: string): boolean {
  return name === 'host' || name === 'content-length' || name === 'transfer-encoding';
}

/**
 * Builds the header list of a CONNECT request; its target is the authority itself.
 *
 * @param authority - the host and port of the server
 * @param headers - more headers: name, value, name, value
 * @throws {@link TypeError} when the authority is not a host with a port, or a header is not well-formed or reserved
 */
export function buildConnectHeaders(authority: string, headers: RawHeaders = []): RawHeaders {
  if (!isAuthorityWithPort(authority)) {
    throw new TypeError(`The target of a tunnel must be a host with a port: ${authority}`);
  }
  checkHeaders(headers, isReserved);
  return ['Host', authority, ...headers];
}

/**
 * Judges the response to a CONNECT request: any 2xx opens the tunnel (RFC 9110 §9.3.6).
 *
 * @param status - the status of the final response
 */
export function judgeConnectStatus(status: number): ProxyVerdict {
  if (status >= SUCCESS_FIRST && status <= SUCCESS_LAST) return { accepted: true };
  const error = new HandshakeError('WS_PROXY_REFUSED', { detail: String(status), status });
  return { accepted: false, errors: [error] };
}

const SUCCESS_FIRST = 200;
const SUCCESS_LAST = 299;

/** Opens one tunnel through a proxy. It is used as `ClientHandshake` is. */
export class ProxyHandshake extends HeadHandshake<StatusLine, ProxyVerdict> {
  /** The bytes of the request, to be written at once. */
  readonly output: Uint8Array;

  /**
   * @param options - where the tunnel leads
   * @throws {@link TypeError} when {@link buildConnectHeaders} does
   */
  constructor(options: ProxyHandshakeOptions) {
    const { authority, headers, maxHeaderBytes } = options;
    super(statusLineGrammar, maxHeaderBytes);
    const rawHeaders = buildConnectHeaders(authority, headers);
    this.output = encodeLatin1(printRequestHead('CONNECT', authority, rawHeaders));
  }

  /** The proxy's response, once its head is complete. */
  get response(): Head<StatusLine> | undefined {
    return this.head;
  }

  protected override judgeHead(head: Head<StatusLine>): ProxyVerdict {
    return judgeConnectStatus(head.status);
  }

  protected override judgeFault(fault: HandshakeError | LimitExceededError): ProxyVerdict {
    return { accepted: false, errors: [fault] };
  }
}
