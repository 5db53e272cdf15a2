import { describe, expect, it } from 'vitest';
import { decodeLatin1 } from '../../src/handshake/latin1.ts';
import { ProxyHandshake } from '../../src/handshake/proxy-handshake.ts';
import { feed, feedOnce } from './feed.ts';

const create = (maxHeaderBytes?: number) => (): ProxyHandshake =>
  new ProxyHandshake({
    authority: 'example.com:443',
    headers: ['Proxy-Authorization', 'Basic YTpi'],
    maxHeaderBytes,
  });

const text = (bytes: Uint8Array): string => decodeLatin1(bytes, 0, bytes.length);

function outcome({ verdict }: ProxyHandshake) {
  return verdict?.accepted === false ? verdict.errors.map(({ code }) => code) : verdict;
}

const BROKEN = ['\r', '\n', '\0', 'a:1\r\nX: y', 'a:1 HTTP/1.1\r\n\r\nb', '\u010d'];

describe('The CONNECT request (RFC 9110 §9.3.6)', () => {
  it('puts the target into Host (RFC 9112 §3.2.3)', () => {
    const { output } = new ProxyHandshake({ authority: '[::1]:443', headers: ['A', 'b'] });
    expect(text(output)).toBe('CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\nA: b\r\n\r\n');
  });

  it.each([...BROKEN, '', 'example.com', 'example.com:0', 'u:p@a:1', 'http://a:1', 'a:1/b'])(
    'throws TypeError for the authority %j',
    (authority) => {
      expect(() => new ProxyHandshake({ authority })).toThrow(TypeError);
    },
  );

  it.each(BROKEN)('throws TypeError for %j in a header (CVE-2026-1527)', (text) => {
    for (const headers of [
      [text, 'a'],
      ['a', text],
    ]) {
      expect(() => new ProxyHandshake({ authority: 'a:1', headers })).toThrow(TypeError);
    }
  });

  it.each(['Host', 'content-length', 'Transfer-Encoding'])('throws TypeError for %s', (name) => {
    const headers = [name, 'a'];
    expect(() => new ProxyHandshake({ authority: 'a:1', headers })).toThrow(TypeError);
  });
});

describe('The status of a proxy (RFC 9110 §9.3.6)', () => {
  const judge = (status: number) =>
    feedOnce(create(), `HTTP/1.1 ${status} Reason\r\n\r\n`).reader.verdict;

  it.each([200, 204, 299])('opens the tunnel on %i', (status) => {
    expect(judge(status)).toEqual({ accepted: true });
  });

  it.each([101, 300, 302, 403, 407, 502])('fails on %i', (status) => {
    const errors = [{ code: 'WS_PROXY_REFUSED', status }];
    expect(judge(status)).toMatchObject({ accepted: false, errors });
  });
});

describe('ProxyHandshake', () => {
  it('has its request ready', () => {
    const { output } = create()();
    expect(text(output)).toBe(
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

  it('fails on a refusal, and on a head that is malformed, too long or cut short', () => {
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
