/**
 * Checks the options of the public classes: a misspelt limit that is ignored would be no limit at
 * all. Numbers are read by src/limits.ts.
 */

/** @throws Error when a name is not among the valid ones: `Unrecognized option: name` */
export function validateOptions(
  options: object | null | undefined,
  validKeys: readonly string[],
): void {
  for (const key of Object.keys(options ?? {})) {
    if (!validKeys.includes(key)) throw new Error(`Unrecognized option: ${key}`);
  }
}

/** Reads an option that is true or false. @throws TypeError when the value is something else */
export function readBoolean(name: string, value: unknown, defaultValue: boolean): boolean {
  if (value === undefined) return defaultValue;
  if (typeof value === 'boolean') return value;
  throw new TypeError(`Option ${name} must be a boolean, not ${typeof value}`);
}
