import { describe, expect, it } from 'vitest';
import { buildRequest } from '../../src/handshake/client-handshake.ts';
import {
  type ExtendedConnect,
  isExtendedConnect,
  isWebSocketConnect,
  judgeExtendedConnect,
  judgeExtendedResponse,
  toExtendedConnect,
} from '../../src/handshake/extended-connect.ts';
import { testPlatform } from './test-platform.ts';

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

const request = (fields: Partial<ExtendedConnect> = {}): ExtendedConnect => ({
  protocol: 'websocket',
  authority: 'server.example.com',
  target: '/chat?a=b',
  rawHeaders: ['sec-websocket-version', '13'],
  ...fields,
});

const codesOf = (verdict: { accepted: boolean; errors?: readonly { code: string }[] }) =>
  verdict.accepted ? [] : verdict.errors?.map(({ code }) => code);

describe('An extended CONNECT (RFC 8441 §4)', () => {
  const headers = { ':method': 'CONNECT', ':protocol': 'websocket' };

  it('is a CONNECT with :protocol; websocket in any case asks for a WebSocket', () => {
    expect(isWebSocketConnect({ method: 'CONNECT', headers })).toBe(true);
    expect(isWebSocketConnect({ method: 'GET', headers })).toBe(false);
    const others = { method: 'CONNECT', headers: { ':protocol': 'connect-udp' } };
    expect([isExtendedConnect(others), isWebSocketConnect(others)]).toEqual([true, false]);
    const loud = { method: 'CONNECT', headers: { ':protocol': 'WebSocket' } };
    expect(isWebSocketConnect(loud)).toBe(true);
    expect(isExtendedConnect({ method: 'CONNECT', headers: {} })).toBe(false);
  });
});

describe('judgeExtendedConnect', () => {
  it('accepts the request of RFC 8441 §5.1, without a key, and says what is offered', () => {
    const rawHeaders = [
      ...['sec-websocket-protocol', 'chat, superchat'],
      ...['sec-websocket-extensions', 'permessage-deflate', 'sec-websocket-version', '13'],
      ...['origin', 'http://www.example.com'],
    ];
    expect(judgeExtendedConnect(request({ rawHeaders }))).toEqual({
      accepted: true,
      version: 13,
      key: '',
      host: 'server.example.com',
      resourceName: '/chat?a=b',
      origin: 'http://www.example.com',
      protocols: ['chat', 'superchat'],
      extensions: [{ name: 'permessage-deflate', params: expect.anything() }],
    });
  });

  it('keeps a key that could be answered, and ignores another', () => {
    const keyOf = (key: string) => {
      const rawHeaders = [...request().rawHeaders, 'sec-websocket-key', key];
      const verdict = judgeExtendedConnect(request({ rawHeaders }));
      return verdict.accepted ? verdict.key : verdict;
    };
    expect([keyOf(KEY), keyOf('x')]).toEqual([KEY, '']);
  });

  it('takes Host without :authority, and refuses one that differs (RFC 9113 §8.3.1)', () => {
    const judge = (authority: string | undefined, ...host: string[]) =>
      judgeExtendedConnect(request({ authority, rawHeaders: [...request().rawHeaders, ...host] }));
    expect(judge(undefined, 'host', 'a:1')).toMatchObject({ accepted: true, host: 'a:1' });
    expect(judge('A.example', 'host', 'a.EXAMPLE')).toMatchObject({ host: 'A.example' });
    expect(codesOf(judge('a', 'host', 'b'))).toEqual(['WS_HANDSHAKE_HOST']);
    expect(codesOf(judge('a', 'host', 'a', 'host', 'a'))).toEqual(['WS_HANDSHAKE_HOST']);
    expect(codesOf(judge(undefined))).toEqual(['WS_HANDSHAKE_HOST']);
    expect(codesOf(judge('user@a'))).toEqual(['WS_HANDSHAKE_HOST']);
  });

  it('reports every fault, and answers with the status of the first', () => {
    const verdict = judgeExtendedConnect({
      protocol: 'connect-udp',
      authority: '',
      target: '*',
      rawHeaders: ['content-length', '1', 'sec-websocket-protocol', 'a b'],
    });
    expect(verdict).toMatchObject({ accepted: false, status: 501 });
    expect(codesOf(verdict)).toEqual([
      'WS_HANDSHAKE_PROTOCOL',
      'WS_HANDSHAKE_TARGET',
      'WS_HANDSHAKE_HOST',
      'WS_HANDSHAKE_BODY',
      'WS_HANDSHAKE_VERSION',
      'WS_HANDSHAKE_SUBPROTOCOL',
    ]);
  });

  it('compares :authority and Origin with the lists of the server', () => {
    const rawHeaders = [...request().rawHeaders, 'origin', 'https://evil.example'];
    const verdict = judgeExtendedConnect(request({ rawHeaders }), {
      allowedHosts: ['example.com'],
      allowedOrigins: ['https://example.com'],
    });
    expect(verdict).toMatchObject({ accepted: false, status: 403 });
    expect(codesOf(verdict)).toEqual(['WS_HANDSHAKE_HOST_REFUSED', 'WS_HANDSHAKE_ORIGIN']);
    const allowed = { allowedHosts: ['SERVER.example.com'] };
    expect(judgeExtendedConnect(request(), allowed).accepted).toBe(true);
  });
});

