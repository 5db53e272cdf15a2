import { describe, expect, it } from 'vitest';
import { isOriginAllowed } from '../../src/handshake/origin-policy.ts';

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
