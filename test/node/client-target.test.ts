import { Agent } from 'node:https';
import { describe, expect, it } from 'vitest';
import { HandshakeError } from '../../src/errors.ts';
import type { ConnectRequest } from '../../src/node/client-options.ts';
import {
  type ClientTarget,
  followRedirect,
  mergeSettings,
  targetOf,
} from '../../src/node/client-target.ts';

const target = (url: string, more: Partial<ConnectRequest> = {}): ClientTarget =>
  targetOf({ url: new URL(url), ...more });

function follow(from: ClientTarget, location: string, status = 302): ClientTarget {
  const next = followRedirect(from, status, location);
  if (next === undefined || next instanceof HandshakeError) throw next ?? new Error('no redirect');
  return next;
}

describe('Where a redirect leads (RFC 9110 §10.2.2, §15.4)', () => {
  it.each([301, 302, 303, 307, 308])('follows %i', (status) => {
    expect(follow(target('ws://a/x'), '/y', status).url.href).toBe('ws://a/y');
  });

  it.each([200, 300, 304, 305, 401, 500])('does not take %i for a redirect', (status) => {
    expect(followRedirect(target('ws://a/'), status, '/y')).toBeUndefined();
  });

  it('is no redirect without a Location', () => {
    expect(followRedirect(target('ws://a/'), 302, undefined)).toBeUndefined();
  });

  it.each([
    ['y?q=1', 'ws://a/x/y?q=1'],
    ['//b/y', 'ws://b/y'],
    ['http://b:81/y', 'ws://b:81/y'],
    ['https://b/y', 'wss://b/y'],
    ['wss://b/y#fragment', 'wss://b/y'],
    ['', 'ws://a/x/'],
  ])('resolves %j against the URL', (location, href) => {
    expect(follow(target('ws://a/x/'), location).url.href).toBe(href);
  });

  it.each(['http://', 'ftp://a/', 'ws+unix:///tmp/a:/', 'file:///etc/passwd', 'data:,x'])(
    'refuses %j',
    (location) => {
      const refusal = followRedirect(target('ws://a/'), 302, location);
      expect(refusal).toBeInstanceOf(HandshakeError);
      expect(refusal).toMatchObject({ code: 'WS_RESPONSE_STATUS', status: 302 });
    },
  );

  it.each(['ws://a/', 'http://a/', '//b/'])('never leads from wss to ws: %s', (location) => {
    const secure = target('wss://a/');
    if (location === '//b/') expect(follow(secure, location).url.href).toBe('wss://b/');
    else expect(followRedirect(secure, 302, location)).toBeInstanceOf(HandshakeError);
  });
});

