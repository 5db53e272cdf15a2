/**
 * Streams of HTTP/2 as transports (RFC 9113 §5, RFC 8441 §5): how they are told from sockets, what
 * destroys them, and how much a peer may send ahead.
 */

import type { ClientHttp2Session, Http2Session, Http2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import { LIMITS } from '../limits.ts';

/** Error codes (RFC 9113 §7): of a stream that is complete, is not wanted, or is given up. */
export const NO_ERROR = 0;
export const REFUSED_STREAM = 7;
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
    // Node's `close` ends the stream first: the peer would see an orderly end.
    transport.end = () => transport;
    transport.close(CANCEL);
  }
  transport.destroy();
}

/**
 * The most bytes that Node is handed at a time. It counts all that its streams wait to send against
 * `maxSessionMemory`, 10 MB, beyond which a session refuses new streams: a single slow reader of
 * long messages would keep all others out.
 */
const PIECE_LENGTH = 65_536;

/** Prepares a stream that will carry a WebSocket. */
export function prepareStream(stream: Http2Stream): void {
  widenSession(stream.session);
  // With it, Node would be handed all pieces that wait.
  Object.assign(stream, { _writev: null });
  if ('respond' in stream) stream.once('finish', endBothSides);
}

/** Cuts what is long on a stream of HTTP/2; other transports take it whole. */
export function cutChunks(transport: Duplex, chunks: readonly Uint8Array[]): readonly Uint8Array[] {
  if (!chunks.some(isLong) || !isHttp2Stream(transport)) return chunks;
  return chunks.flatMap((chunk) => {
    const pieces: Uint8Array[] = [];
    for (let from = 0; from < chunk.length; from += PIECE_LENGTH) {
      pieces.push(chunk.subarray(from, from + PIECE_LENGTH));
    }
    return pieces;
  });
}

function isLong({ length }: Uint8Array): boolean {
  return length > PIECE_LENGTH;
}

/**
 * A server that has ended its side may end the client's (RFC 9113 §8.1). Some clients, such as
 * undici, leave theirs open.
 */
function endBothSides(this: Http2Stream): void {
  // A reset in the same turn would overtake END_STREAM.
  setImmediate(() => {
    if (!this.closed && !this.destroyed) this.close(NO_ERROR);
  });
}

type Session = Http2Session | ClientHttp2Session;

const widened: WeakSet<Session> = new WeakSet();

/**
 * Lets the peer send more ahead on a session, which all of its streams share: with the 65,535 bytes
 * of RFC 9113 §6.9.2, all of them together would get so much in a round trip. It costs no memory:
 * what a stream holds is bounded by its own window.
 */
function widenSession(session: Session | undefined): void {
  if (session === undefined || session.destroyed || widened.has(session)) return;
  widened.add(session);
  const wanted = LIMITS.http2SessionWindow.default;
  const { effectiveLocalWindowSize = 0 } = session.state;
  if (effectiveLocalWindowSize < wanted) session.setLocalWindowSize(wanted);
}
