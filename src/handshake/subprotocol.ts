/**
 * Subprotocols: the Sec-WebSocket-Protocol header and the choice from those offered (RFC 6455 §1.9,
 * §4.1, §11.3.4). Subprotocols are tokens and case-sensitive.
 */

import { isToken } from './header-grammar.ts';
import { HeaderScanner } from './header-scanner.ts';

/**
 * Parses the Sec-WebSocket-Protocol header of a request: one or more distinct tokens in order of
 * preference (RFC 6455 §4.1); undefined when malformed. Repeated fields are joined with commas.
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

/** Chooses the first of the client's subprotocols that the server supports (RFC 6455 §4.2.2). */
export function chooseSubprotocol(
  offered: readonly string[],
  supported: readonly string[],
): string | undefined {
  return offered.find((protocol) => supported.includes(protocol));
}

/**
 * Checks the server's choice: a client fails on any other (RFC 6455 §4.2.2).
 * @throws {@link TypeError} when it is not a token or was not offered
 */
export function checkChosenSubprotocol(protocol: string, offered: readonly string[]): void {
  if (!isToken(protocol)) throw new TypeError('The subprotocol must be a token');
  if (offered.includes(protocol)) return;
  throw new TypeError(`The client did not offer the subprotocol ${protocol}`);
}

/**
 * Finds the first of the subprotocols to be offered that is repeated or not a token (RFC 6455 §4.1,
 * WHATWG WebSockets §3.1). Returns a sentence, because the public class throws a DOMException.
 */
export function findSubprotocolFault(protocols: readonly string[]): string | undefined {
  const seen = new Set<string>();
  for (const protocol of protocols) {
    if (typeof protocol !== 'string')
      return `A subprotocol must be a token, not a value of type ${typeof protocol}`;
    if (!isToken(protocol)) return `A subprotocol must be a token: ${JSON.stringify(protocol)}`;
    if (seen.has(protocol)) return `A subprotocol is offered twice: ${protocol}`;
    seen.add(protocol);
  }
  return undefined;
}