describe('What travels with a redirect (THREATS 16)', () => {
  const headers = {
    Authorization: 'Bearer x',
    Cookie: 'a=b',
    'Proxy-Authorization': 'Basic x',
    HOST: 'example.com',
    'X-Other': '1',
  };
  const tls = { ca: 'ca', cert: 'c', key: 'k', passphrase: 'p', servername: 's' };
  const full = target('wss://user:password@a/', {
    headers,
    tls,
    http: { auth: 'x:y', pfx: 'pfx', family: 4, socketPath: '/run/a.sock' },
    net: { localAddress: '127.0.0.1' },
  });

  it('is everything on the same server', () => {
    for (const location of ['/y', 'wss:y', '?q']) {
      const next = follow(full, location);
      expect(next).toEqual({ ...full, url: next.url });
    }
    const tcp = target('wss://user:password@a/', { headers, tls });
    const next = follow(tcp, 'wss://a:443/y');
    expect(next).toEqual({ ...tcp, url: next.url });
    expect(next.url.username).toBe('');
  });

  it.each(['wss://b/', 'wss://a:444/', '//sub.a/', 'wss://a/y', '//a/', '\\\\a', '\t//a'])(
    'is no credential on the way from a Unix socket to %j',
    (location) => {
      const next = follow(full, location);
      expect(next.headers).toEqual(['X-Other', '1']);
      expect(next.authorization).toBeUndefined();
      expect(next.socketPath).toBeUndefined();
      expect(mergeSettings(next)).toEqual({ ca: 'ca', family: 4, localAddress: '127.0.0.1' });
    },
  );

  it('stays dropped on the way back', () => {
    const back = follow(follow(full, 'wss://b/'), 'wss://a/');
    expect(back.headers).toEqual(['X-Other', '1']);
    expect(back.authorization).toBeUndefined();
    expect(back.settings.tls).toEqual({ ca: 'ca' });
  });

  it.each(['wss://a:8080/', 'https://a:8080/'])('is no credential from ws to %s', (location) => {
    const next = follow(target('ws://user:password@a:8080/', { headers, tls }), location);
    expect(next.headers).toEqual(['X-Other', '1']);
    expect(next.authorization).toBeUndefined();
    expect(mergeSettings(next)).toEqual({ ca: 'ca' });
  });

  it('is no client certificate that stands among the settings of TCP', () => {
    const net = { cert: 'c', key: 'k', family: 4 };
    const next = follow(target('wss://a/', { net }), 'wss://b/');
    expect(mergeSettings(next)).toEqual({ family: 4 });
  });

  it('is not replaced by the userinfo of a Location', () => {
    const own = 'Basic dXNlcjpwYXNzd29yZA==';
    expect(follow(target('ws://user:password@a/'), 'ws://u:p@a/').authorization).toBe(own);
    const auth = { http: { auth: 'user:password' } };
    expect(follow(target('ws://a/', auth), 'ws://u:p@a/').authorization).toBe(own);
    expect(follow(target('ws://a/'), 'ws://u:p@a/').authorization).toBe('Basic dTpw');
    expect(follow(target('ws://user:password@a/'), 'ws://u:p@b/').authorization).toBeUndefined();
    expect(follow(target('ws://a/'), 'ws://u:p@b/').authorization).toBeUndefined();
  });

  it('is not an agent that holds TLS credentials', () => {
    const agent = new Agent({ key: 'k', cert: 'c' });
    const from = target('wss://a/', { http: { agent } });
    expect(followRedirect(from, 302, 'wss://b/')).toBeInstanceOf(HandshakeError);
    expect(follow(from, 'wss://a/y').settings.http.agent).toBe(agent);
  });

  it('is an agent without any', () => {
    const agent = new Agent({ keepAlive: true });
    const from = target('wss://a/', { http: { agent } });
    expect(follow(from, 'wss://b/').settings.http.agent).toBe(agent);
  });
});

describe('The settings of a target', () => {
  it('are absent when undefined or null', () => {
    const absent = { servername: undefined, ca: null, key: null, lookup: undefined } as object;
    expect(mergeSettings(target('wss://a/', { tls: absent, http: absent, net: absent }))).toEqual(
      {},
    );
    const tls = { ca: null, key: undefined } as object;
    const merged = mergeSettings(target('wss://a/', { http: { key: 'k' }, ca: 'ca', tls }));
    expect(merged).toEqual({ key: 'k', ca: 'ca' });
    const none = { headers: null, http: null, net: null, tls: null, ca: null };
    expect(target('wss://a/', none)).toMatchObject({ headers: [], settings: {} });
  });

  it('let tls win over ca over net over http', () => {
    const http = { ca: 'http', family: 4, localAddress: 'http' };
    const net = { localAddress: 'net' };
    const merged = (more: Partial<ConnectRequest>): unknown =>
      mergeSettings(target('wss://a/', { http, net, ...more }));
    expect(merged({})).toEqual({ ca: 'http', family: 4, localAddress: 'net' });
    expect(merged({ ca: 'ca' })).toMatchObject({ ca: 'ca' });
    expect(merged({ ca: 'ca', tls: { ca: 'tls', timeout: 1 } })).toEqual({
      ca: 'tls',
      family: 4,
      localAddress: 'net',
      timeout: 1,
    });
    expect(merged({ ca: 'ca', tls: { ca: undefined } })).toMatchObject({ ca: 'ca' });
  });

  it('leave those of TLS out for ws', () => {
    const plain = target('ws://a/', { tls: { key: 'k' }, ca: 'ca', net: { family: 6 } });
    expect(mergeSettings(plain)).toEqual({ family: 6 });
  });
});
