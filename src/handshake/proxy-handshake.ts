/**
 * Opens a tunnel through an HTTP proxy with CONNECT (RFC 6455 §4.1 item 3; RFC 9110 §9.3.6).
 * It emits the request and reads the head of the response. After any 2xx the tunnel begins right
 * behind the head, whatever Content-Length the proxy gave. Connecting to the proxy, TLS to it and
 * the Proxy-Authorization header are left to the caller.
 */

import { HandshakeError } from '../errors.ts';
import { presentOf } from '../option-bag.ts';
import { isAuthorityWithPort } from './authority.ts';
import { HeadHandshake, type HeadOptions, type Refused, refuseHead } from './head-handshake.ts';
import { checkHeaders, type RawHeaders } from './header-list.ts';
import type { Head } from './http-head.ts';
import { printRequestHead } from './http-head-printer.ts';
import { encodeLatin1 } from './latin1.ts';
import { type StatusLine, statusLineGrammar } from './start-line.ts';

/** Where a tunnel leads, and what to tell the proxy. */
export interface ProxyHandshakeOptions extends HeadOptions {
  /** The host and port of the server: `authorityOf(url)`. */
  readonly authority: string;
  /** More headers, such as Proxy-Authorization: name, value, name, value. */
  readonly headers?: RawHeaders | undefined;
}

/** The outcome of a CONNECT request. */
export type ProxyVerdict = { readonly accepted: true } | Refused;

/** CONNECT fixes these: Host is the target (RFC 9112 §3.2.3), no body follows (RFC 9110 §9.3.6). */
const RESERVED: readonly string[] = ['host', 'content-length', 'transfer-encoding'];

/** Judges the final status: any 2xx opens the tunnel (RFC 9110 §9.3.6). */
function judgeStatus({ status }: StatusLine): ProxyVerdict {
  if (status >= 200 && status <= 299) return { accepted: true };
  const error = new HandshakeError('WS_PROXY_REFUSED', { detail: String(status), status });
  return { accepted: false, errors: [error] };
}

/** Opens one tunnel through a proxy. It is used like `ClientHandshake`. */
export class ProxyHandshake extends HeadHandshake<StatusLine, ProxyVerdict> {
  /** The bytes of the request, to be written at once. */
  readonly output: Uint8Array;

  /** @throws {@link TypeError} for an authority without port, or a malformed or reserved header */
  constructor(given: ProxyHandshakeOptions) {
    const options = presentOf(given);
    super(statusLineGrammar, options, judgeStatus, refuseHead);
    const { authority, headers = [] } = options;
    if (!isAuthorityWithPort(authority)) {
      throw new TypeError(`The target of a tunnel must be a host with a port: ${authority}`);
    }
    checkHeaders(headers, (name) => RESERVED.includes(name));
    const request = printRequestHead('CONNECT', authority, ['Host', authority, ...headers]);
    this.output = encodeLatin1(request);
  }

  /** The proxy's response, once its head is complete. */
  get response(): Head<StatusLine> | undefined {
    return this.head;
  }
}
