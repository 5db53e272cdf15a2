/**
 * Where a request comes from, and what counts as one address. Behind proxies it is what they add to
 * X-Forwarded-For, which every client can send too: so the field is read from the right, and only
 * as far as trusted proxies wrote it. `Forwarded` (RFC 7239) is not read.
 */

import { BlockList, isIP } from 'node:net';
import type { WebSocketRequest } from '../api/websocket.ts';

/** With a port, as some proxies add: `192.0.2.1:80`, `[2001:db8::1]:80`. */
const WITH_PORT = /^(?:\[(.*)\]|([0-9.]+))(?::[0-9]+)?$/;
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
    const [written = '', prefix, ...rest] = String(one).split('/');
    const address = plainAddress(written);
    const family = familyOf(address);
    const longest = family === 'ipv4' ? 32 : 128;
    // A shorter one would be of more than the IPv4 addresses in IPv6: of all addresses there are.
    const skipped = address === written ? 0 : MAPPED_PREFIX;
    const length = /^[0-9]{1,3}$/.test(prefix ?? '') ? Number(prefix) - skipped : -1;
    const isNetwork = length >= 0 && length <= longest;
    const isAddress = isIP(address) !== 0 && (prefix === undefined || isNetwork);
    if (!isAddress || rest.length > 0) {
      throw new TypeError(
        `Option trustedProxies has ${JSON.stringify(one)}: not an address or CIDR`,
      );
    }
    if (prefix === undefined) proxies.addAddress(address, family);
    else proxies.addSubnet(address, length, family);
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

/**
 * Whether nobody is at the other end any more: a TCP socket that was reset with the request still
 * to be read has no address but its own. It must not pass for a Unix socket, which is trusted.
 */
export function hasLeft(request: WebSocketRequest): boolean {
  try {
    const { remoteAddress, localAddress } = request.socket;
    return remoteAddress === undefined && localAddress !== undefined;
  } catch {
    // The session of HTTP/2 has ended.
    return true;
  }
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

/** Groups of an address that are one customer's: the smallest network that a provider assigns. */
const NETWORK_GROUPS = 4;
const GROUPS = 8;
/** Bits in front of an IPv4 address in IPv6, the last of these groups (RFC 4291 §2.5.5.2). */
const MAPPED_PREFIX = 96;
const MAPPED_GROUPS = [0, 0, 0, 0, 0, 0xffff];

/** Returns what an address is counted as: IPv4 itself, IPv6 its /64, as a host has all of one. */
export function countedAs(address: string): string {
  const plain = plainAddress(address);
  if (isIP(plain) !== 6) return plain;
  const network = groupsOf(plain).slice(0, NETWORK_GROUPS);
  return `${network.map((group) => group.toString(16)).join(':')}::/64`;
}

/** Returns an IPv4 address in IPv6, however it is written, as IPv4; any other as it is. */
function plainAddress(address: string): string {
  if (isIP(address) !== 6) return address;
  const groups = groupsOf(address);
  if (!MAPPED_GROUPS.every((group, at) => groups[at] === group)) return address;
  return groups
    .slice(MAPPED_GROUPS.length)
    .flatMap((group) => [group >> 8, group & 0xff])
    .join('.');
}

/** @param address - in IPv6, of any form */
function groupsOf(address: string): number[] {
  const [head = '', tail] = address.replace(/%.*/, '').split('::');
  const before = numbersOf(head);
  const after = numbersOf(tail ?? '');
  const zeros = tail === undefined ? 0 : GROUPS - before.length - after.length;
  return [...before, ...Array<number>(zeros).fill(0), ...after];
}

function numbersOf(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((part) => {
    if (!part.includes('.')) return [Number.parseInt(part, 16)];
    // The last 32 bits may be written as IPv4.
    const [a = 0, b = 0, c = 0, d = 0] = part.split('.').map(Number);
    return [a * 256 + b, c * 256 + d];
  });
}
