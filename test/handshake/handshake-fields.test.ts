import { describe, expect, it } from 'vitest';
import {
  fieldReader,
  HANDSHAKE_FIELDS,
  type HandshakeFields,
  isConnectionField,
  isHandshakeField,
  pickHandshakeFields,
} from '../../src/handshake/handshake-fields.ts';
import { judgeRequest } from '../../src/handshake/server-handshake.ts';

const NAMES: [keyof HandshakeFields, string][] = [
  ['host', 'Host'],
  ['upgrade', 'Upgrade'],
  ['connection', 'Connection'],
  ['origin', 'Origin'],
  ['contentLength', 'Content-Length'],
  ['transferEncoding', 'Transfer-Encoding'],
  ['secKey', 'Sec-WebSocket-Key'],
  ['secVersion', 'Sec-WebSocket-Version'],
  ['secAccept', 'Sec-WebSocket-Accept'],
  ['secProtocol', 'Sec-WebSocket-Protocol'],
  ['secExtensions', 'Sec-WebSocket-Extensions'],
  ['secOrigin', 'Sec-WebSocket-Origin'],
];

describe('HANDSHAKE_FIELDS', () => {
  it('has a row for each field, with its section', () => {
    expect(Object.keys(HANDSHAKE_FIELDS).sort()).toEqual(NAMES.map(([field]) => field).sort());
    for (const { section } of Object.values(HANDSHAKE_FIELDS)) {
      expect(section).toMatch(/^(?:RFC \d{4}|hybi-08) §\d+(?:\.\d+)*$/);
    }
  });

  it.each([
    ['host', 'WS_HANDSHAKE_HOST', ['a', 'a']],
    ['host', 'WS_HANDSHAKE_HOST', ['', '']],
    ['host', 'WS_HANDSHAKE_HOST', ['a', '']],
    ['contentLength', 'WS_HANDSHAKE_BODY', ['0', '0']],
    ['secKey', 'WS_HANDSHAKE_KEY', ['dGhlIHNhbXBsZSBub25jZQ==', 'dGhlIHNhbXBsZSBub25jZQ==']],
    ['secVersion', 'WS_HANDSHAKE_VERSION', ['13', '13']],
    ['origin', 'WS_HANDSHAKE_ORIGIN', ['http://a', 'http://a']],
  ] as const)('a repeated %s, which is no list, breaks %s', (field, code, values) => {
    const { name, isList } = HANDSHAKE_FIELDS[field];
    expect(isList).toBe(false);
    const rawHeaders = values.flatMap((value) => [name, value]);
    const line = { method: 'GET', target: '/', httpVersionMajor: 1, httpVersionMinor: 1 };
    const verdict = judgeRequest({ ...line, rawHeaders }, { allowedOrigins: ['http://a'] });
    if (verdict.accepted) throw new Error('accepted');
    expect(verdict.errors.map((error) => error.code)).toContain(code);
  });
});

describe('pickHandshakeFields', () => {
  it.each(NAMES)(
    'picks %s from %s in any case, and joins what repeats (RFC 9110 §5.3)',
    (field, name) => {
      expect(pickHandshakeFields([name, 'a'])[field]).toBe('a');
      expect(pickHandshakeFields(['X', 'y', name.toUpperCase(), ''])[field]).toBe('');
      expect(pickHandshakeFields([name, 'a', 'X', 'y', name.toLowerCase(), 'b'])[field]).toBe(
        'a, b',
      );
      for (const [other] of NAMES) {
        if (other !== field) expect(pickHandshakeFields([name, 'a'])[other]).toBeUndefined();
      }
    },
  );

  it('picks nothing from other names of the same length, nor from a name without value', () => {
    const rawHeaders = NAMES.flatMap(([, name]) => [`x${name.slice(1)}`, 'a']);
    const nothing = pickHandshakeFields([]);
    expect(pickHandshakeFields(rawHeaders)).toEqual(nothing);
    expect(pickHandshakeFields(['Host'])).toEqual(nothing);
  });
});

describe('fieldReader', () => {
  it('reads the fields of any table, and keeps no value between heads', () => {
    const row = { isList: false, section: 'RFC 9110 §5' };
    const read = fieldReader({ one: { name: 'x-1', ...row }, two: { name: 'x-2', ...row } });
    expect(read(['X-2', 'b', 'X-1', 'a'])).toEqual({ one: 'a', two: 'b' });
    expect(read(['X-2', 'c'])).toEqual({ one: undefined, two: 'c' });
  });
});

describe('the fields that applications may not set', () => {
  it('are those of the connection, and in a handshake every Sec-WebSocket-*', () => {
    for (const name of ['connection', 'upgrade', 'content-length', 'transfer-encoding']) {
      expect([isConnectionField(name), isHandshakeField(name)]).toEqual([true, true]);
    }
    for (const name of ['sec-websocket-key', 'sec-websocket-anything']) {
      expect([isConnectionField(name), isHandshakeField(name)]).toEqual([false, true]);
    }
    for (const name of ['host', 'origin', 'cookie', 'sec-websocke']) {
      expect([isConnectionField(name), isHandshakeField(name)]).toEqual([false, false]);
    }
  });
});
