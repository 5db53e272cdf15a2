/**
 * Streams of HTTP/2 as transports (RFC 9113 §5, RFC 8441 §5): how they are told from sockets, what
 * destroys them, and how much a peer may send ahead.
 */

import type { ClientHttp2Session, Http2Session, Http2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import { LIMITS } from '../limits.ts';

/** The error code of a stream that its owner gives up (RFC 9113 §7). */
export const CANCEL = 8;

export function isHttp2Stream(stream: Duplex): stream is Http2Stream {
  return 'rstCode' in stream;
}

/**
 * Destroys a transport at once. What RST is to TCP, RST_STREAM with CANCEL is to a stream (RFC 8441
 * §5); Node would send NO_ERROR.
 */
export function dropTransport(transport: Duplex | undefined): void {
  if (transport === undefined) return;
  if (isHttp2Stream(transport) && !transport.closed && !transport.destroyed) {
    transport.close(CANCEL);
  }
  transport.destroy();
}

type Session = Http2Session | ClientHttp2Session;

const widened: WeakSet<Session> = new WeakSet();

/**
 * Lets the peer send more ahead on a session, which all of its streams share: with the 65,535 bytes
 * of RFC 9113 §6.9.2, all of them together would get so much in a round trip. It costs no memory:
 * what a stream holds is bounded by its own window.
 */
export function widenSession(session: Session | undefined): void {
  if (session === undefined || session.destroyed || widened.has(session)) return;
  widened.add(session);
  const wanted = LIMITS.http2SessionWindow.default;
  const { effectiveLocalWindowSize = 0 } = session.state;
  if (effectiveLocalWindowSize < wanted) session.setLocalWindowSize(wanted);
}
