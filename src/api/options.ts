/**
 * Reading the options of the public classes: an unknown name, a wrong type or a number out of range is local misuse and
 * throws at the call, naming the option. A misspelt limit that is silently ignored would be no limit at all.
 *
 * What each option means and defaults to stands with the class that takes it.
 */

/**
 * Refuses options that nobody reads.
 *
 * Only own enumerable string keys count, whatever their value; undefined and null stand for no options.
 *
 * @param options - the options as the caller gave them
 * @param validKeys - the names that are allowed
 * @throws Error when a name is not allowed: `Unrecognized option: name`
 */
export function validateOptions(
  options: object | null | undefined,
  validKeys: readonly string[],
): void {
  if (options === undefined || options === null) return;
  for (const key of Object.keys(options)) {
    if (!validKeys.includes(key)) throw new Error(`Unrecognized option: ${key}`);
  }
}

/** Says which numbers an option takes. */
export interface NumberRule {
  /** What is counted, in the plural, for the error message: `bytes`, `seconds`. */
  readonly unit: string;
  /** The lowest value that is allowed. */
  readonly minimum: number;
  /** The highest value that is allowed; Infinity for none. */
  readonly maximum: number;
  /** The value when the option is absent or undefined. */
  readonly defaultValue: number;
  /** The value that null and false stand for; without it they are refused. */
  readonly off?: number;
  /** Whether fractions are refused; Infinity passes where `maximum` allows it. */
  readonly isInteger?: boolean;
}

/**
 * Reads an option that is a number.
 *
 * @param name - the option's name, for the error message
 * @param value - the value as the caller gave it
 * @param rule - the numbers that are allowed
 * @returns the number, or the default or the off value of the rule
 * @throws TypeError when the value is not a number (a string of digits is none)
 * @throws RangeError when the number is NaN, out of range, or a fraction where an integer is wanted
 */
export function readNumber(name: string, value: unknown, rule: NumberRule): number {
  if (value === undefined) return rule.defaultValue;
  if ((value === null || value === false) && rule.off !== undefined) return rule.off;
  if (typeof value !== 'number') {
    throw new TypeError(`Option ${name} must be a number of ${rule.unit}, not ${typeof value}`);
  }
  const isInRange = value >= rule.minimum && value <= rule.maximum;
  const isFraction = rule.isInteger === true && !Number.isInteger(value) && value !== Infinity;
  if (!isInRange || isFraction) {
    const kind = rule.isInteger === true ? 'an integer' : 'a number';
    const range = `of ${rule.minimum} to ${rule.maximum} ${rule.unit}`;
    throw new RangeError(`Option ${name} must be ${kind} ${range}, not ${value}`);
  }
  return value;
}

/**
 * Reads an option that is true or false.
 *
 * @param name - the option's name, for the error message
 * @param value - the value as the caller gave it
 * @param defaultValue - the value when the option is absent or undefined
 * @throws TypeError when the value is not a boolean
 */
export function readBoolean(name: string, value: unknown, defaultValue: boolean): boolean {
  if (value === undefined) return defaultValue;
  if (typeof value !== 'boolean') {
    throw new TypeError(`Option ${name} must be a boolean, not ${typeof value}`);
  }
  return value;
}
