/**
 * The `Response` that `authorize` answers with (WHATWG Fetch §5.5), as a refusal: its body is read
 * before anything is sent, so that its length is known and a body that fails is a 500.
 */

import { Readable } from 'node:stream';
import { HandshakeError } from '../errors.ts';
import { isHttp1Field } from '../handshake/extended-connect.ts';
import type { RawHeaders } from '../handshake/header-list.ts';
import type { Refusal } from '../handshake/server-response.ts';
import { LIMITS } from '../limits.ts';
import { ignoreError } from '../node/ignore-error.ts';

const MAX_BODY_LENGTH = LIMITS.refusalBody.default;
const NO_BYTES = new Uint8Array(0);

/** Tells by its tag: undici and node-fetch have their own classes, which must not pass as data. */
export function isResponse(value: unknown): value is Response {
  return Object.prototype.toString.call(value) === '[object Response]';
}

/**
 * Reads a response into a refusal.
 *
 * @param signal - lets go of the body
 * @throws RangeError when the body is longer than the limit; whatever the body fails with
 */
export async function readRefusal(
  response: Response,
  signal: AbortSignal,
): Promise<ResponseRefusal> {
  const { body } = response;
  return new ResponseRefusal(response, body === null ? NO_BYTES : await readBody(body, signal));
}

/** A Response whose body has been read. */
export class ResponseRefusal implements Refusal {
  readonly status: number;
  readonly reason: string | undefined;
  readonly headers: RawHeaders;
  readonly body: Uint8Array;
  /** What 'rejected' is told. */
  readonly error: HandshakeError;
  readonly errors: readonly HandshakeError[];

  constructor({ status, statusText, headers, url }: Response, body: Uint8Array) {
    this.status = status;
    this.reason = statusText === '' ? undefined : statusText;
    // Without those of the connection that it was fetched on. What `fetch` returns has a URL, and a
    // body that is decoded already (WHATWG Fetch §4.6).
    const isFetched = typeof url === 'string' && url !== '';
    const isLeftOut = (name: string): boolean =>
      isHttp1Field(name) || (isFetched && name === 'content-encoding');
    this.headers = [...headers].filter(([name]) => !isLeftOut(name.toLowerCase())).flat();
    this.body = body;
    this.error = new HandshakeError('WS_HANDSHAKE_REFUSED', { status });
    this.errors = [this.error];
  }
}

async function readBody(
  body: ReadableStream<Uint8Array> | Readable,
  signal: AbortSignal,
): Promise<Uint8Array> {
  // That of node-fetch is a stream of Node.
  const stream = body instanceof Readable ? (Readable.toWeb(body) as ReadableStream) : body;
  const reader = (stream as ReadableStream<Uint8Array>).getReader();
  const cancel = (): void => void reader.cancel(signal.reason).catch(ignoreError);
  if (signal.aborted) cancel();
  signal.addEventListener('abort', cancel, { once: true });
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return Buffer.concat(chunks, length);
    length += value.length;
    if (length > MAX_BODY_LENGTH) {
      cancel();
      throw new RangeError(`The body of the Response is longer than ${MAX_BODY_LENGTH} bytes`);
    }
    chunks.push(value);
  }
}
