/**
 * The Sec-WebSocket-Extensions header, parsed and serialized (RFC 6455 §9.1, §11.3.2).
 *
 * Parameters are kept in a Map, never in a plain object, because a peer may name one `__proto__` or `constructor`. Their
 * values follow the published interface of the websocket-extensions plug-ins: `true` without a value, a number where the
 * text is one, else a string, and an array where a name is repeated. Parsing is one pass.
 *
 * What the extensions and their parameters mean is not known here: src/extensions negotiates.
 */

import { isToken, Separator } from './header-grammar.ts';
import { HeaderScanner } from './header-scanner.ts';

/** The most extensions that one header may list. Browsers send one, the fullest clients three. */
export const MAX_EXTENSIONS = 32;

/** The most parameters that one extension may have. permessage-deflate, the only one registered, has four. */
export const MAX_EXTENSION_PARAMS = 32;

/** The value of one parameter: `true` when it has none. */
export type ExtensionValue = string | number | true;

/** The value of a parameter, or its values in order when its name is repeated. */
export type ExtensionParam = ExtensionValue | readonly ExtensionValue[];

/** One element of the header: an extension that is offered, or one that was accepted. */
export interface ExtensionOffer {
  readonly name: string;
  readonly params: ReadonlyMap<string, ExtensionParam>;
}

/** Why a header could not be parsed: its grammar, or one of the limits of this file. */
export type ExtensionFault = 'malformed' | 'too many extensions' | 'too many parameters';

/** What the plug-in interface takes for a number; the alternatives exclude each other, so matching is linear. */
const NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?$/;

/**
 * Parses a Sec-WebSocket-Extensions header (RFC 6455 §9.1).
 *
 * Whitespace is allowed around `;`, `,` and `=`, as the grammar's RFC 2616 §2.1 has it. Empty list elements are skipped,
 * a list without any element is malformed (RFC 9110 §5.6.1).
 *
 * @param header - the field value; repeated fields are joined with commas first
 * @returns the extensions in order, or what is wrong with the header
 */
export function parseExtensions(header: string): ExtensionOffer[] | ExtensionFault {
  const scanner = new HeaderScanner(header);
  const offers: ExtensionOffer[] = [];
  while (scanner.skipToElement()) {
    if (offers.length === MAX_EXTENSIONS) return 'too many extensions';
    const name = scanner.takeToken();
    if (name === '') return 'malformed';
    const params = parseParams(scanner);
    if (typeof params === 'string') return params;
    offers.push({ name, params });
  }
  return offers.length > 0 ? offers : 'malformed';
}

function parseParams(scanner: HeaderScanner): Map<string, ExtensionParam> | ExtensionFault {
  const params = new Map<string, ExtensionParam>();
  for (let count = 0; !scanner.endElement(); count++) {
    if (count === MAX_EXTENSION_PARAMS) return 'too many parameters';
    if (!scanner.takeSeparator(Separator.SEMICOLON)) return 'malformed';
    scanner.skipWhitespace();
    const name = scanner.takeToken();
    if (name === '') return 'malformed';
    const value = parseValue(scanner);
    if (value === undefined) return 'malformed';
    const former = params.get(name);
    params.set(name, former === undefined ? value : [former, value].flat());
  }
  return params;
}

function parseValue(scanner: HeaderScanner): ExtensionValue | undefined {
  scanner.skipWhitespace();
  if (!scanner.takeSeparator(Separator.EQUALS)) return true;
  scanner.skipWhitespace();
  // RFC 6455 §9.1: what a quoted string says must itself be a token.
  const text = scanner.takeToken() || (scanner.takeQuotedString() ?? '');
  return isToken(text) ? toValue(text) : undefined;
}

/**
 * Makes a number of a text that is one, and prints back as it was: a rule on digits, such as RFC 7692 §7.1.2 has for
 * window bits, can then still tell `15.0` from `15`.
 */
function toValue(text: string): ExtensionValue {
  if (!NUMBER.test(text)) return text;
  const number = Number(text);
  return String(number) === text ? number : text;
}

/**
 * Serializes one extension with its parameters, as one element of a Sec-WebSocket-Extensions header (RFC 6455 §9.1).
 *
 * Nothing is ever quoted: RFC 6455 §9.1 allows only tokens as values, also within quotes.
 *
 * @param name - the extension's name, a token
 * @param params - pairs of name and value: a Map, or the entries of the object that a plug-in returned
 * @throws {@link TypeError} when a name or a value is not a token, a finite number, `true`, or an array of those
 */
export function serializeExtension(
  name: string,
  params: Iterable<readonly [string, ExtensionParam]>,
): string {
  if (!isToken(name)) throw new TypeError(`The name of an extension must be a token: ${name}`);
  let text = name;
  for (const [param, value] of params) {
    if (!isToken(param)) {
      throw new TypeError(`The parameters of extension ${name} must be named by tokens: ${param}`);
    }
    if (isValueList(value)) {
      for (const one of value) text += serializeParam(name, param, one);
    } else {
      text += serializeParam(name, param, value);
    }
  }
  return text;
}

function isValueList(value: ExtensionParam): value is readonly ExtensionValue[] {
  return Array.isArray(value);
}

function serializeParam(extension: string, name: string, value: ExtensionValue): string {
  if (value === true) return `; ${name}`;
  const text = typeof value === 'number' && Number.isFinite(value) ? String(value) : value;
  // Plug-ins are often plain JavaScript, so the type of the value is not to be relied on.
  if (typeof text !== 'string' || !isToken(text)) {
    throw new TypeError(`Parameter ${name} of extension ${extension} must have a token as value`);
  }
  return `; ${name}=${text}`;
}

/**
 * Serializes a whole Sec-WebSocket-Extensions header.
 *
 * @param offers - the extensions, in order of preference
 * @throws {@link TypeError} when {@link serializeExtension} does
 */
export function serializeExtensions(offers: readonly ExtensionOffer[]): string {
  return offers.map((offer) => serializeExtension(offer.name, offer.params)).join(', ');
}
