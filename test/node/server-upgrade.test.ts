import { describe, expect, it } from 'vitest';
import { HandshakeError } from '../../src/errors.ts';
import {
  encodeAcceptance,
  refuseUpgrade,
  toUpgradeRequest,
} from '../../src/node/server-upgrade.ts';
import { MemoryDuplex } from '../support/memory-duplex.ts';
import { settle } from '../support/recording-driver.ts';

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

describe('encodeAcceptance', () => {
  it('takes Latin-1, and nothing that would be cut to a line break (CVE-2026-1527)', () => {
    const encode = (text: string): string =>
      latin1(encodeAcceptance({}, new MemoryDuplex(), text) ?? new Uint8Array(0));
    expect(encode('X: \xe9\r\n')).toBe('X: \xe9\r\n');
    expect(() => encode('X: 1\u010d\u010aY: 2')).toThrow(TypeError);
  });
});

describe('toUpgradeRequest', () => {
  const rawHeaders = ['Host', 'a', 'X', '1', 'Origin', 'b', 'Cookie', 'c'];
  const headers = { host: 'a', x: '1', origin: 'b', cookie: 'c' };

  it('gives rawHeaders as they are when nothing was edited', () => {
    expect(toUpgradeRequest({ headers, rawHeaders }).rawHeaders).toBe(rawHeaders);
  });

  it('replaces edited fields of the handshake alone', () => {
    const edited = { ...headers, origin: 'd', cookie: 'e', 'sec-websocket-version': 13 as never };
    expect(toUpgradeRequest({ headers: edited, rawHeaders }).rawHeaders).toEqual([
      ...['Host', 'a', 'X', '1', 'Cookie', 'c'],
      ...['origin', 'd', 'sec-websocket-version', '13'],
    ]);
    const removed = { ...headers, origin: undefined, host: undefined };
    expect(toUpgradeRequest({ headers: removed, rawHeaders }).rawHeaders).toEqual([
      ...['Host', 'a', 'X', '1', 'Cookie', 'c'],
    ]);
  });

  it('keeps repeated fields of which node:http shows the first, or all', () => {
    const repeated = [...rawHeaders, 'Host', 'z', 'Origin', 'z'];
    const shown = { ...headers, origin: 'b, z' };
    expect(toUpgradeRequest({ headers: shown, rawHeaders: repeated }).rawHeaders).toBe(repeated);
  });

  it('takes values of rawHeaders that are no strings, alone and in pairs', () => {
    const list = ['Host', 'a', 'Sec-WebSocket-Version', '13'];
    const pairs = [
      ['Host', ['a']],
      ['Sec-WebSocket-Version', 13],
    ];
    for (const given of [pairs, pairs.flat()]) {
      const request = { headers: { host: 'a', 'sec-websocket-version': '13' }, rawHeaders: given };
      expect(toUpgradeRequest(request as never).rawHeaders).toEqual(list);
    }
  });

  it('fills in what a request that was made up lacks', () => {
    expect(toUpgradeRequest({ headers: { Upgrade: 'websocket', x: undefined } })).toEqual({
      method: '',
      target: '/',
      httpVersionMajor: 1,
      httpVersionMinor: 1,
      rawHeaders: ['Upgrade', 'websocket', 'Host', 'localhost', 'Connection', 'Upgrade'],
    });
  });

  it('takes the host of a stream of HTTP/2 from :authority (RFC 9113 §8.3.1)', () => {
    const { rawHeaders: list } = toUpgradeRequest({ headers: { ':authority': 'a:1' } });
    expect(list.slice(2, 4)).toEqual(['Host', 'a:1']);
  });

  it.each(['/', '/a?b', '*', 'http://a/', 'WS://a'])('gives the target %j as it is', (url) => {
    expect(toUpgradeRequest({ headers, url }).target).toBe(url);
  });
});

describe('A refused upgrade', () => {
  it('is answered with the status and the faults, and the socket is destroyed', async () => {
    const socket = new MemoryDuplex();
    const error = new HandshakeError('WS_HANDSHAKE_KEY');
    refuseUpgrade({}, socket, { status: 400, errors: [error] });
    await settle();
    const [head = '', body = ''] = latin1(socket.written).split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 400 Bad Request\r\nConnection: close\r\n/);
    expect(body).toContain('WS_HANDSHAKE_KEY');
    expect(socket.destroyed).toBe(true);
  });

  it('has no body as the answer to HEAD (RFC 9110 §9.3.2)', async () => {
    const socket = new MemoryDuplex();
    refuseUpgrade({ method: 'HEAD' }, socket, { status: 405 });
    await settle();
    expect(latin1(socket.written)).toMatch(/^HTTP\/1\.1 405 [\s\S]*\r\n\r\n$/);
  });

  it('does not mind a peer that is gone', async () => {
    const socket = new MemoryDuplex();
    socket.isStuck = true;
    refuseUpgrade({}, socket, { status: 403 });
    socket.release(new Error('ECONNRESET'));
    await settle();
    expect(socket.destroyed).toBe(true);
  });
});
