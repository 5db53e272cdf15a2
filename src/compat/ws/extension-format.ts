/**
 * `extension` of `ws`: the Sec-WebSocket-Extensions header (RFC 6455 §9.1) as an object of arrays.
 * Values are strings, or true for none. The objects have no prototype, which a peer's name might
 * reach.
 */

import {
  type ExtensionParam,
  parseExtensions,
  serializeExtension,
} from '../../handshake/extension-header.ts';

/** The parameters of one offer: each name with its values, in order. */
export type ExtensionParameterLists = Record<string, (string | true)[]>;

/** The offers of a header, by the name of the extension. */
export type ExtensionOffers = Record<string, ExtensionParameterLists[]>;

type ParameterValue = string | number | boolean;
type ParametersInput = Record<string, ParameterValue | ParameterValue[]>;

/** What `format` accepts: single values, or lists of them. */
export type ExtensionOffersInput = Record<string, ParametersInput | ParametersInput[]>;

/** Parses the header. @throws SyntaxError when it does not follow the grammar */
function parse(header: string): ExtensionOffers {
  const parsed = parseExtensions(header);
  if (typeof parsed === 'string') throw new SyntaxError(`The header is ${parsed}`);
  const offers = Object.create(null) as ExtensionOffers;
  for (const { name, params } of parsed) {
    const parameters = Object.create(null) as ExtensionParameterLists;
    for (const [param, value] of params) {
      parameters[param] = [value].flat().map((one) => one === true || String(one));
    }
    offers[name] ??= [];
    offers[name].push(parameters);
  }
  return offers;
}

/** Serializes the header. @throws TypeError when a name or a value is not a token */
function format(extensions: ExtensionOffersInput): string {
  const serialized: string[] = [];
  for (const [name, offers] of Object.entries(extensions)) {
    for (const parameters of [offers].flat()) {
      const entries = Object.entries(parameters).map(
        ([param, value]) => [param, [value].flat()] as [string, ExtensionParam],
      );
      serialized.push(serializeExtension(name, entries));
    }
  }
  return serialized.join(', ');
}

/** Parses and serializes the header of extensions. */
export const extension: {
  parse: (header: string) => ExtensionOffers;
  format: (extensions: ExtensionOffersInput) => string;
} = { format, parse };
