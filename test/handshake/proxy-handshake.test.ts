import { describe, expect, it } from 'vitest';
import { decodeLatin1 } from '../../src/handshake/latin1.ts';
import {
  buildConnectHeaders,
  judgeConnectStatus,
  ProxyHandshake,
} from '../../src/handshake/proxy-handshake.ts';
import { feed, feedOnce } from './feed.ts';

const create = (maxHeaderBytes?: number) => (): ProxyHandshake =>
  new ProxyHandshake({
    authority: 'example.com:443',
    headers: ['Proxy-Authorization', 'Basic YTpi'],
    maxHeaderBytes,
  });

function outcome({ verdict }: ProxyHandshake) {
  return verdict?.accepted === false ? verdict.errors.map(({ code }) => code) : verdict;
}

const BROKEN = ['\r', '\n', '\0', 'a:1\r\nX: y', 'a:1 HTTP/1.1\r\n\r\nb', '\u010d'];

describe('buildConnectHeaders (RFC 9110 §9.3.6)', () => {
  it('puts the target into Host (RFC 9112 §3.2.3)', () => {
    expect(buildConnectHeaders('[::1]:443', ['A', 'b'])).toEqual(['Host', '[::1]:443', 'A', 'b']);
  });

  it.each([...BROKEN, '', 'example.com', 'example.com:0', 'u:p@a:1', 'http://a:1', 'a:1/b'])(
    'throws TypeError for the authority %j',
    (authority) => {
      expect(() => buildConnectHeaders(authority)).toThrow(TypeError);
      expect(() => new ProxyHandshake({ authority })).toThrow(TypeError);
    },
  );

  it.each(BROKEN)('throws TypeError for %j in a header (CVE-2026-1527)', (text) => {
    expect(() => buildConnectHeaders('a:1', [text, 'a'])).toThrow(TypeError);
    expect(() => buildConnectHeaders('a:1', ['a', text])).toThrow(TypeError);
  });

  it.each(['Host', 'content-length', 'Transfer-Encoding'])('throws TypeError for %s', (name) => {
    expect(() => buildConnectHeaders('a:1', [name, 'a'])).toThrow(TypeError);
  });
});

describe('judgeConnectStatus (RFC 9110 §9.3.6)', () => {
  it.each([200, 204, 299])('opens the tunnel on %i', (status) => {
    expect(judgeConnectStatus(status)).toEqual({ accepted: true });
  });

  it.each([101, 199, 300, 302, 403, 407, 502])('fails on %i', (status) => {
    const verdict = judgeConnectStatus(status);
    expect(verdict.accepted === false && verdict.errors[0]).toMatchObject({
      code: 'WS_PROXY_REFUSED',
      status,
    });
  });
});

describe('ProxyHandshake', () => {
  it('has its request ready', () => {
    const { output } = create()();
    expect(decodeLatin1(output, 0, output.length)).toBe(
      'CONNECT example.com:443 HTTP/1.1\r\n' +
        'Host: example.com:443\r\n' +
        'Proxy-Authorization: Basic YTpi\r\n\r\n',
    );
  });

  it('opens the tunnel right behind the head, in any cut, whatever length the proxy gave', () => {
    const input = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n';
    expect(feed(create(), input, outcome)).toEqual({ accepted: true });
    const { reader, rest } = feedOnce(create(), `${input}abcde`);
    expect(rest).toBe('abcde');
    expect(reader.response?.status).toBe(200);
  });

  it('reads over interim responses (RFC 9110 §15.2)', () => {
    const input = 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 Connection established\r\n\r\n';
    expect(feed(create(), input, outcome)).toEqual({ accepted: true });
  });

  it('fails on a refusal, a malformed head, one that is too long, and one that is cut short', () => {
    const refusal = 'HTTP/1.1 407 Proxy Authentication Required\r\n\r\n';
    expect(feed(create(), refusal, outcome)).toEqual(['WS_PROXY_REFUSED']);
    expect(feed(create(), '\x05\xff', outcome)).toEqual(['WS_HEAD_MALFORMED']);
    expect(feed(create(20), refusal, outcome)).toEqual(['WS_HEAD_TOO_LONG']);
    const { reader } = feedOnce(create(), 'HTTP/1.1 200 OK\r\n');
    reader.receiveEnd();
    expect(outcome(reader)).toEqual(['WS_HEAD_MALFORMED']);
    expect(reader.receive(new Uint8Array(9))).toBe(0);
  });
});
