import { describe, expect, it } from 'vitest';
import {
  authorityOf,
  connectHostOf,
  findUrlFault,
  hostHeaderOf,
  isSecureUrl,
  portOf,
  requestTargetOf,
  toWebSocketScheme,
} from '../../src/handshake/url.ts';

describe('WebSocket URLs (RFC 6455 §3, WHATWG WebSockets §3.1)', () => {
  it.each([
    ['ws:', 'ws:'],
    ['http:', 'ws:'],
    ['wss:', 'wss:'],
    ['https:', 'wss:'],
    ['ftp:', undefined],
    ['ws', undefined],
    ['constructor', undefined],
  ])('maps the scheme %s to %s', (scheme, mapped) => {
    expect(toWebSocketScheme(scheme)).toBe(mapped);
  });

  it.each(['ws://a', 'wss://a/b?c', 'http://a', 'https://a', 'ws://u:p@a/%23?%23'])(
    'finds nothing wrong with %s',
    (url) => {
      expect(findUrlFault(new URL(url))).toBeUndefined();
    },
  );

  it.each(['ftp://a', 'file:///a', 'mailto:a', 'about:blank'])(
    'refuses the scheme of %s',
    (url) => {
      expect(findUrlFault(new URL(url))).toContain('scheme');
    },
  );

  it.each(['ws://a/#', 'ws://a/#b', 'wss://a?b#'])('refuses the fragment of %s', (url) => {
    expect(findUrlFault(new URL(url))).toContain('fragment');
  });

  it.each([
    ['ws://example.com', false, 80, 'example.com', 'example.com', 'example.com:80', '/'],
    ['wss://example.com', true, 443, 'example.com', 'example.com', 'example.com:443', '/'],
    ['http://a:80/b', false, 80, 'a', 'a', 'a:80', '/b'],
    ['https://a:8443/b?c=d', true, 8443, 'a', 'a:8443', 'a:8443', '/b?c=d'],
    ['ws://a:443/?', false, 443, 'a', 'a:443', 'a:443', '/'],
    ['ws://[::1]:81/%20', false, 81, '::1', '[::1]:81', '[::1]:81', '/%20'],
    ['ws://u:p@127.1/', false, 80, '127.0.0.1', '127.0.0.1', '127.0.0.1:80', '/'],
    [
      'ws://b\xfccher/\xe9',
      false,
      80,
      'xn--bcher-kva',
      'xn--bcher-kva',
      'xn--bcher-kva:80',
      '/%C3%A9',
    ],
  ])('takes %s apart', (text, secure, port, host, hostHeader, authority, target) => {
    const url = new URL(text);
    expect(isSecureUrl(url)).toBe(secure);
    expect(portOf(url)).toBe(port);
    expect(connectHostOf(url)).toBe(host);
    expect(hostHeaderOf(url)).toBe(hostHeader);
    expect(authorityOf(url)).toBe(authority);
    expect(requestTargetOf(url)).toBe(target);
  });

  it('asks for / when the path is empty (RFC 6455 §3)', () => {
    const url = { ...bare, pathname: '', search: '?a' };
    expect(requestTargetOf(url)).toBe('/?a');
  });
});

const bare = { href: 'ws://a', protocol: 'ws:', hostname: 'a', port: '', pathname: '', search: '' };
