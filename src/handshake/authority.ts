/**
 * The authority of a URL without userinfo: `host [":" port]` (RFC 3986 §3.2, RFC 9110 §7.2).
 *
 * It stands in the Host header, in an absolute request target and in a CONNECT request. Userinfo is never accepted in
 * any of them (RFC 9110 §4.2.4). Whether such a host exists, or is a valid IPv6 address, is the resolver's business.
 */

const REGISTERED_NAME = /^[A-Za-z0-9\-._~!$&'()*+,;=%]+$/;
const BRACKETED_ADDRESS = /^\[[0-9A-Fa-f:.]+\]$/;
const PORT = /^[0-9]{0,5}$/;
const PORT_LAST = 0xffff;

/** Tells whether a string is a host with an optional port: a name, an IPv4 address, or an IPv6 address in brackets. */
export function isAuthority(text: string): boolean {
  const portColon = findPortColon(text);
  if (portColon === -1) return isHost(text);
  const port = text.slice(portColon + 1);
  return isHost(text.slice(0, portColon)) && PORT.test(port) && Number(port) <= PORT_LAST;
}

/** Tells whether a string is a host and a port, both given, as CONNECT wants them (RFC 9110 §9.3.6). */
export function isAuthorityWithPort(text: string): boolean {
  const portColon = findPortColon(text);
  return portColon !== -1 && isAuthority(text) && Number(text.slice(portColon + 1)) > 0;
}

/** Finds the colon before the port; those of an IPv6 address are within its brackets. */
function findPortColon(text: string): number {
  return text.indexOf(':', text.startsWith('[') ? text.indexOf(']') + 1 : 0);
}

function isHost(text: string): boolean {
  return REGISTERED_NAME.test(text) || BRACKETED_ADDRESS.test(text);
}
