import { describe, expect, it } from 'vitest';
import { basicAuth, basicAuthOfUrl } from '../../src/node/basic-auth.ts';

const decode = (header: string | undefined): string =>
  Buffer.from((header ?? '').replace('Basic ', ''), 'base64').toString('latin1');

describe('Basic authentication (RFC 7617 §2)', () => {
  it('is nothing without userinfo', () => {
    expect(basicAuthOfUrl(new URL('ws://a/'))).toBeUndefined();
  });

  it('takes the example of RFC 7617', () => {
    const header = 'Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==';
    expect(basicAuth('Aladdin:open sesame')).toBe(header);
    expect(basicAuthOfUrl(new URL('ws://Aladdin:open%20sesame@a/'))).toBe(header);
  });

  it.each([
    ['ws://user@a/', 'user:'],
    ['ws://:secret@a/', ':secret'],
    ['ws://u%40h:p%3Aq%2f@a/', 'u@h:p:q/'],
    ['ws://u:100%25%zz%@a/', 'u:100%%zz%'],
    ['ws://u:%ff%0d%0a@a/', 'u:\xff\r\n'],
  ])('decodes the userinfo of %s byte by byte', (url, credentials) => {
    expect(decode(basicAuthOfUrl(new URL(url)))).toBe(credentials);
  });

  it('sends what is beyond ASCII as UTF-8', () => {
    expect(decode(basicAuthOfUrl(new URL('ws://ü:é@a/')))).toBe('\xc3\xbc:\xc3\xa9');
    expect(decode(basicAuth('ü:é'))).toBe('\xc3\xbc:\xc3\xa9');
  });

  it('never makes a header that breaks a line', () => {
    expect(basicAuth('a\r\nb:c')).toMatch(/^Basic [A-Za-z0-9+/=]+$/);
  });
});
