/**
 * Subprotocols: the Sec-WebSocket-Protocol header and the choice between those offered (RFC 6455 §1.9, §4.1, §11.3.4).
 *
 * Subprotocols are tokens, compared with regard to case. What an application passes is judged here but not refused here:
 * the public class throws the DOMException that WHATWG names.
 */

import { isToken } from './header-grammar.ts';
import { HeaderScanner } from './header-scanner.ts';

/**
 * Parses the Sec-WebSocket-Protocol header of a request: distinct tokens, at least one (RFC 6455 §4.1).
 *
 * @param header - the field value; repeated fields are joined with commas first (RFC 6455 §11.3.4)
 * @returns the subprotocols in the client's order of preference, or undefined when the header breaks the grammar
 */
export function parseSubprotocols(header: string): string[] | undefined {
  const scanner = new HeaderScanner(header);
  const protocols = new Set<string>();
  while (scanner.skipToElement()) {
    const protocol = scanner.takeToken();
    if (protocol === '' || protocols.has(protocol) || !scanner.endElement()) return undefined;
    protocols.add(protocol);
  }
  return protocols.size > 0 ? [...protocols] : undefined;
}

/**
 * Chooses a subprotocol: the first of the client's, which are in order of preference, that the server speaks too
 * (RFC 6455 §4.2.2).
 *
 * @param offered - what the client offered
 * @param supported - what the server speaks, in any order
 * @returns the subprotocol, or undefined when there is none in common: the connection then has none
 */
export function chooseSubprotocol(
  offered: readonly string[],
  supported: readonly string[],
): string | undefined {
  return offered.find((protocol) => supported.includes(protocol));
}

/**
 * Finds what is wrong with the subprotocols that an application offers (RFC 6455 §4.1, WHATWG WebSockets §3.1).
 *
 * @param protocols - the subprotocols as the application gave them
 * @returns a sentence about the first that is not a token or that repeats another, or undefined when all is well
 */
export function findSubprotocolFault(protocols: readonly string[]): string | undefined {
  const seen = new Set<string>();
  for (const protocol of protocols) {
    if (typeof protocol !== 'string' || !isToken(protocol)) {
      return `A subprotocol must be a token: ${JSON.stringify(protocol)}`;
    }
    if (seen.has(protocol)) return `A subprotocol is offered twice: ${protocol}`;
    seen.add(protocol);
  }
  return undefined;
}
