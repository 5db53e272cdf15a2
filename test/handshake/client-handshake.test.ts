import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  buildRequest,
  type ClientRequestOptions,
  judgeResponse,
} from '../../src/handshake/client-handshake.ts';
import { toRawHeaders } from '../../src/handshake/header-list.ts';
import { judgeRequest } from '../../src/handshake/server-handshake.ts';
import { platformWithKey, testPlatform } from './test-platform.ts';

const host = platformWithKey();
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';
const BROKEN = ['\r', '\n', '\0', 'a\r\nX: y', 'a\r\n\r\nb', '\x7f', '\u010d'];

const build = (options: Partial<ClientRequestOptions> = {}) =>
  buildRequest(host, { host: 'example.com', target: '/chat', ...options });

describe('buildRequest (RFC 6455 §4.1)', () => {
  it('asks for the minimum', () => {
    const request = build();
    expect(request).toEqual({
      target: '/chat',
      key: 'dGhlIHNhbXBsZSBub25jZQ==',
      protocols: [],
      extensionNames: [],
      rawHeaders: [
        'Host',
        'example.com',
        'Upgrade',
        'websocket',
        'Connection',
        'Upgrade',
        'Sec-WebSocket-Key',
        'dGhlIHNhbXBsZSBub25jZQ==',
        'Sec-WebSocket-Version',
        '13',
      ],
    });
  });

  it('offers subprotocols and extensions, and sends Origin and headers', () => {
    const { rawHeaders, protocols, extensionNames } = build({
      protocols: ['a', 'b'],
      extensions: 'x; y=1, z, x',
      origin: 'http://a',
      headers: ['Cookie', 'c=d', 'User-Agent', 'e'],
    });
    expect(rawHeaders.slice(10)).toEqual([
      'Sec-WebSocket-Protocol',
      'a, b',
      'Sec-WebSocket-Extensions',
      'x; y=1, z, x',
      'Origin',
      'http://a',
      'Cookie',
      'c=d',
      'User-Agent',
      'e',
    ]);
    expect(protocols).toEqual(['a', 'b']);
    expect(extensionNames).toEqual(['x', 'z', 'x']);
  });

  it('calls the Origin Sec-WebSocket-Origin in version 8 (hybi-08 §5.2.2)', () => {
    const { rawHeaders } = build({ version: 8, origin: 'http://a' });
    expect(rawHeaders.slice(8)).toEqual([
      'Sec-WebSocket-Version',
      '8',
      'Sec-WebSocket-Origin',
      'http://a',
    ]);
  });

  it("prefers the application's Host and Origin, once each, Host first (RFC 9110 §7.2)", () => {
    const { rawHeaders } = build({
      origin: 'http://a',
      headers: ['origin', 'http://b', 'HOST', 'c'],
    });
    expect(rawHeaders.slice(0, 2)).toEqual(['Host', 'c']);
    expect(rawHeaders.slice(10)).toEqual(['Origin', 'http://b']);
    for (const name of ['Host', 'Origin']) {
      expect(() => build({ headers: [name, 'a', name.toLowerCase(), 'a'] })).toThrow(TypeError);
    }
  });

  it.each(BROKEN)('throws TypeError for %j in any string (CVE-2026-1527)', (text) => {
    expect(() => build({ target: text })).toThrow(TypeError);
    expect(() => build({ target: `/${text}` })).toThrow(TypeError);
    expect(() => build({ host: text })).toThrow(TypeError);
    expect(() => build({ origin: text })).toThrow(TypeError);
    expect(() => build({ protocols: ['a', text] })).toThrow(TypeError);
    expect(() => build({ extensions: text })).toThrow(TypeError);
    expect(() => build({ extensions: `a; b="${text}"` })).toThrow(TypeError);
    expect(() => build({ headers: [text, 'a'] })).toThrow(TypeError);
    expect(() => build({ headers: ['a', text] })).toThrow(TypeError);
  });

  it('throws TypeError for subprotocols that repeat and an empty target', () => {
    expect(() => build({ protocols: ['a', 'a'] })).toThrow(TypeError);
    expect(() => build({ target: '' })).toThrow(TypeError);
  });

  it.each([
    'Connection',
    'upgrade',
    'Content-Length',
    'Transfer-Encoding',
    'Sec-WebSocket-Key',
    'sec-websocket-version',
    'Sec-WebSocket-Protocol',
    'Sec-WebSocket-Extensions',
    'Sec-WebSocket-Anything',
  ])("throws TypeError for the header %s, which is not the application's", (name) => {
    expect(() => build({ headers: [name, 'a'] })).toThrow(TypeError);
  });

  it.each([13, 8] as const)('asks what our server accepts, in version %i', (version) => {
    const options = { version, protocols: ['a'], extensions: 'x; y', origin: 'http://a' };
    const { rawHeaders } = buildRequest(testPlatform, { host: 'a:80', target: '/b?c', ...options });
    const line = { method: 'GET', target: '/b?c', httpVersionMajor: 1, httpVersionMinor: 1 };
    expect(judgeRequest({ ...line, rawHeaders })).toMatchObject({
      accepted: true,
      version,
      origin: 'http://a',
      host: 'a:80',
      protocols: ['a'],
    });
  });
});

