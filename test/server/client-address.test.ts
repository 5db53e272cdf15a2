/** Which address a request counts for: behind proxies, and of IPv6. */

import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { clientAddress, countedAs, readTrustedProxies } from '../../src/server/client-address.ts';

function addressOf(
  remoteAddress: string | undefined,
  forwarded: string | undefined,
  proxies?: readonly string[],
): string | undefined {
  const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
  const request = { headers, socket: { remoteAddress } } as unknown as IncomingMessage;
  return clientAddress(request, readTrustedProxies(proxies));
}

describe('clientAddress', () => {
  it('is that of the socket: X-Forwarded-For is anybody’s', () => {
    expect(addressOf('192.0.2.1', '198.51.100.7')).toBe('192.0.2.1');
    expect(addressOf('192.0.2.1', '198.51.100.7', [])).toBe('192.0.2.1');
    expect(addressOf('192.0.2.1', '198.51.100.7', ['192.0.2.2'])).toBe('192.0.2.1');
    expect(addressOf(undefined, '198.51.100.7')).toBe(undefined);
  });

  it.each([
    ['10.0.0.1', '198.51.100.7', '198.51.100.7'],
    ['::ffff:10.0.0.1', '198.51.100.7', '198.51.100.7'],
    ['10.0.0.1', undefined, '10.0.0.1'],
    ['10.0.0.1', '', '10.0.0.1'],
    // What the client has sent itself stands on the left.
    ['10.0.0.1', '1.2.3.4, 198.51.100.7', '198.51.100.7'],
    ['10.0.0.1', '1.2.3.4, 198.51.100.7, 10.9.9.9', '198.51.100.7'],
    ['10.0.0.1', '1.2.3.4,198.51.100.7 ,\t10.9.9.9,10.1.1.1', '198.51.100.7'],
    // All of them proxies: the one that is farthest away.
    ['10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    // What names nobody ends it.
    ['10.0.0.1', '198.51.100.7, unknown', '10.0.0.1'],
    ['10.0.0.1', '198.51.100.7, _hidden, 10.0.0.2', '10.0.0.2'],
    ['10.0.0.1', '198.51.100.7, ', '10.0.0.1'],
    ['10.0.0.1', '198.51.100.7:4711', '198.51.100.7'],
    ['10.0.0.1', '[2001:db8::7]:4711', '2001:db8::7'],
    ['10.0.0.1', '[2001:db8::7]', '2001:db8::7'],
    ['10.0.0.1', '2001:db8::7', '2001:db8::7'],
    ['10.0.0.1', '::ffff:198.51.100.7', '198.51.100.7'],
    ['10.0.0.1', '::FFFF:c633:6407', '198.51.100.7'],
    ['10.0.0.1', '0:0:0:0:0:ffff:198.51.100.7', '198.51.100.7'],
    ['10.0.0.1', '0000::0:FFFF:c633:6407', '198.51.100.7'],
    ['10.0.0.1', '198.51.100.7, ::ffff:a00:2', '198.51.100.7'],
    ['2001:db8:1::1', '2001:db8:9::9', '2001:db8:9::9'],
    ['10.0.0.1', 'fe80::1%eth0', 'fe80::1%eth0'],
    ['10.0.0.1', `fe80::1%${'a'.repeat(9000)}`, `fe80::1%${'a'.repeat(9000)}`],
    ['10.0.0.1', '1.2.3.4, '.repeat(3000).concat('10.0.0.2,'.repeat(3000), '10.0.0.3'), '1.2.3.4'],
    ['10.0.0.1', '198.51.100.7, ::ffff:999.1.1.1', '10.0.0.1'],
    ['10.0.0.1', '198.51.100.7, 0x7f.1', '10.0.0.1'],
    // A Unix socket is reached from this host alone.
    [undefined, '198.51.100.7', '198.51.100.7'],
    [undefined, undefined, undefined],
  ])('from %s with %j is %s', (remote, forwarded, address) => {
    const proxies = ['10.0.0.0/8', '2001:db8:1::/48'];
    expect(addressOf(remote, forwarded, proxies)).toBe(address);
  });
});

describe('countedAs', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
    ['1:2:3:4:5:6:192.0.2.1', '1:2:3:4::/64'],
    ['1:2:3::192.0.2.1', '1:2:3:0::/64'],
    ['0001:0002::5', '1:2:0:0::/64'],
    // All of IPv4 would be one network.
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::ffff:c000:201', '192.0.2.1'],
    ['0:0:0:0:0:FFFF:c000:0201', '192.0.2.1'],
    ['1:0:0:0:0:ffff:c000:201', '1:0:0:0::/64'],
    ['::ffff:0:c000:201', '0:0:0:0::/64'],
  ])('of %s is %s', (address, counted) => {
    expect(countedAs(address)).toBe(counted);
  });
});

describe('readTrustedProxies', () => {
  it('takes a network of IPv4 addresses in IPv6 for one of IPv4', () => {
    const proxies = ['::ffff:10.0.0.0/104'];
    expect(addressOf('10.9.9.9', '198.51.100.7', proxies)).toBe('198.51.100.7');
    expect(addressOf('::ffff:10.9.9.9', '198.51.100.7', proxies)).toBe('198.51.100.7');
    expect(addressOf('11.0.0.1', '198.51.100.7', proxies)).toBe('11.0.0.1');
  });

  it.each(['10.0.0.1', '10.0.0.0/0', '::1', '2001:db8::/32', '::ffff:10.0.0.1'])(
    'takes %s',
    (proxy) => {
      expect(readTrustedProxies([proxy])).toBeDefined();
    },
  );

  it.each([
    '',
    'proxy',
    '10.0.0',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/',
    '::/129',
    '::1/1/1',
    // Prefixes of IPv4, with which all addresses would be trusted.
    '::ffff:10.0.0.0/8',
    '::ffff:a00:0/95',
    5,
  ])('does not take %j', (proxy) => {
    expect(() => readTrustedProxies([proxy])).toThrow(/not an address or CIDR$/);
  });
});
