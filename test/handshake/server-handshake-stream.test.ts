import { describe, expect, it } from 'vitest';
import { InvalidStateError } from '../../src/errors.ts';
import { decodeLatin1 } from '../../src/handshake/latin1.ts';
import { ServerHandshake } from '../../src/handshake/server-handshake-stream.ts';
import { feed, feedOnce } from './feed.ts';
import { testPlatform } from './test-platform.ts';

const REQUEST =
  'GET /chat HTTP/1.1\r\n' +
  'Host: server.example.com\r\n' +
  'Upgrade: websocket\r\n' +
  'Connection: Upgrade\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n' +
  'Origin: http://example.com\r\n' +
  'Sec-WebSocket-Protocol: chat, superchat\r\n' +
  'Sec-WebSocket-Version: 13\r\n\r\n';

const create = (): ServerHandshake => new ServerHandshake(testPlatform);

function outcome({ verdict }: ServerHandshake) {
  return verdict?.accepted === false
    ? { status: verdict.status, codes: verdict.errors.map(({ code }) => code) }
    : verdict;
}

const text = (bytes: Uint8Array): string => decodeLatin1(bytes, 0, bytes.length);

describe('ServerHandshake (RFC 6455 §4.2)', () => {
  it('accepts the request of RFC 6455 §1.2 in any cut', () => {
    expect(feed(create, REQUEST, outcome)).toMatchObject({ accepted: true, resourceName: '/chat' });
    const { reader, rest } = feedOnce(create, `${REQUEST}\x81\x80`);
    expect(rest).toBe('\x81\x80');
    expect(reader.request?.target).toBe('/chat');
    expect(text(reader.accept({ protocol: 'superchat' }))).toMatch(
      /^HTTP\/1\.1 101 [\s\S]*\r\nSec-WebSocket-Protocol: superchat\r\n\r\n$/,
    );
  });

  it('refuses a request that breaks rules, with its response ready', () => {
    const input = REQUEST.replace('13', '7');
    expect(feed(create, input, outcome)).toEqual({ status: 426, codes: ['WS_HANDSHAKE_VERSION'] });
    const response = text(feedOnce(create, input).reader.refuse());
    expect(response).toMatch(/^HTTP\/1\.1 426 [\s\S]*\r\nSec-WebSocket-Version: 13, 8\r\n/);
  });

  it('refuses a malformed head with 400 and one that is too long with 431', () => {
    expect(feed(create, 'GET /\r\n\r\n', outcome)).toEqual({
      status: 400,
      codes: ['WS_HEAD_MALFORMED'],
    });
    const small = () => new ServerHandshake(testPlatform, { maxHeaderBytes: 100 });
    expect(feed(small, REQUEST, outcome)).toEqual({ status: 431, codes: ['WS_HEAD_TOO_LONG'] });
    expect(text(feedOnce(small, REQUEST).reader.refuse())).toMatch(/^HTTP\/1\.1 431 /);
  });

  it('refuses what the application refuses, with 403 unless it says otherwise', () => {
    expect(text(feedOnce(create, REQUEST).reader.refuse())).toMatch(
      /^HTTP\/1\.1 403 Forbidden\r\n/,
    );
    const headers = ['WWW-Authenticate', 'Basic'];
    const response = feedOnce(create, REQUEST).reader.refuse({ status: 401, headers });
    expect(text(response)).toMatch(/^HTTP\/1\.1 401 [\s\S]*\r\nWWW-Authenticate: Basic\r\n/);
  });

  it('passes its options on', () => {
    const strict = () => new ServerHandshake(testPlatform, { allowedOrigins: ['https://a'] });
    expect(feed(strict, REQUEST, outcome)).toEqual({ status: 403, codes: ['WS_HANDSHAKE_ORIGIN'] });
  });

  it('refuses a head that the transport cuts short, and ignores an end after it', () => {
    const { reader } = feedOnce(create, REQUEST.slice(0, -1));
    expect(reader.verdict).toBeUndefined();
    reader.receiveEnd();
    expect(outcome(reader)).toEqual({ status: 400, codes: ['WS_HEAD_MALFORMED'] });
    const complete = feedOnce(create, REQUEST).reader;
    complete.receiveEnd();
    expect(complete.verdict?.accepted).toBe(true);
  });

  it('throws InvalidStateError before there is a request and after it was answered', () => {
    expect(() => create().accept()).toThrow(InvalidStateError);
    expect(() => create().refuse()).toThrow(InvalidStateError);
    const refused = feedOnce(create, 'x\r\n').reader;
    expect(() => refused.accept()).toThrow(InvalidStateError);
    refused.refuse();
    expect(() => refused.refuse()).toThrow(InvalidStateError);
    const accepted = feedOnce(create, REQUEST).reader;
    accepted.accept();
    expect(() => accepted.accept()).toThrow(InvalidStateError);
    expect(() => accepted.refuse()).toThrow(InvalidStateError);
  });

  it('can still be answered after an answer that threw', () => {
    const { reader } = feedOnce(create, REQUEST);
    expect(() => reader.accept({ protocol: 'a\r\nb' })).toThrow(TypeError);
    expect(() => reader.refuse({ status: 200 })).toThrow(RangeError);
    expect(text(reader.refuse({ status: 500 }))).toMatch(/^HTTP\/1\.1 500 /);
  });

  it('takes nothing after its verdict', () => {
    const { reader } = feedOnce(create, REQUEST);
    const { verdict } = reader;
    expect(reader.receive(new Uint8Array(10))).toBe(0);
    expect(reader.verdict).toBe(verdict);
  });
});
