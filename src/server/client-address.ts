/**
 * Where a request comes from, and what counts as one address. Behind proxies it is what they add to
 * X-Forwarded-For, which every client can send too: so the field is read from the right, and only
 * as far as trusted proxies wrote it. `Forwarded` (RFC 7239) is not read.
 */

import { BlockList, isIP } from 'node:net';
import type { WebSocketRequest } from '../api/websocket.ts';

/** With a port, as some proxies add: `192.0.2.1:80`, `[2001:db8::1]:80`. */
const WITH_PORT = /^(?:\[(.*)\]|([0-9.]+))(?::[0-9]+)?$/;
/** An IPv4 address in IPv6 (RFC 4291 §2.5.5.2). */
const MAPPED = /^::ffff:([0-9.]+)$/i;

/**
 * Reads a list of addresses and networks: `10.0.0.1`, `10.0.0.0/8`, `2001:db8::/32`.
 *
 * @throws TypeError when it is not a list, or has something else in it
 */
export function readTrustedProxies(list: unknown): BlockList | undefined {
  if (list === undefined) return undefined;
  if (!Array.isArray(list))
    throw new TypeError('Option trustedProxies must be a list of addresses');
  const proxies = new BlockList();
  for (const one of list as unknown[]) {
    const [address = '', prefix, ...rest] = String(one).split('/');
    const family = familyOf(address);
    const longest = family === 'ipv4' ? 32 : 128;
    const isNetwork = prefix !== undefined && /^[0-9]{1,3}$/.test(prefix) && +prefix <= longest;
    const isAddress = isIP(address) !== 0 && (prefix === undefined || isNetwork);
    if (!isAddress || rest.length > 0) {
      throw new TypeError(
        `Option trustedProxies has ${JSON.stringify(one)}: not an address or CIDR`,
      );
    }
    if (prefix === undefined) proxies.addAddress(address, family);
    else proxies.addSubnet(address, Number(prefix), family);
  }
  return proxies;
}

/**
 * Returns the address of the client: of the socket, or behind trusted proxies the last in
 * X-Forwarded-For that is not one of them. undefined for a Unix socket without a proxy.
 */
export function clientAddress(
  request: WebSocketRequest,
  proxies: BlockList | undefined,
): string | undefined {
  let address = remoteAddressOf(request);
  if (proxies === undefined) return address;
  const hops = String(request.headers['x-forwarded-for'] ?? '').split(',');
  // Whoever connects to a Unix socket is on this host: with a list of proxies, one of them.
  while (hops.length > 0 && (address === undefined || isTrusted(proxies, address))) {
    const hop = hops.pop()?.trim() ?? '';
    const [, bracketed, bare] = WITH_PORT.exec(hop) ?? [];
    const next = plainAddress(bracketed ?? bare ?? hop);
    // What is not an address names nobody: the proxy that passed it on is as far as we can see.
    if (isIP(next) === 0) break;
    address = next;
  }
  return address;
}

function remoteAddressOf(request: WebSocketRequest): string | undefined {
  try {
    const { remoteAddress } = request.socket;
    return remoteAddress === undefined ? undefined : plainAddress(remoteAddress);
  } catch {
    // The session of HTTP/2 has ended, and has no socket any more.
    return undefined;
  }
}

function isTrusted(proxies: BlockList, address: string): boolean {
  return proxies.check(address, familyOf(address));
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}

function plainAddress(address: string): string {
  return MAPPED.exec(address)?.[1] ?? address;
}

/** Groups of an address that are one customer's: the smallest network that a provider assigns. */
const NETWORK_GROUPS = 4;
const GROUPS = 8;

/** Returns what an address is counted as: IPv4 itself, IPv6 its /64, as a host has all of one. */
export function countedAs(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = '', tail] = address.split('%')[0]!.toLowerCase().split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  // The last 32 bits may be written as IPv4.
  const length = before.length + after.length + Number(address.includes('.'));
  const zeros = tail === undefined ? 0 : GROUPS - length;
  const groups = [...before, ...Array<string>(zeros).fill('0'), ...after];
  const network = groups.slice(0, NETWORK_GROUPS).map((group) => Number.parseInt(group, 16));
  return `${network.map((group) => group.toString(16)).join(':')}::/64`;
}
