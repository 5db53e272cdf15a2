// Negotiates permessage-deflate (RFC 7692 §5, §7.1) for sections 12 and 13, in both roles.
//
// What a case asks of the peer is a list of wishes, the best first. As a client the suite offers
// each with server_* parameters; as a server it grants the first that the client's offers allow,
// with client_* parameters. The suite limits itself only where the peer says so.

/** States what a case asks of the peer's compressor. */
export interface DeflateWish {
  readonly noContextTakeover: boolean;
  /** Window size of the peer's compressor in bits, or null when the case leaves it alone. */
  readonly maxWindowBits: 9 | 15 | null;
}

/** States how each side compresses once negotiated. */
export interface DeflateDirection {
  readonly noContextTakeover: boolean;
  readonly windowBits: number;
}

/** Holds a negotiated extension: the suite's direction and the peer's. */
export interface DeflateAgreement {
  readonly suite: DeflateDirection;
  readonly peer: DeflateDirection;
}

/** Tells what came of a negotiation: `declined` is UNIMPLEMENTED, a `fault` is FAILED. */
export type NegotiationResult =
  | { readonly kind: 'agreed'; readonly agreement: DeflateAgreement; readonly header: string }
  | { readonly kind: 'declined'; readonly reason: string }
  | { readonly kind: 'fault'; readonly reason: string };

type Parameters = ReadonlyMap<string, string | null>;

const NAME = 'permessage-deflate';
const KNOWN_PARAMETERS: ReadonlySet<string> = new Set([
  'server_no_context_takeover',
  'client_no_context_takeover',
  'server_max_window_bits',
  'client_max_window_bits',
]);

function parseElement(element: string): { name: string; parameters: Map<string, string | null> } {
  const [name = '', ...parts] = element.split(';').map((part) => part.trim());
  const parameters = new Map<string, string | null>();
  for (const part of parts) {
    const [key = '', value] = part.split('=').map((side) => side.trim());
    if (parameters.has(key)) throw new SyntaxError(`the parameter ${key} stands twice`);
    if (!KNOWN_PARAMETERS.has(key)) throw new SyntaxError(`the parameter ${key} is unknown`);
    parameters.set(key, value === undefined ? null : value.replace(/^"(.*)"$/, '$1'));
  }
  return { name, parameters };
}

function windowBits(parameters: Parameters, name: string): number | null {
  const value = parameters.get(name);
  if (value === undefined || value === null) return null;
  if (!/^(?:[89]|1[0-5])$/.test(value)) throw new SyntaxError(`${name} is "${value}"`);
  return Number(value);
}

function writeParameters(parameters: readonly (string | false)[]): string {
  return [NAME, ...parameters.filter((parameter) => parameter !== false)].join('; ');
}

/** Writes a client's offers: each wish, and that the server may limit the client's window. */
export function buildOffers(wishes: readonly DeflateWish[]): string {
  const offers = wishes.map(({ noContextTakeover, maxWindowBits }) =>
    writeParameters([
      noContextTakeover && 'server_no_context_takeover',
      maxWindowBits !== null && `server_max_window_bits=${maxWindowBits}`,
      'client_max_window_bits',
    ]),
  );
  return offers.join(', ');
}

function grants(parameters: Parameters, wish: DeflateWish): boolean {
  if (wish.noContextTakeover && !parameters.has('server_no_context_takeover')) return false;
  // Without server_max_window_bits the window has 15 bits, which may be more than was asked for.
  const granted = windowBits(parameters, 'server_max_window_bits') ?? 15;
  return granted <= (wish.maxWindowBits ?? 15);
}

/** Reads a server's Sec-WebSocket-Extensions against what the suite offered (RFC 7692 §7.1). */
export function readServerResponse(
  header: string | undefined,
  wishes: readonly DeflateWish[],
): NegotiationResult {
  if (header === undefined) {
    return wishes.length === 0
      ? { kind: 'declined', reason: 'not offered' }
      : { kind: 'declined', reason: 'the server did not accept permessage-deflate' };
  }
  if (wishes.length === 0) {
    return { kind: 'fault', reason: `the server chose "${header}" although nothing was offered` };
  }
  try {
    const { name, parameters } = parseElement(header);
    if (name !== NAME) return { kind: 'fault', reason: `the server chose "${header}"` };
    if (!wishes.some((wish) => grants(parameters, wish))) {
      return { kind: 'fault', reason: `"${header}" answers none of the offers` };
    }
    if (parameters.get('client_max_window_bits') === null) {
      return { kind: 'fault', reason: 'client_max_window_bits has no value in the response' };
    }
    return { kind: 'agreed', agreement: clientAgreement(parameters), header };
  } catch (error) {
    return { kind: 'fault', reason: `the server's extensions: ${(error as Error).message}` };
  }
}

function clientAgreement(parameters: Parameters): DeflateAgreement {
  return {
    suite: {
      noContextTakeover: parameters.has('client_no_context_takeover'),
      windowBits: windowBits(parameters, 'client_max_window_bits') ?? 15,
    },
    peer: {
      noContextTakeover: parameters.has('server_no_context_takeover'),
      windowBits: windowBits(parameters, 'server_max_window_bits') ?? 15,
    },
  };
}

/**
 * Chooses from a client's offers: the first wish that one of them allows.
 *
 * A server may ask for client_no_context_takeover unoffered (RFC 7692 §7.1.1.2), but for
 * client_max_window_bits only when the client offered it (§7.1.2.2).
 */
export function chooseOffer(
  header: string | undefined,
  wishes: readonly DeflateWish[],
): NegotiationResult {
  try {
    const offers = (header ?? '')
      .split(',')
      .filter((element) => element.split(';')[0]?.trim() === NAME)
      .map((element) => parseElement(element).parameters);
    for (const wish of wishes) {
      for (const offer of offers) {
        if (wish.maxWindowBits !== null && !offer.has('client_max_window_bits')) continue;
        return grantOffer(offer, wish);
      }
    }
    const wanted = offers.length === 0 ? NAME : 'client_max_window_bits';
    return { kind: 'declined', reason: `the client did not offer ${wanted}` };
  } catch (error) {
    return { kind: 'fault', reason: `the client's extensions: ${(error as Error).message}` };
  }
}

function grantOffer(offer: Parameters, wish: DeflateWish): NegotiationResult {
  const clientLimit = windowBits(offer, 'client_max_window_bits') ?? 15;
  const peerBits = Math.min(clientLimit, wish.maxWindowBits ?? 15);
  const serverLimit = windowBits(offer, 'server_max_window_bits');
  const serverForgets = offer.has('server_no_context_takeover');
  const header = writeParameters([
    serverForgets && 'server_no_context_takeover',
    wish.noContextTakeover && 'client_no_context_takeover',
    serverLimit !== null && `server_max_window_bits=${serverLimit}`,
    wish.maxWindowBits !== null && `client_max_window_bits=${peerBits}`,
  ]);
  const agreement: DeflateAgreement = {
    suite: { noContextTakeover: serverForgets, windowBits: serverLimit ?? 15 },
    peer: {
      noContextTakeover: wish.noContextTakeover,
      windowBits: wish.maxWindowBits === null ? 15 : peerBits,
    },
  };
  return { kind: 'agreed', agreement, header };
}
