import { describe, expect, it } from 'vitest';
import { parseRequestTarget } from '../../src/handshake/request-target.ts';

describe('parseRequestTarget (RFC 6455 §4.2.1 item 1)', () => {
  it.each([
    ['/', '/', undefined],
    ['/chat?a=b&c', '/chat?a=b&c', undefined],
    ['//example.com/a', '//example.com/a', undefined],
    ['/a?b=http://c', '/a?b=http://c', undefined],
    ['http://example.com', '/', 'example.com'],
    ['http://example.com/', '/', 'example.com'],
    ['HTTPS://example.com:8443/a?b', '/a?b', 'example.com:8443'],
    ['http://[::1]?a', '/?a', '[::1]'],
    ['ws://example.com/a', '/a', 'example.com'],
    ['WSS://example.com:8443', '/', 'example.com:8443'],
  ])('takes %s for %s of %s', (target, resourceName, authority) => {
    expect(parseRequestTarget(target)).toEqual({ resourceName, authority });
  });

  it.each([
    '',
    '*',
    'chat',
    '?a',
    'example.com:80',
    'ftp://example.com/',
    '://a',
    'http:///a',
    'http://',
    'http:/a',
    'http://u@a/',
    'http://a:b/',
    '/a#b',
    '/#',
    '/a b',
    '/a\r\nb',
    '/\0',
    '/\x7f',
    '/\xe9',
    '/\u0100',
  ])('refuses %j', (target) => {
    expect(parseRequestTarget(target)).toBeUndefined();
  });
});
