import { describe, expect, it } from 'vitest';
import { HandshakeError, LimitExceededError } from '../../src/errors.ts';
import { isHandshakeField } from '../../src/handshake/handshake-fields.ts';
import { HeadParser } from '../../src/handshake/http-head.ts';
import type { AcceptedRequest } from '../../src/handshake/server-handshake.ts';
import { buildAcceptance, buildRefusal } from '../../src/handshake/server-response.ts';
import { statusLineGrammar } from '../../src/handshake/start-line.ts';
import { feedOnce } from './feed.ts';
import { testPlatform } from './test-platform.ts';

const request: AcceptedRequest = {
  accepted: true,
  version: 13,
  key: 'dGhlIHNhbXBsZSBub25jZQ==',
  host: 'a',
  resourceName: '/',
  origin: undefined,
  protocols: ['chat', 'superchat'],
  extensions: [],
};

const BROKEN = ['\r', '\n', '\0', 'a\r\nX: y', 'a\r\n\r\nb', '\x7f', '\u010d'];

/** Parses a response: its head and, in Latin-1, its body. */
function parse(text: string) {
  const { reader, rest } = feedOnce(() => new HeadParser(statusLineGrammar), text);
  if (reader.head === undefined) throw reader.fault;
  const { rawHeaders, status, reason } = reader.head;
  const headers = new Map<string, string>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    headers.set((rawHeaders[at] ?? '').toLowerCase(), rawHeaders[at + 1] ?? '');
  }
  return { status, reason, headers, body: rest };
}

describe('buildAcceptance (RFC 6455 §4.2.2)', () => {
  it('writes the response of RFC 6455 §1.2', () => {
    expect(buildAcceptance(testPlatform, request, { protocol: 'chat' })).toBe(
      'HTTP/1.1 101 Switching Protocols\r\n' +
        'Upgrade: websocket\r\n' +
        'Connection: Upgrade\r\n' +
        'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n' +
        'Sec-WebSocket-Protocol: chat\r\n' +
        '\r\n',
    );
  });

  it('adds extensions and headers, and leaves out what is not chosen', () => {
    const text = buildAcceptance(testPlatform, request, {
      extensions: 'permessage-deflate; server_max_window_bits=10',
      headers: ['Set-Cookie', 'a=b', 'Set-Cookie', 'c=d'],
    });
    expect(text).toContain(
      '\r\nSec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10\r\n',
    );
    expect(text).toContain('\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n\r\n');
    expect(text).not.toContain('Sec-WebSocket-Protocol');
    expect(buildAcceptance(testPlatform, request, { extensions: '' })).not.toContain('Extensions');
  });

  it.each([...BROKEN, '', 'a b', 'other', 'Chat', 'chat, superchat'])(
    'throws TypeError for the subprotocol %j, which was not offered (RFC 6455 §4.2.2)',
    (protocol) => {
      expect(() => buildAcceptance(testPlatform, request, { protocol })).toThrow(TypeError);
    },
  );

  it('throws TypeError for a subprotocol that is no token, even if it was offered', () => {
    const forged = { ...request, protocols: ['a\r\nb'] };
    expect(() => buildAcceptance(testPlatform, forged, { protocol: 'a\r\nb' })).toThrow(TypeError);
  });

  it.each(BROKEN)('throws TypeError for %j in extensions and headers (CVE-2026-1527)', (text) => {
    expect(() => buildAcceptance(testPlatform, request, { extensions: text })).toThrow(TypeError);
    expect(() => buildAcceptance(testPlatform, request, { headers: [text, 'a'] })).toThrow(
      TypeError,
    );
    expect(() => buildAcceptance(testPlatform, request, { headers: ['a', text] })).toThrow(
      TypeError,
    );
  });

  it.each([
    'Connection',
    'UPGRADE',
    'Content-Length',
    'Transfer-Encoding',
    'Sec-WebSocket-Accept',
    'sec-websocket-protocol',
    'Sec-WebSocket-Extensions',
    'Sec-WebSocket-Version',
  ])("throws TypeError for the header %s, which is not the application's", (name) => {
    expect(isHandshakeField(name.toLowerCase())).toBe(true);
    expect(() => buildAcceptance(testPlatform, request, { headers: [name, 'a'] })).toThrow(
      TypeError,
    );
  });
});

