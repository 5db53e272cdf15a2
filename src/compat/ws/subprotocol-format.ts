/** `subprotocol` of `ws`: the Sec-WebSocket-Protocol header (RFC 6455 §11.3.4) as a set. */

import { parseSubprotocols } from '../../handshake/subprotocol.ts';

/** Parses the header. @throws SyntaxError when it is not a list of distinct tokens */
function parse(header: string): Set<string> {
  const protocols = parseSubprotocols(header);
  if (protocols === undefined) {
    throw new SyntaxError('The header is not a list of distinct subprotocols');
  }
  return new Set(protocols);
}

export const subprotocol: { parse: (header: string) => Set<string> } = { parse };