/** Judges the response of RFC 6455 §1.2; undefined removes a header, an array repeats it. */
function judge(
  headers: Record<string, string | string[] | undefined>,
  options: Partial<ClientRequestOptions> = {},
  status = 101,
) {
  const all = {
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Accept': ACCEPT,
    ...headers,
  };
  const rawHeaders = toRawHeaders(Object.entries(all));
  const verdict = judgeResponse(host, { status, rawHeaders }, build(options));
  return verdict.accepted ? verdict : verdict.errors.map(({ code }) => code);
}

describe('judgeResponse (RFC 6455 §4.1)', () => {
  it('accepts a response that chooses nothing when nothing was offered', () => {
    expect(judge({})).toEqual({ accepted: true, protocol: '', extensions: [] });
  });

  it('accepts names and values in any case, and Upgrade in a list in Connection', () => {
    const headers = { Upgrade: undefined, UPGRADE: 'WebSocket', Connection: 'keep-alive, UPGRADE' };
    expect(judge(headers)).toMatchObject({ accepted: true });
  });

  it('accepts a subprotocol and extensions that were offered', () => {
    const headers = { 'Sec-WebSocket-Protocol': 'b', 'Sec-WebSocket-Extensions': ['y; z=1', 'x'] };
    expect(judge(headers, { protocols: ['a', 'b'], extensions: 'x, y' })).toEqual({
      accepted: true,
      protocol: 'b',
      extensions: [
        { name: 'y', params: new Map([['z', 1]]) },
        { name: 'x', params: new Map() },
      ],
    });
  });

  it.each([200, 301, 400, 401, 426, 500, 100])(
    'fails on status %i, and says nothing else',
    (status) => {
      expect(judge({ Upgrade: undefined }, {}, status)).toEqual(['WS_RESPONSE_STATUS']);
      const verdict = judgeResponse(host, { status, rawHeaders: [] }, build());
      expect(verdict.accepted === false && verdict.errors[0]).toMatchObject({ status });
    },
  );

  it.each([[undefined], [''], ['h2c'], ['websocket, h2c'], [['websocket', 'websocket']]])(
    'fails on the Upgrade %j',
    (upgrade) => {
      expect(judge({ Upgrade: upgrade })).toEqual(['WS_RESPONSE_UPGRADE']);
    },
  );

  it.each([undefined, '', 'close'])('fails on the Connection %j', (connection) => {
    expect(judge({ Connection: connection })).toEqual(['WS_RESPONSE_CONNECTION']);
  });

  it.each([[undefined], [''], ['x'], [ACCEPT.toLowerCase()], [[ACCEPT, ACCEPT]]])(
    'fails on the Sec-WebSocket-Accept %j',
    (accept) => {
      expect(judge({ 'Sec-WebSocket-Accept': accept })).toEqual(['WS_RESPONSE_ACCEPT']);
    },
  );

  it.each([[''], ['c'], ['A'], ['a, b'], [['a', 'a']], ['constructor']])(
    'fails on the Sec-WebSocket-Protocol %j, which was not offered (RFC 6455 §11.3.4)',
    (protocol) => {
      const headers = { 'Sec-WebSocket-Protocol': protocol };
      expect(judge(headers, { protocols: ['a', 'b'] })).toEqual(['WS_RESPONSE_SUBPROTOCOL']);
      expect(judge(headers)).toEqual(['WS_RESPONSE_SUBPROTOCOL']);
    },
  );

  it('fails when the server chooses none of the subprotocols (WHATWG WebSockets §2.2)', () => {
    expect(judge({}, { protocols: ['a'] })).toEqual(['WS_RESPONSE_SUBPROTOCOL']);
  });

  it.each(['y', 'x, y', '', 'x;', 'x; a="', 'constructor', '__proto__; x'])(
    'fails on the Sec-WebSocket-Extensions %j',
    (extensions) => {
      const headers = { 'Sec-WebSocket-Extensions': extensions };
      expect(judge(headers, { extensions: 'x' })).toEqual(['WS_RESPONSE_EXTENSIONS']);
      expect(judge(headers)).toEqual(['WS_RESPONSE_EXTENSIONS']);
    },
  );

  it('reports everything at once, in the order of RFC 6455 §4.1', () => {
    const headers = { 'Sec-WebSocket-Extensions': 'x', 'Sec-WebSocket-Protocol': 'x' };
    const missing = {
      Upgrade: undefined,
      Connection: undefined,
      'Sec-WebSocket-Accept': undefined,
    };
    expect(judge({ ...headers, ...missing })).toEqual([
      'WS_RESPONSE_UPGRADE',
      'WS_RESPONSE_CONNECTION',
      'WS_RESPONSE_ACCEPT',
      'WS_RESPONSE_EXTENSIONS',
      'WS_RESPONSE_SUBPROTOCOL',
    ]);
  });

  it('fails on a 101 whose headers were cut off (CVE-2024-37890)', () => {
    const verdict = judgeResponse(host, { status: 101, rawHeaders: [] }, build());
    expect(verdict.accepted).toBe(false);
  });

  it('never throws (property)', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('Upgrade', 'Connection', 'Sec-WebSocket-Accept', 'Sec-WebSocket-Extensions'),
    );
    fc.assert(
      fc.property(fc.array(text), (rawHeaders) => {
        expect(judgeResponse(host, { status: 101, rawHeaders }, build()).accepted).toBe(false);
      }),
    );
  });
});
