import { describe, expect, it } from 'vitest';
import { requestLineGrammar, statusLineGrammar } from '../../src/handshake/start-line.ts';

describe('the request line (RFC 9112 §3)', () => {
  it.each([
    ['GET / HTTP/1.1', 'GET', '/', 1],
    ['CONNECT a:80 HTTP/1.0', 'CONNECT', 'a:80', 0],
    ['!x http://a/b?c HTTP/1.9', '!x', 'http://a/b?c', 9],
  ])('parses %j', (line, method, target, httpVersionMinor) => {
    expect(requestLineGrammar.parse(line)).toEqual({
      method,
      target,
      httpVersionMajor: 1,
      httpVersionMinor,
    });
  });

  it.each([
    '',
    'GET /',
    'GET / ',
    'GET  / HTTP/1.1',
    'GET /  HTTP/1.1',
    ' GET / HTTP/1.1',
    'GET / HTTP/1.1 ',
    'GET /a b HTTP/1.1',
    'GET\t/ HTTP/1.1',
    'GET / http/1.1',
    'GET / HTTP/1.',
    'GET / HTTP/1.10',
    'GET / HTTP/1.x',
    'GET / HTTP/2.0',
    'GET / HTTP/0.9',
    'G(T / HTTP/1.1',
    'GET /\xe9 HTTP/1.1',
    'HTTP/1.1 101 Switching Protocols',
  ])('refuses %j', (line) => {
    expect(requestLineGrammar.parse(line)).toBeUndefined();
  });

  it('is never interim', () => {
    const line = requestLineGrammar.parse('GET / HTTP/1.1');
    expect(line && requestLineGrammar.isInterim(line)).toBe(false);
  });
});

describe('the status line (RFC 9112 §4)', () => {
  it.each([
    ['HTTP/1.1 101 Switching Protocols', 101, 'Switching Protocols', 1],
    ['HTTP/1.0 200 ', 200, '', 0],
    ['HTTP/1.1 999 a\tb \xe9', 999, 'a\tb \xe9', 1],
    ['HTTP/1.1 404', 404, '', 1],
  ])('parses %j', (line, status, reason, httpVersionMinor) => {
    expect(statusLineGrammar.parse(line)).toEqual({
      httpVersionMajor: 1,
      httpVersionMinor,
      status,
      reason,
    });
  });

  it.each([
    '',
    'HTTP/1.1',
    'HTTP/1.1 ',
    'HTTP/1.1 1 a',
    'HTTP/1.1 10 a',
    'HTTP/1.1 1010 a',
    'HTTP/1.1 010 a',
    'HTTP/1.1 1x1 a',
    'HTTP/1.1 +11 a',
    'HTTP/1.1  101 a',
    'HTTP/1.1 101a',
    'HTTP/2 101 a',
    'HTTP/2.0 101 a',
    'http/1.1 101 a',
    'ICY 200 OK',
    'GET / HTTP/1.1',
  ])('refuses %j', (line) => {
    expect(statusLineGrammar.parse(line)).toBeUndefined();
  });

  it.each([
    [100, true],
    [101, false],
    [103, true],
    [199, true],
    [200, false],
    [404, false],
  ])('takes status %i for interim: %s (RFC 9110 §15.2)', (status, isInterim) => {
    const line = statusLineGrammar.parse(`HTTP/1.1 ${status} x`);
    expect(line && statusLineGrammar.isInterim(line)).toBe(isInterim);
  });
});
