/** Checks the options of the public classes. Numbers are read by src/limits.ts. */

import { checkBag } from '../option-bag.ts';
import { unrecognizedOption } from '../option-names.ts';

/**
 * @throws Error when a name is not among the valid ones: `Unrecognized option: name`
 * @throws TypeError when the options are not an object, or are a list
 */
export function validateOptions(
  options: object | null | undefined,
  validKeys: readonly string[],
): void {
  checkBag(options);
  if (Array.isArray(options)) throw new TypeError('The options must be an object, not an array');
  for (const key of Object.keys(options ?? {})) {
    if (!validKeys.includes(key)) throw unrecognizedOption(key, validKeys);
  }
}

/** Reads an option that is true or false. @throws TypeError when the value is something else */
export function readBoolean(name: string, value: unknown, defaultValue: boolean): boolean {
  if (value === undefined || value === null) return defaultValue;
  if (typeof value === 'boolean') return value;
  throw new TypeError(`Option ${name} must be a boolean, not ${typeof value}`);
}