const built = (headers: readonly string[] = []) =>
  buildRequest(testPlatform, {
    host: 'example.com:8443',
    target: '/chat',
    protocols: ['a', 'b'],
    extensions: 'x',
    origin: 'http://o',
    headers,
  });

describe('toExtendedConnect', () => {
  it('has pseudo-header fields in place of the fields of HTTP/1.1, names in lower case', () => {
    expect(toExtendedConnect(built(['Cookie', 'c=1', 'X-A', '1']), 'https')).toEqual([
      ...[':method', 'CONNECT', ':protocol', 'websocket', ':scheme', 'https'],
      ...[':authority', 'example.com:8443', ':path', '/chat'],
      ...['sec-websocket-version', '13', 'sec-websocket-protocol', 'a, b'],
      ...['sec-websocket-extensions', 'x', 'origin', 'http://o', 'cookie', 'c=1', 'x-a', '1'],
    ]);
  });

  it('leaves out what HTTP/2 does not allow (RFC 9113 §8.2.2)', () => {
    const fields = ['Keep-Alive', 'timeout=5', 'Proxy-Connection', 'close', 'TE', 'gzip'];
    expect(toExtendedConnect(built(fields), 'http').join()).not.toMatch(/keep|proxy|te,gzip/i);
  });
});

describe('judgeExtendedResponse', () => {
  const judge = (status: number, ...rawHeaders: string[]) =>
    judgeExtendedResponse({ status, rawHeaders }, built());

  it('accepts a 200 whose choices were offered; Sec-WebSocket-Accept does not count', () => {
    const fields = ['sec-websocket-protocol', 'b', 'sec-websocket-extensions', 'x; y=1'];
    expect(judge(200, ...fields, 'sec-websocket-accept', 'nonsense')).toMatchObject({
      accepted: true,
      protocol: 'b',
      extensions: [{ name: 'x' }],
    });
  });

  it.each([101, 201, 204, 302, 404, 503])('refuses the status %i', (status) => {
    const verdict = judge(status, 'sec-websocket-protocol', 'a');
    expect(codesOf(verdict)).toEqual(['WS_RESPONSE_STATUS']);
    expect(verdict).toMatchObject({ errors: [{ status }] });
  });

  it('refuses choices that were not offered, all of them', () => {
    const fields = ['sec-websocket-protocol', 'c', 'sec-websocket-extensions', 'z'];
    expect(codesOf(judge(200, ...fields))).toEqual([
      'WS_RESPONSE_EXTENSIONS',
      'WS_RESPONSE_SUBPROTOCOL',
    ]);
    expect(codesOf(judge(200))).toEqual(['WS_RESPONSE_SUBPROTOCOL']);
  });
});
