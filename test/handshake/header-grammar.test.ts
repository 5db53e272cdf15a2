import { describe, expect, it } from 'vitest';
import {
  equalsIgnoringCase,
  isFieldCode,
  isFieldValue,
  isToken,
  isTokenCode,
  isVisible,
  isWhitespaceCode,
  listHas,
  Separator,
} from '../../src/handshake/header-grammar.ts';

const CODES = Array.from({ length: 0x300 }, (_, code) => code);

describe('character classes (RFC 9110 §5.5, §5.6)', () => {
  it('takes exactly the tchar of RFC 9110 §5.6.2 for token characters', () => {
    const tchar = /[!#$%&'*+\-.^_`|~0-9A-Za-z]/;
    for (const code of CODES) {
      const character = String.fromCharCode(code);
      expect(isTokenCode(code), `code ${code}`).toBe(tchar.test(character));
      expect(isToken(character)).toBe(tchar.test(character));
    }
    expect(isTokenCode(Number.NaN)).toBe(false);
  });

  it('takes tab, space, visible characters and obs-text for field characters (§5.5)', () => {
    for (const code of CODES) {
      const isField = code === 9 || (code >= 0x20 && code <= 0xff && code !== 0x7f);
      expect(isFieldCode(code), `code ${code}`).toBe(isField);
      expect(isFieldValue(String.fromCharCode(code))).toBe(isField);
    }
  });

  it('takes 21 to 7E for visible characters', () => {
    for (const code of CODES) {
      expect(isVisible(String.fromCharCode(code))).toBe(code > 0x20 && code < 0x7f);
    }
  });

  it('takes space and tab for whitespace (RFC 9110 §5.6.3)', () => {
    expect(CODES.filter(isWhitespaceCode)).toEqual([9, 0x20]);
  });

  it('takes no separator for a token', () => {
    for (const code of Object.values(Separator)) expect(isTokenCode(code)).toBe(false);
  });

  it('wants at least one character of tokens and targets, none of field values', () => {
    expect([isToken(''), isVisible(''), isFieldValue('')]).toEqual([false, false, true]);
  });
});

describe('equalsIgnoringCase', () => {
  it('folds the case of ASCII letters', () => {
    expect(equalsIgnoringCase('Sec-WEBSOCKET-Key1', 'sec-websocket-key1')).toBe(true);
    expect(equalsIgnoringCase('Upgrad', 'upgrade')).toBe(false);
    expect(equalsIgnoringCase('Upgrado', 'upgrade')).toBe(false);
  });

  it('folds nothing but ASCII letters: not the Kelvin sign, not [ and {', () => {
    expect(equalsIgnoringCase('websoc\u212Aet', 'websocket')).toBe(false);
    expect(equalsIgnoringCase('[', '{')).toBe(false);
    expect(equalsIgnoringCase('@', '`')).toBe(false);
  });
});

describe('listHas (RFC 9110 §5.6.1)', () => {
  it.each([
    'upgrade',
    'Upgrade',
    'keep-alive, Upgrade',
    'keep-alive,Upgrade',
    'UPGRADE , keep-alive',
    ' \tupgrade\t ',
    ',, ,upgrade,,',
  ])('finds upgrade in %j', (list) => {
    expect(listHas(list, 'upgrade')).toBe(true);
  });

  it.each([
    '',
    ',',
    'upgrades',
    'up grade',
    'xupgrade',
    'upgrade/1',
    'keep-alive; upgrade',
    '"upgrade"',
  ])('does not find upgrade in %j', (list) => {
    expect(listHas(list, 'upgrade')).toBe(false);
  });

  it('reads millions of spaces and commas, which needs linear time', () => {
    const spaces = ' '.repeat(2_000_000);
    expect(listHas(`b${spaces}x`, 'upgrade')).toBe(false);
    expect(listHas(`${spaces}b${','.repeat(2_000_000)}x`, 'upgrade')).toBe(false);
    expect(listHas(' , '.repeat(1_000_000), 'upgrade')).toBe(false);
  });
});
