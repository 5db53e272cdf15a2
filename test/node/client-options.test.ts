import { Agent, createServer } from 'node:http';
import { describe, expect, it, vi } from 'vitest';
import { connect } from '../../src/node/client-connector.ts';
import { accepting, attempt, failure, listen, local, open } from './connecting.ts';

describe('Bad arguments throw at the call', () => {
  const url = new URL('ws://127.0.0.1:1/');
  const events = { onOpen: () => {}, onError: () => {} };

  it.each([
    ['a header value with CR LF', { headers: { 'X-A': 'b\r\nX-Evil: 1' } }],
    ['a header value with NUL', { headers: { 'X-A': 'b\0' } }],
    ['a header name with LF', { headers: { 'X-A\n': 'b' } }],
    ['a header of the handshake', { headers: { 'Sec-WebSocket-Key': 'x' } }],
    ['an origin with CR LF', { origin: 'http://a\r\nX-Evil: 1' }],
    ['a subprotocol with LF', { protocols: ['a\nb'] }],
    ['extensions with CR LF', { extensions: 'x\r\nX-Evil: 1' }],
    ['another scheme', { url: new URL('ftp://a/') }],
    ['a fragment', { url: new URL('ws://a/#') }],
    ['headers that are text', { headers: 'X-A: b' as never }],
    ['headers that are a number', { headers: 5 as never }],
    ['a list of headers without pairs', { headers: ['X-A', 'b'] as never }],
    ['a proxy that is text', { proxy: 'http://a' as never }],
    ['a proxy that is a URL', { proxy: new URL('http://user:pass@a') as never }],
    ['settings of TLS that are text', { tls: 'x' as never }],
    ['a proxy without a URL', { proxy: { origin: '' } }],
    ['a SOCKS proxy', { proxy: { origin: 'socks://a' } }],
    ['a proxy header with CR LF', { proxy: { origin: 'http://a', headers: { A: 'b\r\nC: d' } } }],
    ['a proxy and an agent', { proxy: { origin: 'http://a' }, http: { agent: new Agent() } }],
    ['a proxy and a Unix socket', { proxy: { origin: 'http://a' }, net: { path: '/a' } }],
  ])('for %s', (_, bad) => {
    expect(() => connect({ url, ...bad }, events)).toThrow(TypeError);
  });

  it('for an unknown option of the proxy, which would be passed by', () => {
    const proxy = { orgin: 'http://a' } as never;
    expect(() => connect({ url, proxy }, events)).toThrow('orgin (did you mean origin?)');
  });

  it.each([
    { handshakeTimeout: 0 },
    { handshakeTimeout: 2 ** 31 },
    { handshakeTimeout: Number.NaN },
    { maxHeaderBytes: 0 },
    { maxHeaderBytes: 1.5 },
    { maxRedirects: -1 },
    { maxRedirects: Number.POSITIVE_INFINITY },
  ])('for a limit out of range: %o', (bad) => {
    expect(() => connect({ url, ...bad }, events)).toThrow(RangeError);
  });

  it('but CR and LF in a path are gone with the parsing of the URL', async () => {
    const { port, requests } = await accepting();
    await open({ url: local(port, '/a\r\nX-Evil: 1') });
    expect(requests[0]?.url).toBe('/aX-Evil:%201');
    expect(requests[0]?.headers['x-evil']).toBeUndefined();
  });
});

describe('The hooks for other faces', () => {
  it('let a request be changed before it is sent', async () => {
    const { port, requests } = await accepting();
    await open(
      { url: local(port) },
      {
        finishRequest(request) {
          request.setHeader('X-Late', 'yes');
          request.end();
        },
      },
    );
    expect(requests[0]?.headers['x-late']).toBe('yes');
  });

  it('show the response before it is judged, and notice an abort meanwhile', async () => {
    const { port } = await accepting();
    const statuses: (number | undefined)[] = [];
    const { handle, outcome, endings } = attempt(
      { url: local(port) },
      {
        onUpgrade(response) {
          statuses.push(response.statusCode);
          handle.abort();
        },
      },
    );
    expect((await outcome).error?.code).toBe('WS_ABORTED');
    expect(statuses).toEqual([101]);
    expect(endings()).toBe(1);
  });

  it('hand over another response, until the taker gives up', async () => {
    const server = createServer((_, response) => response.writeHead(402).end('pay first'));
    let body = '';
    const { handle, outcome, endings } = attempt(
      { url: local(await listen(server)) },
      {
        onUnexpectedResponse(_, response) {
          response.setEncoding('utf8');
          response.on('data', (text: string) => {
            body += text;
          });
          response.on('end', () => {
            expect(endings()).toBe(0);
            handle.abort();
          });
          return true;
        },
      },
    );
    expect((await outcome).error?.code).toBe('WS_ABORTED');
    expect(body).toBe('pay first');
  });

  it('fail as ever when the hook does not take the response', async () => {
    const server = createServer((_, response) => response.writeHead(402).end());
    const onUnexpectedResponse = vi.fn(() => false);
    const error = await failure({ url: local(await listen(server)) }, { onUnexpectedResponse });
    expect(error).toMatchObject({ code: 'WS_RESPONSE_STATUS', status: 402 });
    expect(onUnexpectedResponse).toHaveBeenCalledOnce();
  });

  it('throw at the call, and nothing comes after', async () => {
    const onError = vi.fn();
    const finishRequest = (): never => {
      throw new Error('mine');
    };
    const url = new URL('ws://127.0.0.1:1/');
    expect(() => connect({ url }, { onOpen: () => {}, onError, finishRequest })).toThrow('mine');
    await new Promise((resolve) => setImmediate(resolve));
    expect(onError).not.toHaveBeenCalled();
  });
});
