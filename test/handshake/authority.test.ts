import { describe, expect, it } from 'vitest';
import { isAuthority, isAuthorityWithPort } from '../../src/handshake/authority.ts';

describe('isAuthority (RFC 3986 §3.2, RFC 9110 §7.2)', () => {
  it.each([
    'example.com',
    'example.com:8080',
    'example.com:',
    'localhost:65535',
    '127.0.0.1:1',
    '[::1]',
    '[2001:db8::1]:443',
    '[::ffff:1.2.3.4]',
    'under_score',
    'xn--bcher-kva.example',
    'a%20b',
  ])('takes %j', (text) => {
    expect(isAuthority(text)).toBe(true);
    expect(isAuthorityWithPort(text)).toBe(/:[0-9]+$/.test(text));
  });

  it.each([
    '',
    ':80',
    'a:b',
    'a:65536',
    'a:123456',
    'a:80:80',
    'a:-1',
    '::1',
    '[::1',
    '[]',
    '[::1]x',
    '[g]',
    'user@host',
    'user:pass@host:80',
    'a/b',
    'a?b',
    'a#b',
    'a b',
    'a\\b',
    'a"b',
    'a<b',
    'a\r\nb',
    'a:80\r\n',
    'a\n',
    'a:80\n',
    'a\0',
    'b\xfccher',
  ])('refuses %j', (text) => {
    expect(isAuthority(text)).toBe(false);
    expect(isAuthorityWithPort(text)).toBe(false);
  });

  it('wants a port over 0 for a tunnel (RFC 9110 §9.3.6)', () => {
    expect(isAuthorityWithPort('a:0')).toBe(false);
    expect(isAuthorityWithPort('80')).toBe(false);
  });
});
