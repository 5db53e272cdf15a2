import { describe, expect, it } from 'vitest';
import { ClientHandshake } from '../../src/handshake/client-handshake-stream.ts';
import { decodeLatin1 } from '../../src/handshake/latin1.ts';
import { ServerHandshake } from '../../src/handshake/server-handshake-stream.ts';
import { feed, feedOnce } from './feed.ts';
import { platformWithKey, testPlatform } from './test-platform.ts';

const RESPONSE =
  'HTTP/1.1 101 Switching Protocols\r\n' +
  'Upgrade: websocket\r\n' +
  'Connection: Upgrade\r\n' +
  'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n' +
  'Sec-WebSocket-Protocol: chat\r\n\r\n';

const create = (maxHeaderBytes?: number) => (): ClientHandshake =>
  new ClientHandshake(platformWithKey(), {
    host: 'example.com',
    target: '/',
    protocols: ['chat'],
    maxHeaderBytes,
  });

function outcome({ verdict }: ClientHandshake) {
  return verdict?.accepted === false ? verdict.errors.map(({ code }) => code) : verdict;
}

describe('ClientHandshake (RFC 6455 §4.1)', () => {
  it('has its request ready', () => {
    const { output, request } = create()();
    const text = decodeLatin1(output, 0, output.length);
    expect(text).toMatch(/^GET \/ HTTP\/1\.1\r\nHost: example\.com\r\n[\s\S]*\r\n\r\n$/);
    expect(text).toContain(`Sec-WebSocket-Key: ${request.key}\r\n`);
  });

  it('accepts the response of RFC 6455 §1.2 in any cut, and leaves the frames behind it', () => {
    const accepted = { accepted: true, protocol: 'chat', extensions: [] };
    expect(feed(create(), RESPONSE, outcome)).toEqual(accepted);
    const { reader, rest } = feedOnce(create(), `${RESPONSE}\x81\x00`);
    expect(rest).toBe('\x81\x00');
    expect(reader.response?.status).toBe(101);
    expect(reader.receive(new Uint8Array(9))).toBe(0);
  });

  it('reads over interim responses (RFC 9110 §15.2)', () => {
    const input = `HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n${RESPONSE}`;
    expect(feed(create(), input, outcome)).toMatchObject({ accepted: true });
  });

  it('fails on another status, which can be looked at', () => {
    const input = 'HTTP/1.1 302 Found\r\nLocation: http://a/\r\n\r\n';
    expect(feed(create(), input, outcome)).toEqual(['WS_RESPONSE_STATUS']);
    expect(feedOnce(create(), input).reader.response?.rawHeaders).toEqual([
      'Location',
      'http://a/',
    ]);
  });

  it('fails on a malformed head, one that is too long, and one that is cut short', () => {
    expect(feed(create(), 'SSH-2.0-OpenSSH\r\n', outcome)).toEqual(['WS_HEAD_MALFORMED']);
    expect(feed(create(50), RESPONSE, outcome)).toEqual(['WS_HEAD_TOO_LONG']);
    const { reader } = feedOnce(create(), RESPONSE.slice(0, -1));
    expect(reader.verdict).toBeUndefined();
    reader.receiveEnd();
    expect(outcome(reader)).toEqual(['WS_HEAD_MALFORMED']);
  });

  it('ignores an end after the response', () => {
    const { reader } = feedOnce(create(), RESPONSE);
    reader.receiveEnd();
    expect(reader.verdict?.accepted).toBe(true);
  });

  it('comes to an agreement with ServerHandshake', () => {
    const options = { host: 'a', target: '/b', protocols: ['x', 'y'], extensions: 'z' };
    const client = new ClientHandshake(testPlatform, options);
    const server = new ServerHandshake(testPlatform);
    expect(server.receive(client.output)).toBe(client.output.length);
    const answer = server.accept({ protocol: 'y', extensions: 'z; q=1' });
    expect(client.receive(answer)).toBe(answer.length);
    expect(client.verdict).toEqual({
      accepted: true,
      protocol: 'y',
      extensions: [{ name: 'z', params: new Map([['q', 1]]) }],
    });
  });
});
