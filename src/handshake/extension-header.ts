/**
 * The Sec-WebSocket-Extensions header, parsed in one pass and serialized (RFC 6455 §9.1, §11.3.2).
 * Parameters live in a Map, never in a plain object: a peer may name one `__proto__`. Their values
 * are those of the websocket-extensions plug-in interface.
 */

import { LIMITS } from '../limits.ts';
import { isToken, Separator } from './header-grammar.ts';
import { HeaderScanner } from './header-scanner.ts';

/** Browsers send one, the fullest clients three. */
const MAX_EXTENSIONS = LIMITS.headerExtensions.default;
/** permessage-deflate, the only registered extension, has four. */
const MAX_PARAMETERS = LIMITS.extensionParameters.default;

/** The value of one parameter: `true` for none, a number for text that is one, else a string. */
export type ExtensionValue = string | number | true;

/** The value of a parameter, or its values in order when its name is repeated. */
export type ExtensionParam = ExtensionValue | readonly ExtensionValue[];

/** One element of the header: an extension that is offered or was accepted. */
export interface ExtensionOffer {
  readonly name: string;
  readonly params: ReadonlyMap<string, ExtensionParam>;
}

/** Why a header could not be parsed: its grammar, or a limit. */
type ExtensionFault = 'malformed' | 'too many extensions' | 'too many parameters';

/** A number in the plug-in interface. Its alternatives exclude each other: matching is linear. */
const NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?$/;

/**
 * Parses a Sec-WebSocket-Extensions header (RFC 6455 §9.1): returns the extensions in order, or
 * what is wrong. Repeated fields are joined with commas.
 * Whitespace is allowed around `;`, `,` and `=` (RFC 2616 §2.1, on which the grammar is based).
 * Empty list elements are skipped; a list without any element is malformed (RFC 9110 §5.6.1).
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

/** Parses the header of a handshake, which may have none, and reports what is wrong with it. */
export function readExtensions(
  header: string | undefined,
  report: (fault: ExtensionFault) => void,
): readonly ExtensionOffer[] {
  const extensions = header === undefined ? [] : parseExtensions(header);
  if (typeof extensions !== 'string') return extensions;
  report(extensions);
  return [];
}

function parseParams(scanner: HeaderScanner): Map<string, ExtensionParam> | ExtensionFault {
  const params = new Map<string, ExtensionParam>();
  for (let count = 0; !scanner.endElement(); count++) {
    if (count === MAX_PARAMETERS) return 'too many parameters';
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
  // RFC 6455 §9.1: the content of a quoted string must itself be a token.
  const text = scanner.takeToken() || (scanner.takeQuotedString() ?? '');
  return isToken(text) ? toValue(text) : undefined;
}

/**
 * Converts text to a number only where it prints back the same: a rule on digits, such as that for
 * window bits (RFC 7692 §7.1.2), can then still tell `15.0` from `15`.
 */
function toValue(text: string): ExtensionValue {
  const number = Number(text);
  return NUMBER.test(text) && String(number) === text ? number : text;
}

/**
 * Serializes one extension with the pairs of a Map or of a plug-in's object. Nothing is quoted,
 * because a quoted value must be a token too (RFC 6455 §9.1).
 * @throws {@link TypeError} when a name is not a token, or a value not one, a number or `true`
 */
export function serializeExtension(
  name: string,
  params: Iterable<readonly [string, ExtensionParam]>,
): string {
  if (!isToken(name)) throw new TypeError(`The name of an extension must be a token: ${name}`);
  let text = name;
  for (const [param, values] of params) {
    if (!isToken(param)) {
      throw new TypeError(`The parameters of extension ${name} must be named by tokens: ${param}`);
    }
    for (const value of [values].flat()) {
      text += value === true ? `; ${param}` : `; ${param}=${toToken(value, name, param)}`;
    }
  }
  return text;
}

/** Plug-ins are often plain JavaScript, so the value may be of any type. */
function toToken(value: unknown, extension: string, param: string): string {
  const text = Number.isFinite(value) ? String(value) : value;
  if (typeof text === 'string' && isToken(text)) return text;
  throw new TypeError(`Parameter ${param} of extension ${extension} must have a token as value`);
}

/** Serializes a whole header, in order of preference. @throws as {@link serializeExtension} */
export function serializeExtensions(offers: readonly ExtensionOffer[]): string {
  return offers.map((offer) => serializeExtension(offer.name, offer.params)).join(', ');
}
