/**
 * A cursor over one header field, from which the parsers of list headers take tokens, quoted strings and separators
 * (RFC 9110 §5.6).
 *
 * The cursor only ever moves forward, so that any parser built on it is linear, also on unclosed quoted strings and on
 * thousands of spaces. It does not know what the parts mean.
 */

import { isFieldCode, isTokenCode, isWhitespaceCode, Separator } from './header-grammar.ts';

/** Reads one header field from left to right. */
export class HeaderScanner {
  readonly #text: string;
  #at = 0;

  /**
   * @param text - the field value
   */
  constructor(text: string) {
    this.#text = text;
  }

  /** Whether everything has been read. */
  get isAtEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  /** Skips optional whitespace (RFC 9110 §5.6.3). */
  skipWhitespace(): void {
    while (isWhitespaceCode(this.#text.charCodeAt(this.#at))) this.#at++;
  }

  /**
   * Skips to the next element of a list, over whitespace and empty elements (RFC 9110 §5.6.1).
   *
   * @returns false when no element is left
   */
  skipToElement(): boolean {
    do this.skipWhitespace();
    while (this.takeSeparator(Separator.COMMA));
    return !this.isAtEnd;
  }

  /**
   * Skips whitespace after an element, and tells whether the element ended there: at a comma or at the end.
   * The comma is left for {@link skipToElement}.
   */
  endElement(): boolean {
    this.skipWhitespace();
    return this.isAtEnd || this.#text.charCodeAt(this.#at) === Separator.COMMA;
  }

  /**
   * Takes a separator if it comes next.
   *
   * @param code - the separator's character code, one of {@link Separator}
   * @returns whether it came next
   */
  takeSeparator(code: number): boolean {
    if (this.#text.charCodeAt(this.#at) !== code) return false;
    this.#at++;
    return true;
  }

  /**
   * Takes a token (RFC 9110 §5.6.2).
   *
   * @returns the token, or an empty string when none comes next
   */
  takeToken(): string {
    const start = this.#at;
    while (isTokenCode(this.#text.charCodeAt(this.#at))) this.#at++;
    return this.#text.slice(start, this.#at);
  }

  /**
   * Takes a quoted string and undoes its quoting (RFC 9110 §5.6.4).
   *
   * @returns the text between the quotes, or undefined when no well-formed quoted string comes next
   */
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
      // Past the end the code is NaN, which is no field character either.
      if (!isFieldCode(code)) return undefined;
    }
    return undefined;
  }
}
