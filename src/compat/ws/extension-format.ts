/**
 * `extension` of `ws`: the Sec-WebSocket-Extensions header (RFC 6455 §9.1) as an object of arrays, on the parser and the
 * printer of the core.
 *
 * The object has no prototype, so no name that a peer sends can reach one. All values are strings, and a parameter without
 * a value is true.
 */

import {
  type ExtensionParam,
  type ExtensionValue,
  parseExtensions,
  serializeExtension,
} from '../../handshake/extension-header.ts';

/** The parameters of one offer: each name with its values, in order. */
export interface ExtensionParameterLists {
  [name: string]: (string | true)[];
}

/** The offers of a header, by the name of the extension. */
export interface ExtensionOffers {
  [name: string]: ExtensionParameterLists[];
}

type ParameterValue = string | number | boolean;

/** What `format` takes: a value or a list of values for each parameter, an offer or a list of offers for each name. */
export interface ExtensionOffersInput {
  [name: string]:
    | { [name: string]: ParameterValue | ParameterValue[] }
    | { [name: string]: ParameterValue | ParameterValue[] }[];
}

/**
 * Parses the header.
 *
 * @throws SyntaxError when it does not follow the grammar
 */
function parse(header: string): ExtensionOffers {
  const parsed = parseExtensions(header);
  if (typeof parsed === 'string') throw new SyntaxError(`The header is ${parsed}`);
  const offers = Object.create(null) as ExtensionOffers;
  for (const { name, params } of parsed) {
    const parameters = Object.create(null) as ExtensionParameterLists;
    for (const [param, value] of params) parameters[param] = listOf(value).map(toText);
    offers[name] ??= [];
    offers[name].push(parameters);
  }
  return offers;
}

function listOf(value: ExtensionParam): readonly ExtensionValue[] {
  return Array.isArray(value) ? (value as readonly ExtensionValue[]) : [value as ExtensionValue];
}

function toText(value: ExtensionValue): string | true {
  return value === true ? true : String(value);
}

/**
 * Prints the header.
 *
 * @throws TypeError when a name or a value is not a token
 */
function format(extensions: ExtensionOffersInput): string {
  const printed: string[] = [];
  for (const [name, offers] of Object.entries(extensions)) {
    for (const parameters of Array.isArray(offers) ? offers : [offers]) {
      const entries = Object.entries(parameters).map(([param, value]): [string, ExtensionParam] => [
        param,
        (Array.isArray(value) ? value : [value]) as ExtensionValue[],
      ]);
      printed.push(serializeExtension(name, entries));
    }
  }
  return printed.join(', ');
}

/** The header of extensions, parsed and printed. */
export const extension: {
  parse: (header: string) => ExtensionOffers;
  format: (extensions: ExtensionOffersInput) => string;
} = { format, parse };
