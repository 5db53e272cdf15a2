import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HandshakeError } from '../../src/errors.ts';
import { toRawHeaders } from '../../src/handshake/header-list.ts';
import {
  isUpgradeRequest,
  type JudgeOptions,
  judgeRequest,
  type UpgradeRequest,
} from '../../src/handshake/server-handshake.ts';

/** The request of RFC 6455 §1.2, changed: undefined removes a header, an array repeats it. */
function request(
  headers: Record<string, string | string[] | undefined> = {},
  line: Partial<UpgradeRequest> = {},
): UpgradeRequest {
  const all = {
    Host: 'server.example.com',
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    Origin: 'http://example.com',
    'Sec-WebSocket-Protocol': 'chat, superchat',
    'Sec-WebSocket-Version': '13',
    ...headers,
  };
  return {
    method: 'GET',
    target: '/chat',
    httpVersionMajor: 1,
    httpVersionMinor: 1,
    rawHeaders: toRawHeaders(Object.entries(all)),
    ...line,
  };
}

/** The codes and the status of a refusal, or undefined when the request is accepted. */
function refusal(upgradeRequest: UpgradeRequest, options?: JudgeOptions) {
  const verdict = judgeRequest(upgradeRequest, options);
  if (verdict.accepted) return undefined;
  return { codes: verdict.errors.map(({ code }) => code), status: verdict.status };
}

describe('judgeRequest accepts (RFC 6455 §4.2.1)', () => {
  it('the request of RFC 6455 §1.2', () => {
    expect(judgeRequest(request())).toEqual({
      accepted: true,
      version: 13,
      key: 'dGhlIHNhbXBsZSBub25jZQ==',
      host: 'server.example.com',
      resourceName: '/chat',
      origin: 'http://example.com',
      protocols: ['chat', 'superchat'],
      extensions: [],
    });
  });

  it('a request with the headers that are required and no others', () => {
    const bare = request({ Origin: undefined, 'Sec-WebSocket-Protocol': undefined });
    expect(judgeRequest(bare)).toMatchObject({ accepted: true, origin: undefined, protocols: [] });
  });

  it('names and values in any case, and lists (RFC 9110 §5.1, §7.8)', () => {
    const odd = request({ Upgrade: undefined, Connection: undefined }, {});
    const rawHeaders = [
      ...odd.rawHeaders.map((text, at) => (at % 2 === 0 ? text.toUpperCase() : text)),
      'upgrade',
      'h2c, WebSocket',
      'connection',
      'keep-alive',
      'CONNECTION',
      'x , UPGRADE',
    ];
    expect(judgeRequest({ ...odd, rawHeaders })).toMatchObject({ accepted: true });
  });

  it('HTTP/1.2', () => {
    expect(refusal(request({}, { httpVersionMinor: 2 }))).toBeUndefined();
  });

  it('an absolute http target, whose host replaces that of Host (RFC 9112 §3.2.2)', () => {
    const verdict = judgeRequest(request({}, { target: 'http://other.example:81/a?b' }));
    expect(verdict).toMatchObject({
      accepted: true,
      host: 'other.example:81',
      resourceName: '/a?b',
    });
  });

  it('version 8, with its Sec-WebSocket-Origin (hybi-08 §5.2.2)', () => {
    const headers = { 'Sec-WebSocket-Version': '8', 'Sec-WebSocket-Origin': 'http://a' };
    expect(judgeRequest(request(headers))).toMatchObject({ version: 8, origin: 'http://a' });
    expect(judgeRequest(request({ 'Sec-WebSocket-Version': '8' }))).toMatchObject({
      origin: 'http://example.com',
    });
    expect(judgeRequest(request({ 'Sec-WebSocket-Origin': 'http://a' }))).toMatchObject({
      version: 13,
      origin: 'http://example.com',
    });
  });

  it('extensions and subprotocols in several headers (RFC 6455 §9.1, §11.3.4)', () => {
    const verdict = judgeRequest(
      request({
        'Sec-WebSocket-Extensions': ['a; b=1', 'c'],
        'Sec-WebSocket-Protocol': ['x', 'y'],
      }),
    );
    expect(verdict).toMatchObject({
      protocols: ['x', 'y'],
      extensions: [
        { name: 'a', params: new Map([['b', 1]]) },
        { name: 'c', params: new Map() },
      ],
    });
  });

  it('extensions named like members of Object.prototype (GHSA-5v72-xg48-5rpm)', () => {
    for (const header of ['constructor', '__proto__; x']) {
      expect(judgeRequest(request({ 'Sec-WebSocket-Extensions': header }))).toMatchObject({
        extensions: [{ name: header.split(';')[0] }],
      });
    }
  });

  it('a Content-Length of 0', () => {
    expect(refusal(request({ 'Content-Length': '0' }))).toBeUndefined();
    expect(refusal(request({ 'Content-Length': '00' }))).toBeUndefined();
  });
});

