import { describe, expect, it } from 'vitest';
import {
  chooseSubprotocol,
  findSubprotocolFault,
  parseSubprotocols,
} from '../../src/handshake/subprotocol.ts';

describe('parseSubprotocols (RFC 6455 §4.1, §11.3.4)', () => {
  it.each([
    ['chat', ['chat']],
    ['chat, superchat', ['chat', 'superchat']],
    ['chat ,\tsuperchat', ['chat', 'superchat']],
    [',chat,,superchat,', ['chat', 'superchat']],
    ['a, A', ['a', 'A']],
    ['__proto__, constructor', ['__proto__', 'constructor']],
  ])('parses %j', (header, protocols) => {
    expect(parseSubprotocols(header)).toEqual(protocols);
  });

  it.each(['', ' ', ',', 'a b', 'a;b', '"a"', 'a, b/c', 'a\r\nb', 'a\0', '\xe9', 'a,a', 'a, b, a'])(
    'refuses %j, which is not a list of distinct tokens',
    (header) => {
      expect(parseSubprotocols(header)).toBeUndefined();
    },
  );

  it('reads `b`, spaces and `x` in linear time (CVE-2021-32640)', () => {
    expect(parseSubprotocols(`b${' '.repeat(32_000)}x`)).toBeUndefined();
    expect(parseSubprotocols(`b${' '.repeat(4_000_000)}x`)).toBeUndefined();
    expect(parseSubprotocols(`b${' ,'.repeat(1_000_000)}x`)).toEqual(['b', 'x']);
  });
});

describe('chooseSubprotocol (RFC 6455 §4.2.2)', () => {
  it("chooses the first of the client's that the server speaks", () => {
    expect(chooseSubprotocol(['a', 'b', 'c'], ['c', 'b'])).toBe('b');
  });

  it('chooses none when there is none in common, and minds the case', () => {
    expect(chooseSubprotocol(['a'], ['A', 'b'])).toBeUndefined();
    expect(chooseSubprotocol([], ['a'])).toBeUndefined();
    expect(chooseSubprotocol(['constructor'], [])).toBeUndefined();
  });
});

describe('findSubprotocolFault (WHATWG WebSockets §3.1)', () => {
  it('finds nothing wrong with distinct tokens', () => {
    expect(findSubprotocolFault([])).toBeUndefined();
    expect(findSubprotocolFault(['a', 'A', 'b.c'])).toBeUndefined();
  });

  it.each(['', 'a b', 'a,b', 'a\r\nX: y', 'a\0', 'caf\xe9', '\u0100'])(
    'finds fault with %j',
    (protocol) => {
      expect(findSubprotocolFault(['a', protocol])).toContain('must be a token');
    },
  );

  it('finds fault with what repeats and with what is no string', () => {
    expect(findSubprotocolFault(['a', 'b', 'a'])).toContain('twice');
    for (const one of [1, 5n, Symbol('s'), () => {}, {}]) {
      const fault = findSubprotocolFault([one as unknown as string]);
      expect(fault).toBe(`A subprotocol must be a token, not a value of type ${typeof one}`);
    }
  });
});
