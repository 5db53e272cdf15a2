import { describe, expect, it } from 'vitest';
import { areHostsAllowed, isOriginAllowed } from '../../src/handshake/origin-policy.ts';

describe('isOriginAllowed (RFC 6455 §10.2)', () => {
  it('lets everything in without a list', () => {
    expect(isOriginAllowed('https://evil.example', undefined)).toBe(true);
    expect(isOriginAllowed(undefined, undefined)).toBe(true);
  });

  it('lets in what is listed, in any case, and nothing else', () => {
    const allowed = ['https://Example.com', 'http://localhost:8080'];
    expect(isOriginAllowed('https://example.COM', allowed)).toBe(true);
    expect(isOriginAllowed('http://localhost:8080', allowed)).toBe(true);
    for (const origin of [
      'http://example.com',
      'https://example.com.evil.example',
      'https://evil.example/https://example.com',
      'https://example.com:8443',
      'https://example.com, https://example.com',
      'null',
      '',
    ]) {
      expect(isOriginAllowed(origin, allowed)).toBe(false);
    }
  });

  it('lets in a request without an Origin only if undefined is listed', () => {
    expect(isOriginAllowed(undefined, ['https://a'])).toBe(false);
    expect(isOriginAllowed(undefined, ['https://a', undefined])).toBe(true);
    expect(isOriginAllowed('undefined', [undefined])).toBe(false);
    expect(isOriginAllowed('https://a', [])).toBe(false);
  });
});

describe('areHostsAllowed (RFC 9110 §7.2)', () => {
  const isAllowed = (host: string, ...allowed: string[]): boolean =>
    areHostsAllowed([host, undefined], allowed);

  it('lets everything in without a list', () => {
    expect(areHostsAllowed(['rebound.example'], undefined)).toBe(true);
  });

  it('lets in what is listed, in any case, on any port unless one is listed', () => {
    for (const host of ['example.com', 'EXAMPLE.com:8080', 'example.com:']) {
      expect(isAllowed(host, 'a', 'Example.COM')).toBe(true);
    }
    expect(isAllowed('[::1]:80', '[::1]')).toBe(true);
    expect(isAllowed('localhost:8080', 'localhost:8080')).toBe(true);
    expect(isAllowed('localhost:8081', 'localhost:8080')).toBe(false);
    expect(isAllowed('localhost', 'localhost:8080')).toBe(false);
  });

  it('lets in nothing else', () => {
    const others = [
      'evil.example',
      'example.com.evil.example',
      'evil-example.com',
      'example.com.',
      'a.example.com',
      '127.0.0.1',
      '',
    ];
    for (const host of others) expect(isAllowed(host, 'example.com')).toBe(false);
    expect(isAllowed('example.com')).toBe(false);
  });

  it('wants the host of an absolute target to be listed, too', () => {
    expect(areHostsAllowed(['example.com', 'example.com'], ['example.com'])).toBe(true);
    expect(areHostsAllowed(['example.com', 'evil.example'], ['example.com'])).toBe(false);
    expect(areHostsAllowed(['evil.example', 'example.com'], ['example.com'])).toBe(false);
  });
});
