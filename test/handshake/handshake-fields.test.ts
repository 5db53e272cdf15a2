import { describe, expect, it } from 'vitest';
import { type HandshakeFields, pickHandshakeFields } from '../../src/handshake/handshake-fields.ts';

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
  ['secKey1', 'Sec-WebSocket-Key1'],
  ['secKey2', 'Sec-WebSocket-Key2'],
  ['draftProtocol', 'WebSocket-Protocol'],
];

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

  it('counts Host', () => {
    expect(pickHandshakeFields([]).hostCount).toBe(0);
    expect(pickHandshakeFields(['HOST', '', 'host', '']).hostCount).toBe(2);
  });

  it('picks nothing from other names of the same length, nor from a name without value', () => {
    const rawHeaders = NAMES.flatMap(([, name]) => [`x${name.slice(1)}`, 'a']);
    const nothing = pickHandshakeFields([]);
    expect(pickHandshakeFields(rawHeaders)).toEqual(nothing);
    expect(pickHandshakeFields(['Host'])).toEqual(nothing);
  });
});
