import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HandshakeError, LimitExceededError } from '../../src/errors.ts';
import { DEFAULT_MAX_HEADER_BYTES, HeadParser } from '../../src/handshake/http-head.ts';
import {
  type RequestLine,
  requestLineGrammar,
  type StatusLine,
  statusLineGrammar,
} from '../../src/handshake/start-line.ts';
import { feed, feedOnce } from './feed.ts';

const request = (maxHeaderBytes?: number) => (): HeadParser<RequestLine> =>
  new HeadParser(requestLineGrammar, maxHeaderBytes);
const response = (maxHeaderBytes?: number) => (): HeadParser<StatusLine> =>
  new HeadParser(statusLineGrammar, maxHeaderBytes);

function look<StartLine extends object>({ head, fault }: HeadParser<StartLine>) {
  if (fault) return { code: fault.code, message: fault.message };
  return head;
}

const parseRequest = (input: string) => feed(request(), input, look);
const parseResponse = (input: string) => feed(response(), input, look);

describe('HeadParser', () => {
  it('parses the head of a request in any cut (RFC 9112 §2.1)', () => {
    const input = 'GET /chat?a HTTP/1.1\r\nHost: a:80\r\nX-Empty:\r\nx: \t y  z\t \r\n\r\n';
    expect(parseRequest(input)).toEqual({
      method: 'GET',
      target: '/chat?a',
      httpVersionMajor: 1,
      httpVersionMinor: 1,
      rawHeaders: ['Host', 'a:80', 'X-Empty', '', 'x', 'y  z'],
    });
  });

  it('parses the head of a response in any cut', () => {
    expect(parseResponse('HTTP/1.1 101 Switching\r\nA: \xe9:"\r\na: b\r\n\r\n')).toEqual({
      httpVersionMajor: 1,
      httpVersionMinor: 1,
      status: 101,
      reason: 'Switching',
      rawHeaders: ['A', '\xe9:"', 'a', 'b'],
    });
  });

  it('parses a head without header fields', () => {
    expect(parseResponse('HTTP/1.1 101 \r\n\r\n')).toMatchObject({ rawHeaders: [] });
  });

  it('leaves what follows the head, and takes nothing more', () => {
    const { reader, rest } = feedOnce(request(), 'GET / HTTP/1.1\r\n\r\n\x81\x00', 'GET /');
    expect(reader.head?.target).toBe('/');
    expect(rest).toBe('\x81\x00GET /');
  });

  it('ignores one empty line before a request, not two, nor one before a response (§2.2)', () => {
    expect(parseRequest('\r\nGET / HTTP/1.1\r\n\r\n')).toMatchObject({ method: 'GET' });
    expect(parseRequest('\r\n\r\nGET / HTTP/1.1\r\n\r\n')).toHaveProperty('code');
    expect(parseResponse('\r\nHTTP/1.1 101 \r\n\r\n')).toHaveProperty('code');
  });

  it('reads over interim responses to the final one (RFC 9110 §15.2)', () => {
    const interim = 'HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n';
    expect(parseResponse(`${interim}HTTP/1.1 101 \r\nC: d\r\n\r\n`)).toMatchObject({
      status: 101,
      rawHeaders: ['C', 'd'],
    });
  });

  it.each([
    ['a bare LF after the first line', 'GET / HTTP/1.1\nHost: a\n\n'],
    ['a bare LF after a field', 'GET / HTTP/1.1\r\nHost: a\n\r\n'],
    ['a bare LF at the end', 'GET / HTTP/1.1\r\nHost: a\r\n\n'],
    ['a bare CR in the first line', 'GET /\r HTTP/1.1\r\n\r\n'],
    ['a bare CR in a value', 'GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n'],
    ['a bare CR at the end', 'GET / HTTP/1.1\r\nHost: a\r\n\rx'],
    ['a folded line (RFC 9112 §5.2)', 'GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n'],
    ['a line folded with a tab', 'GET / HTTP/1.1\r\nHost: a\r\n\tb\r\n\r\n'],
    ['whitespace before the first field (RFC 9112 §2.2)', 'GET / HTTP/1.1\r\n Host: a\r\n\r\n'],
    ['whitespace before the colon (RFC 9112 §5.1)', 'GET / HTTP/1.1\r\nHost : a\r\n\r\n'],
    ['a field without colon', 'GET / HTTP/1.1\r\nHost\r\n\r\n'],
    ['a field without name', 'GET / HTTP/1.1\r\n: a\r\n\r\n'],
    ['a name that is not a token', 'GET / HTTP/1.1\r\nHo(st: a\r\n\r\n'],
    ['a name beyond ASCII', 'GET / HTTP/1.1\r\nH\xf6st: a\r\n\r\n'],
    ['NUL in a value', 'GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n'],
    ['DEL in a value', 'GET / HTTP/1.1\r\nHost: a\x7f\r\n\r\n'],
    ['ESC in a value', 'GET / HTTP/1.1\r\nHost: \x1b[1m\r\n\r\n'],
    ['NUL in the first line', 'GET /\0 HTTP/1.1\r\n\r\n'],
    ['two spaces in the first line', 'GET  / HTTP/1.1\r\n\r\n'],
    ['HTTP/2 (RFC 9113 §3.4)', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['a TLS ClientHello', '\x16\x03\x01\x02\x00\x01\x00'],
    ['a response where a request is due', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
  ])('finds %s malformed, with 400', (_, input) => {
    expect(parseRequest(input)).toMatchObject({ code: 'WS_HEAD_MALFORMED' });
    const { fault } = feedOnce(request(), input).reader;
    expect(fault).toBeInstanceOf(HandshakeError);
    expect(fault).toMatchObject({ status: 400 });
  });

  it.each([
    'HTTP/1.1 101 a\r\nA: b\r\n c\r\n\r\n',
    'HTTP/1.1 101\nA: b\n\n',
    'HTTP/1.1 1010 a\r\n\r\n',
  ])('finds the response %j malformed, with no status to answer', (input) => {
    expect(parseResponse(input)).toMatchObject({ code: 'WS_HEAD_MALFORMED' });
    expect(feedOnce(response(), input).reader.fault).toMatchObject({ status: 0 });
  });

  it('reports a wrong byte when it arrives, not when the head ends', () => {
    expect(feedOnce(request(), '\x16').reader.fault).toBeDefined();
    expect(feedOnce(request(), 'GET / HTTP/1.1\r\nHost: a\r\n').reader.fault).toBeUndefined();
    expect(feedOnce(request(), 'GET / HTTP/1.1\r\nHost: a\r\n ').reader.fault).toBeDefined();
    expect(feedOnce(request(), 'GET / HTTP/3.1\r\n').reader.fault).toBeDefined();
  });

  it('finds a head malformed that the transport cuts short (RFC 9112 §8)', () => {
    const { reader } = feedOnce(request(), 'GET / HTTP/1.1\r\n');
    expect(look(reader)).toBeUndefined();
    reader.receiveEnd();
    expect(reader.fault?.message).toContain('ended');
    expect(reader.receive(new Uint8Array(9))).toBe(0);
  });

  it('finds nothing wrong with an end after the head', () => {
    const { reader } = feedOnce(request(), 'GET / HTTP/1.1\r\n\r\n');
    reader.receiveEnd();
    expect(reader.fault).toBeUndefined();
  });
});

describe('maxHeaderBytes', () => {
  const head = 'GET / HTTP/1.1\r\nA: b\r\n\r\n';

  it('is 16 KiB by default', () => {
    expect(DEFAULT_MAX_HEADER_BYTES).toBe(16_384);
    const fits = `GET / HTTP/1.1\r\nA: ${'b'.repeat(16_384 - 23)}\r\n\r\n`;
    expect(fits).toHaveLength(16_384);
    expect(feedOnce(request(), fits, 'x').reader.head).toBeDefined();
    expect(feedOnce(request(), fits.replace('b', 'bb')).reader.fault?.code).toBe(
      'WS_HEAD_TOO_LONG',
    );
  });

  it('admits a head of exactly that length, and none that is a byte longer', () => {
    expect(feed(request(head.length), head, look)).toMatchObject({ method: 'GET' });
    expect(feed(request(head.length - 1), head, look)).toMatchObject({ code: 'WS_HEAD_TOO_LONG' });
  });

  it('reports the limit and the first byte over it', () => {
    const { fault } = feedOnce(request(10), head).reader;
    expect(fault).toBeInstanceOf(LimitExceededError);
    expect(fault).toMatchObject({ limit: 10, actual: 11 });
  });

  it('ends an endless head of single bytes (CVE-2023-43669, CVE-2026-54465)', () => {
    const parser = response()();
    const byte = new Uint8Array(1);
    const start = 'HTTP/1.1 101 ';
    let count = 0;
    for (; parser.fault === undefined && count < 1_000_000; count++) {
      byte[0] = start.charCodeAt(count) || 0x61;
      parser.receive(byte);
    }
    expect(parser.fault?.code).toBe('WS_HEAD_TOO_LONG');
    expect(count).toBe(DEFAULT_MAX_HEADER_BYTES + 1);
  });

  it('counts interim responses, so that an endless series of them ends (CVE-2026-54465)', () => {
    const parser = response()();
    const interim = new TextEncoder().encode('HTTP/1.1 103 Early Hints\r\n\r\n');
    let count = 0;
    for (; parser.fault === undefined && count < 10_000; count++) parser.receive(interim);
    expect(parser.fault?.code).toBe('WS_HEAD_TOO_LONG');
    expect(count).toBe(Math.ceil((DEFAULT_MAX_HEADER_BYTES + 1) / interim.length));
  });

  it('reads 2 MiB byte by byte when the limit is raised, which needs linear time', () => {
    const size = 2 * 1024 * 1024;
    const parser = request(size * 2)();
    const byte = new Uint8Array(1);
    const start = 'GET / HTTP/1.1\r\nA: ';
    for (let at = 0; at < size; at++) {
      byte[0] = start.charCodeAt(at) || 0x20;
      parser.receive(byte);
    }
    parser.receive(new TextEncoder().encode('x\r\n\r\n'));
    expect(parser.head?.rawHeaders).toEqual(['A', 'x']);
  });
});

describe('any bytes (properties)', () => {
  const piece = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.constantFrom(
        ...'GET / HTTP/1.1|HTTP/1.1 101 x|\r\n|\r\n\r\n|A: b|:| |\t|\0|\xff'.split('|'),
      ),
    },
    fc.string({ unit: 'binary-ascii' }),
  );
  const input = fc.array(piece).map((pieces) => pieces.join(''));

  /** Cuts a text into pieces of the given sizes, over and over. */
  function cutUp(text: string, sizes: readonly number[]): string[] {
    const chunks: string[] = [];
    for (let at = 0, cut = 0; at < text.length; cut++) {
      const size = sizes[cut % sizes.length] || 1;
      chunks.push(text.slice(at, at + size));
      at += size;
    }
    return chunks;
  }

  function check<T extends object>(create: () => HeadParser<T>, text: string, sizes: number[]) {
    const whole = feedOnce(create, text);
    const cut = feedOnce(create, ...cutUp(text, sizes));
    expect(look(cut.reader)).toEqual(look(whole.reader));
    expect(cut.reader.head === undefined || cut.reader.fault === undefined).toBe(true);
    if (whole.reader.head) expect(cut.rest).toBe(whole.rest);
  }

  it('give a head or one fault or neither, in any cut, and never a throw', () => {
    fc.assert(
      fc.property(input, fc.array(fc.nat({ max: 20 }), { minLength: 1 }), (text, sizes) => {
        check(request(200), text, sizes);
        check(response(200), text, sizes);
      }),
      { numRuns: 500 },
    );
  });
});
