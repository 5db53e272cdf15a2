import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HeadParser } from '../../src/handshake/http-head.ts';
import { printRequestHead, printResponseHead } from '../../src/handshake/http-head-printer.ts';
import { requestLineGrammar, statusLineGrammar } from '../../src/handshake/start-line.ts';
import { feedOnce } from './feed.ts';

const BROKEN = ['\r', '\n', '\0', 'a\r\nX: y', 'a\r\n\r\nb', '\x7f', '\u010d', '\u560a'];

describe('printRequestHead (RFC 9112 §3)', () => {
  it('prints a head', () => {
    expect(printRequestHead('GET', '/a?b', ['Host', 'c', 'D', ''])).toBe(
      'GET /a?b HTTP/1.1\r\nHost: c\r\nD: \r\n\r\n',
    );
  });

  it.each([...BROKEN, '', ' ', 'a b'])('throws TypeError for %j as method or target', (text) => {
    expect(() => printRequestHead(text, '/', [])).toThrow(TypeError);
    expect(() => printRequestHead('GET', text, [])).toThrow(TypeError);
  });

  it.each(BROKEN)('throws TypeError for %j as name or value of a header', (text) => {
    expect(() => printRequestHead('GET', '/', [text, 'a'])).toThrow(TypeError);
    expect(() => printRequestHead('GET', '/', ['a', text])).toThrow(TypeError);
    expect(() => printResponseHead(200, [text, 'a'])).toThrow(TypeError);
    expect(() => printResponseHead(200, ['a', text])).toThrow(TypeError);
  });
});

describe('printResponseHead (RFC 9112 §4)', () => {
  it('prints the usual reason of a status, none where it knows none, or the one given', () => {
    expect(printResponseHead(101, [])).toBe('HTTP/1.1 101 Switching Protocols\r\n\r\n');
    expect(printResponseHead(499, [])).toBe('HTTP/1.1 499 \r\n\r\n');
    expect(printResponseHead(403, [], 'No way')).toBe('HTTP/1.1 403 No way\r\n\r\n');
  });

  it.each(BROKEN)('throws TypeError for the reason %j', (reason) => {
    expect(() => printResponseHead(403, [], reason)).toThrow(TypeError);
  });

  it.each([0, 99, 600, 200.5, Number.NaN, '200' as unknown as number])(
    'throws RangeError for the status %s',
    (status) => {
      expect(() => printResponseHead(status, [])).toThrow(RangeError);
    },
  );
});

describe('parse after print is the identity (property)', () => {
  const token = fc.string({ minLength: 1, unit: fc.constantFrom(...'aZ09-_!~') });
  const target = fc.string({ unit: fc.constantFrom(...'a/?&=%~') }).map((path) => `/${path}`);
  const value = fc
    .string({ unit: fc.constantFrom(...'a \t:,;"\\\x80\xff') })
    .map((text) => text.replace(/^[ \t]+|[ \t]+$/g, ''));
  const rawHeaders = fc.array(fc.tuple(token, value)).map((fields) => fields.flat());

  it('for requests', () => {
    fc.assert(
      fc.property(token, target, rawHeaders, (method, path, headers) => {
        const text = printRequestHead(method, path, headers);
        const { head } = feedOnce(() => new HeadParser(requestLineGrammar), text).reader;
        expect(head).toEqual({
          method,
          target: path,
          httpVersionMajor: 1,
          httpVersionMinor: 1,
          rawHeaders: headers,
        });
      }),
    );
  });

  it('for responses', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 200, max: 599 }),
        rawHeaders,
        value,
        (status, headers, reason) => {
          const text = printResponseHead(status, headers, reason);
          const { head } = feedOnce(() => new HeadParser(statusLineGrammar), text).reader;
          expect(head).toEqual({
            status,
            reason,
            httpVersionMajor: 1,
            httpVersionMinor: 1,
            rawHeaders: headers,
          });
        },
      ),
    );
  });
});
