import { describe, expect, it } from 'vitest';
import { Separator } from '../../src/handshake/header-grammar.ts';
import { HeaderScanner } from '../../src/handshake/header-scanner.ts';

describe('HeaderScanner', () => {
  it('takes tokens and separators from left to right', () => {
    const scanner = new HeaderScanner(' , a ; b= c,d');
    expect(scanner.skipToElement()).toBe(true);
    expect(scanner.takeToken()).toBe('a');
    expect(scanner.endElement()).toBe(false);
    expect(scanner.takeSeparator(Separator.EQUALS)).toBe(false);
    expect(scanner.takeSeparator(Separator.SEMICOLON)).toBe(true);
    scanner.skipWhitespace();
    expect(scanner.takeToken()).toBe('b');
    expect(scanner.takeSeparator(Separator.EQUALS)).toBe(true);
    expect(scanner.takeToken()).toBe('');
    scanner.skipWhitespace();
    expect(scanner.takeToken()).toBe('c');
    expect(scanner.endElement()).toBe(true);
    expect(scanner.isAtEnd).toBe(false);
    expect(scanner.skipToElement()).toBe(true);
    expect(scanner.takeToken()).toBe('d');
    expect(scanner.endElement()).toBe(true);
    expect(scanner.isAtEnd).toBe(true);
    expect(scanner.skipToElement()).toBe(false);
  });

  it.each([
    ['"abc"', 'abc'],
    ['""', ''],
    ['"a\\"b\\\\c"', 'a"b\\c'],
    ['"\\a\\b"', 'ab'],
    ['"\t \xff"', '\t \xff'],
  ])('undoes the quoting of %s (RFC 9110 §5.6.4)', (header, text) => {
    const scanner = new HeaderScanner(header);
    expect(scanner.takeQuotedString()).toBe(text);
    expect(scanner.isAtEnd).toBe(true);
  });

  it.each(['', 'abc', '"', '"abc', '"abc\\', '"abc\\"', '"a\x00"', '"a\\\x7f"', '"\u0100"'])(
    'takes no quoted string from %j (RFC 9110 §5.6.4)',
    (header) => {
      expect(new HeaderScanner(header).takeQuotedString()).toBeUndefined();
    },
  );

  it('leaves what follows a quoted string', () => {
    const scanner = new HeaderScanner('"a";b');
    scanner.takeQuotedString();
    expect(scanner.takeSeparator(Separator.SEMICOLON)).toBe(true);
    expect(scanner.takeToken()).toBe('b');
  });
});
