/**
 * `subprotocol` of `ws`: the Sec-WebSocket-Protocol header (RFC 6455 §11.3.4) as a set, on the parser of the core.
 */

import { parseSubprotocols } from '../../handshake/subprotocol.ts';

/**
 * Parses the header.
 *
 * @returns the subprotocols in the client's order
 * @throws SyntaxError when it is no list of distinct tokens
 */
function parse(header: string): Set<string> {
  const protocols = parseSubprotocols(header);
  if (protocols === undefined) {
    throw new SyntaxError('The header is not a list of distinct subprotocols');
  }
  return new Set(protocols);
}

/** The header of subprotocols, parsed. */
export const subprotocol: { parse: (header: string) => Set<string> } = { parse };