describe('buildRefusal (RFC 6455 §4.2.2)', () => {
  it('says in ASCII what was wrong and where the rule stands, and closes', () => {
    const errors = [
      new HandshakeError('WS_HANDSHAKE_KEY'),
      new HandshakeError('WS_HANDSHAKE_HOST'),
    ];
    const { status, reason, headers, body } = parse(buildRefusal({ status: 400, errors }));
    expect([status, reason]).toEqual([400, 'Bad Request']);
    expect(headers.get('connection')).toBe('close');
    expect(headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(headers.get('content-length')).toBe(String(body.length));
    for (const { code, message } of errors)
      expect(body).toContain(`${code}: ${message} (RFC 6455 section`);
    expect(body).toMatch(/^[\n -~]*$/);
  });

  it('lists the versions when the version was wrong, with Upgrade in 426 (RFC 6455 §4.4)', () => {
    const errors = [new HandshakeError('WS_HANDSHAKE_VERSION')];
    const { headers } = parse(buildRefusal({ status: 426, errors }));
    expect(headers.get('sec-websocket-version')).toBe('13, 8');
    expect(headers.get('upgrade')).toBe('websocket');
    expect(headers.get('connection')).toBe('Upgrade, close');
    const other = parse(
      buildRefusal({ status: 400, errors: [new HandshakeError('WS_HANDSHAKE_KEY')] }),
    );
    expect(other.headers.has('sec-websocket-version')).toBe(false);
    expect(other.headers.has('upgrade')).toBe(false);
  });

  it('allows GET in 405 (RFC 9110 §15.5.6)', () => {
    expect(parse(buildRefusal({ status: 405 })).headers.get('allow')).toBe('GET');
  });

  it('describes an exceeded limit', () => {
    const errors = [new LimitExceededError('WS_HEAD_TOO_LONG', 10, 11)];
    expect(parse(buildRefusal({ status: 431, errors })).body).toContain(
      '11 is over the limit of 10',
    );
  });

  it("sends the application's reason, headers and body, in UTF-8 with the right length", () => {
    const { reason, headers, body } = parse(
      buildRefusal({
        status: 401,
        reason: 'Who are you',
        headers: ['WWW-Authenticate', 'Basic realm="a"', 'content-type', 'application/json'],
        body: '{"\xe9":"\u20ac\ud83d\ude00\ud800"}',
      }),
    );
    expect(reason).toBe('Who are you');
    expect(headers.get('www-authenticate')).toBe('Basic realm="a"');
    expect(headers.get('content-type')).toBe('application/json');
    expect(headers.get('content-length')).toBe(String(body.length));
    expect(Buffer.from(body, 'latin1').toString()).toBe('{"\xe9":"\u20ac\ud83d\ude00\ufffd"}');
  });

  it('sends no body in answer to HEAD (RFC 9110 §9.3.2)', () => {
    const { body, headers } = parse(buildRefusal({ status: 405, method: 'HEAD' }));
    expect(body).toBe('');
    expect(Number(headers.get('content-length'))).toBeGreaterThan(0);
  });

  it.each(BROKEN)('throws TypeError for %j in reason and headers (CVE-2026-1527)', (text) => {
    expect(() => buildRefusal({ status: 400, reason: text })).toThrow(TypeError);
    expect(() => buildRefusal({ status: 400, headers: [text, 'a'] })).toThrow(TypeError);
    expect(() => buildRefusal({ status: 400, headers: ['a', text] })).toThrow(TypeError);
  });

  it.each(['Connection', 'Content-Length', 'transfer-encoding', 'Upgrade'])(
    'throws TypeError for the header %s, which is set already',
    (name) => {
      expect(() => buildRefusal({ status: 400, headers: [name, 'a'] })).toThrow(TypeError);
    },
  );

  it.each([101, 200, 204, 299, 600, Number.NaN])(
    'throws RangeError for the status %s',
    (status) => {
      expect(() => buildRefusal({ status })).toThrow(RangeError);
    },
  );
});
