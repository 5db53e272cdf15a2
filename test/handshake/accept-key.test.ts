import { describe, expect, it } from 'vitest';
import {
  computeAccept,
  createHandshakeKey,
  isHandshakeKey,
} from '../../src/handshake/accept-key.ts';
import { testPlatform } from './test-platform.ts';

describe('Sec-WebSocket-Key (RFC 6455 §4.1 item 7)', () => {
  it('is 16 bytes in base64, fresh each time', () => {
    const keys = Array.from({ length: 20 }, () => createHandshakeKey(testPlatform));
    expect(keys.every(isHandshakeKey)).toBe(true);
    expect(keys.every((key) => Buffer.from(key, 'base64').length === 16)).toBe(true);
    expect(new Set(keys).size).toBe(20);
  });

  it('may have any bits after the 16 bytes, as the example of RFC 6455 §4.1 has', () => {
    expect(isHandshakeKey('AQIDBAUGBwgJCgsMDQ4PEC==')).toBe(true);
  });

  it.each([
    '',
    'dGhlIHNhbXBsZSBub25jZQ',
    'dGhlIHNhbXBsZSBub25jZQ=',
    'dGhlIHNhbXBsZSBub25jZQ===',
    'dGhlIHNhbXBsZSBub25jZQ==\n',
    ' dGhlIHNhbXBsZSBub25jZQ==',
    'dGhlIHNhbXBsZSBub25jZ-==',
    'dGhlIHNhbXBsZSBub25jZQAA',
    'dGhlIHNhbXBsZSBub25j',
    'dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==',
  ])('is not %j', (key) => {
    expect(isHandshakeKey(key)).toBe(false);
  });
});

describe('Sec-WebSocket-Accept (RFC 6455 §4.2.2)', () => {
  it('answers the key of RFC 6455 §1.3 as it says', () => {
    expect(computeAccept(testPlatform, 'dGhlIHNhbXBsZSBub25jZQ==')).toBe(
      's3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
    );
  });
});