describe('judgeRequest refuses (RFC 6455 §4.2.1)', () => {
  it.each(['POST', 'get', 'HEAD', 'CONNECT', ''])('the method %j, with 405', (method) => {
    expect(refusal(request({}, { method }))).toEqual({
      codes: ['WS_HANDSHAKE_METHOD'],
      status: 405,
    });
  });

  it.each([
    [1, 0],
    [0, 9],
  ])('HTTP/%i.%i', (httpVersionMajor, httpVersionMinor) => {
    expect(refusal(request({}, { httpVersionMajor, httpVersionMinor }))).toEqual({
      codes: ['WS_HANDSHAKE_HTTP_VERSION'],
      status: 400,
    });
  });

  it.each(['*', 'example.com:80', 'ftp://a/', '/a#b', '/\r\n', ''])('the target %j', (target) => {
    expect(refusal(request({}, { target }))).toEqual({
      codes: ['WS_HANDSHAKE_TARGET'],
      status: 400,
    });
  });

  it.each([[undefined], [''], ['a b'], ['a/b'], ['u@a'], ['a:99999'], [['a', 'a']]])(
    'the Host %j (RFC 9112 §3.2)',
    (host) => {
      expect(refusal(request({ Host: host }))).toEqual({
        codes: ['WS_HANDSHAKE_HOST'],
        status: 400,
      });
    },
  );

  it.each<Record<string, string>>([
    { 'Content-Length': '5' },
    { 'Content-Length': '0, 5' },
    { 'Content-Length': '-0' },
    { 'Transfer-Encoding': 'chunked' },
    { 'Transfer-Encoding': '' },
  ])('a request with a body: %j (RFC 9110 §7.8)', (headers) => {
    expect(refusal(request(headers))).toEqual({ codes: ['WS_HANDSHAKE_BODY'], status: 400 });
  });

  it.each([undefined, '', 'h2c', 'websockets', 'websocket/13', 'web socket'])(
    'the Upgrade %j, with 426',
    (upgrade) => {
      expect(refusal(request({ Upgrade: upgrade }))).toEqual({
        codes: ['WS_HANDSHAKE_UPGRADE'],
        status: 426,
      });
    },
  );

  it.each([undefined, '', 'keep-alive', 'upgraded'])('the Connection %j', (connection) => {
    expect(refusal(request({ Connection: connection }))).toEqual({
      codes: ['WS_HANDSHAKE_CONNECTION'],
      status: 400,
    });
  });

  it.each([
    [undefined],
    [''],
    ['dGhlIHNhbXBsZSBub25jZQ'],
    ['not base64 at all!!!!!=='],
    [['dGhlIHNhbXBsZSBub25jZQ==', 'dGhlIHNhbXBsZSBub25jZQ==']],
  ])('the Sec-WebSocket-Key %j (RFC 6455 §11.3.1)', (key) => {
    expect(refusal(request({ 'Sec-WebSocket-Key': key }))).toEqual({
      codes: ['WS_HANDSHAKE_KEY'],
      status: 400,
    });
  });

  it.each([[undefined], [''], ['7'], ['14'], ['013'], [['13', '13']], ['13, 8']])(
    'the Sec-WebSocket-Version %j, with 426 (RFC 6455 §4.4, §11.3.5)',
    (version) => {
      expect(refusal(request({ 'Sec-WebSocket-Version': version }))).toEqual({
        codes: ['WS_HANDSHAKE_VERSION'],
        status: 426,
      });
    },
  );

  it.each(['', ',', 'a b', 'a, a', 'a;b', `b${' '.repeat(32_000)}x`])(
    'a Sec-WebSocket-Protocol that is no list of distinct tokens (RFC 6455 §4.1)',
    (header) => {
      expect(refusal(request({ 'Sec-WebSocket-Protocol': header }))).toEqual({
        codes: ['WS_HANDSHAKE_SUBPROTOCOL'],
        status: 400,
      });
    },
  );

  it.each(['', 'a;', 'a; b="', 'a; b=""', Array(99).fill('a').join()])(
    'the Sec-WebSocket-Extensions %j (RFC 6455 §9.1)',
    (header) => {
      expect(refusal(request({ 'Sec-WebSocket-Extensions': header }))).toEqual({
        codes: ['WS_HANDSHAKE_EXTENSIONS'],
        status: 400,
      });
    },
  );

  it('a foreign Origin or none when there is a list, with 403 (RFC 6455 §10.2)', () => {
    const options = { allowedOrigins: ['http://example.com'] };
    const forbidden = { codes: ['WS_HANDSHAKE_ORIGIN'], status: 403 };
    expect(refusal(request(), options)).toBeUndefined();
    expect(refusal(request({ Origin: 'http://evil.example' }), options)).toEqual(forbidden);
    expect(refusal(request({ Origin: undefined }), options)).toEqual(forbidden);
    expect(refusal(request({ Origin: ['http://example.com', 'http://a'] }), options)).toEqual(
      forbidden,
    );
    const version8 = {
      'Sec-WebSocket-Version': '8',
      'Sec-WebSocket-Origin': 'http://evil.example',
    };
    expect(refusal(request(version8), options)).toEqual(forbidden);
  });

  it('the requests of drafts hixie-75 and hixie-76, with 426 (RFC 6455 §4.4)', () => {
    const hixie75 = { 'Sec-WebSocket-Key': undefined, 'Sec-WebSocket-Version': undefined };
    const hixie76 = { ...hixie75, 'Sec-WebSocket-Key1': '1 2', 'Sec-WebSocket-Key2': '3 4' };
    for (const headers of [hixie75, hixie76]) {
      expect(refusal(request(headers))).toEqual({
        codes: ['WS_HANDSHAKE_KEY', 'WS_HANDSHAKE_VERSION'],
        status: 426,
      });
    }
  });

  it('a request whose Upgrade a limit on the number of headers cut off (CVE-2024-37890)', () => {
    const { rawHeaders } = request();
    const padding = Array(2_000).fill(['x', 'y']).flat() as string[];
    const cut = [...rawHeaders.slice(0, 2), ...padding, ...rawHeaders.slice(2)].slice(0, 4_000);
    expect(refusal(request({}, { rawHeaders: cut }))).toEqual({
      codes: [
        'WS_HANDSHAKE_UPGRADE',
        'WS_HANDSHAKE_CONNECTION',
        'WS_HANDSHAKE_KEY',
        'WS_HANDSHAKE_VERSION',
      ],
      status: 426,
    });
  });

  it('everything at once, in the order of RFC 6455 §4.2.1, as HandshakeErrors', () => {
    const line = { method: 'POST', target: '*', httpVersionMajor: 1, httpVersionMinor: 0 };
    const rawHeaders = toRawHeaders(
      Object.entries({
        'Sec-WebSocket-Extensions': ';',
        'Sec-WebSocket-Protocol': ';',
        Origin: 'http://evil.example',
        'Content-Length': '9',
      }),
    );
    const verdict = judgeRequest({ ...line, rawHeaders }, { allowedOrigins: [] });
    if (verdict.accepted) throw new Error('accepted');
    expect(verdict.status).toBe(405);
    expect(verdict.errors.map(({ code }) => code)).toEqual([
      'WS_HANDSHAKE_METHOD',
      'WS_HANDSHAKE_HTTP_VERSION',
      'WS_HANDSHAKE_TARGET',
      'WS_HANDSHAKE_HOST',
      'WS_HANDSHAKE_BODY',
      'WS_HANDSHAKE_UPGRADE',
      'WS_HANDSHAKE_CONNECTION',
      'WS_HANDSHAKE_KEY',
      'WS_HANDSHAKE_VERSION',
      'WS_HANDSHAKE_ORIGIN',
      'WS_HANDSHAKE_SUBPROTOCOL',
      'WS_HANDSHAKE_EXTENSIONS',
    ]);
    for (const error of verdict.errors) {
      expect(error).toBeInstanceOf(HandshakeError);
      expect(error.section).toMatch(/^RFC \d+ §/);
    }
  });

  it('any headers without a throw (property)', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(...request().rawHeaders, 'Sec-WebSocket-Extensions', 'Content-Length'),
    );
    fc.assert(
      fc.property(fc.array(text), text, (rawHeaders, target) => {
        expect(judgeRequest(request({}, { rawHeaders, target })).accepted).toBeTypeOf('boolean');
      }),
    );
  });
});

describe('isUpgradeRequest', () => {
  it.each([
    ['GET', 'Upgrade', 'websocket', true],
    ['GET', 'keep-alive, upgrade', 'WebSocket', true],
    ['POST', 'Upgrade', 'websocket', false],
    [undefined, 'Upgrade', 'websocket', false],
    ['GET', undefined, 'websocket', false],
    ['GET', 'close', 'websocket', false],
    ['GET', 'Upgrade', undefined, false],
    ['GET', 'Upgrade', 'h2c', false],
  ])('for %s, Connection: %s, Upgrade: %s is %s', (method, connection, upgrade, expected) => {
    expect(isUpgradeRequest(method, connection, upgrade)).toBe(expected);
  });
});
