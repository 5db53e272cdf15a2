/**
 * A cursor over one header field, from which the parsers of list headers take tokens, quoted
 * strings and separators (RFC 9110 §5.6). It only moves forward, so any parser built on it is
 * linear, even on unclosed quotes and thousands of spaces.
 */

import { isFieldCode, isTokenCode, isWhitespaceCode, Separator } from './header-grammar.ts';

/** Reads one field value from left to right. */
export class HeaderScanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  /** Skips optional whitespace (RFC 9110 §5.6.3). */
  skipWhitespace(): void {
    while (isWhitespaceCode(this.#text.charCodeAt(this.#at))) this.#at++;
  }

  /** Skips whitespace and empty elements (RFC 9110 §5.6.1); returns false when nothing is left. */
  skipToElement(): boolean {
    do this.skipWhitespace();
    while (this.takeSeparator(Separator.COMMA));
    return !this.isAtEnd;
  }

  /** Skips whitespace and tells whether the element ends there: at the end, or before a comma. */
  endElement(): boolean {
    this.skipWhitespace();
    return this.isAtEnd || this.#text.charCodeAt(this.#at) === Separator.COMMA;
  }

  /** Takes a {@link Separator} if it comes next, and tells whether it did. */
  takeSeparator(code: number): boolean {
    if (this.#text.charCodeAt(this.#at) !== code) return false;
    this.#at++;
    return true;
  }

  /** Takes a token (RFC 9110 §5.6.2); returns an empty string when none comes next. */
  takeToken(): string {
    const start = this.#at;
    while (isTokenCode(this.#text.charCodeAt(this.#at))) this.#at++;
    return this.#text.slice(start, this.#at);
  }

  /** Takes and unquotes a quoted string (RFC 9110 §5.6.4); undefined when none comes next. */
  takeQuotedString(): string | undefined {
    if (!this.takeSeparator(Separator.DOUBLE_QUOTE)) return undefined;
    let text = '';
    let start = this.#at;
    for (; this.#at < this.#text.length; this.#at++) {
      let code = this.#text.charCodeAt(this.#at);
      if (code === Separator.DOUBLE_QUOTE) {
        text += this.#text.slice(start, this.#at++);
        return text;
      }
      if (code === Separator.BACKSLASH) {
        text += this.#text.slice(start, this.#at++);
        start = this.#at;
        code = this.#text.charCodeAt(this.#at);
      }
      // Past the end the code is NaN, which is not a field character either.
      if (!isFieldCode(code)) return undefined;
    }
    return undefined;
  }
}
