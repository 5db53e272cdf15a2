// Reads one HTTP head, of a request or a response, up to the empty line.
//
// Just enough HTTP for an opening handshake (RFC 6455 §4): no body, no folded lines. The head is
// bounded, against peers that flood.

/** Holds a parsed head; field names are in lower case, repeated fields joined by a comma. */
export interface HttpHead {
  readonly startLine: string;
  readonly fields: ReadonlyMap<string, string>;
}

/** Tells what the octets so far amount to. */
export type HeadReading =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'fault'; readonly reason: string }
  | { readonly kind: 'head'; readonly head: HttpHead; readonly rest: Buffer };

/** The longest head that is read, in octets. */
export const MAX_HEAD_LENGTH = 16_384;

const END_OF_HEAD = '\r\n\r\n';

/** Reads a head from octets that arrive in any cut. */
export class HttpHeadReader {
  #received: Buffer = Buffer.alloc(0);

  /** Takes octets; the answer is final once its kind is not `incomplete`. */
  push(chunk: Buffer): HeadReading {
    this.#received = Buffer.concat([this.#received, chunk]);
    const end = this.#received.indexOf(END_OF_HEAD);
    const headLength = end === -1 ? this.#received.length : end;
    if (headLength > MAX_HEAD_LENGTH) {
      return { kind: 'fault', reason: `no end of the HTTP head within ${MAX_HEAD_LENGTH} octets` };
    }
    if (end === -1) return { kind: 'incomplete' };
    const head = parseHead(this.#received.toString('latin1', 0, end));
    if (head === null) return { kind: 'fault', reason: 'what came is no HTTP head' };
    return { kind: 'head', head, rest: this.#received.subarray(end + END_OF_HEAD.length) };
  }
}

function parseHead(text: string): HttpHead | null {
  const [startLine = '', ...lines] = text.split('\r\n');
  if (!/^(?:[A-Z]+ \S+ HTTP\/1\.1|HTTP\/1\.1 \d{3}(?: .*)?)$/.test(startLine)) return null;
  const fields = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon < 1) return null;
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const earlier = fields.get(name);
    fields.set(name, earlier === undefined ? value : `${earlier}, ${value}`);
  }
  return { startLine, fields };
}

/** Tells whether a comma-separated field holds a token, whatever its case. */
export function hasToken(value: string | undefined, token: string): boolean {
  return (value ?? '').split(',').some((part) => part.trim().toLowerCase() === token);
}
