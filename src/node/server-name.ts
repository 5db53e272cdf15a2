/** The name that a TLS client asks a server for, in SNI (RFC 6066 §3). */

import { isIP } from 'node:net';

/** Returns the name of a host: without the dot that may end it, and empty for an IP address. */
export function serverNameOf(host: string): string {
  return isIP(host) === 0 ? host.replace(/\.$/, '') : '';
}
