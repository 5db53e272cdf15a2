/**
 * The one rule for reading option bags: undefined and null stand for absent. Every bag that an
 * application gives is read through here, or value by value with {@link readLimit} of limits.ts.
 */

/** A bag without its absent options. */
export type Present<Options> = { [Name in keyof Options]: Exclude<Options[Name], null> };

/** @throws TypeError when a bag is not an object: a mistake would look as if it had no options */
export function checkBag(bag: unknown, name = 'The options'): void {
  if (bag === undefined || bag === null || typeof bag === 'object') return;
  throw new TypeError(`${name} must be an object, not a ${typeof bag}`);
}

/**
 * Returns the options that are there: of a bag that has no absent ones, the bag itself.
 *
 * @throws TypeError when it is not an object
 */
export function presentOf<Options extends object>(
  options: Options | null | undefined,
): Present<Options> {
  // To Web IDL, functions are objects, too.
  if (typeof options !== 'function') checkBag(options);
  const bag = (options ?? {}) as Record<string, unknown>;
  if (!hasAbsent(bag)) return bag as Present<Options>;
  // With the symbols of a bag, and what it inherits.
  const present = Object.assign(Object.create(Object.getPrototypeOf(bag)), bag) as typeof bag;
  for (const name of Object.keys(bag)) {
    if (bag[name] === undefined || bag[name] === null) delete present[name];
  }
  return present as Present<Options>;
}

/** A loop: a list of the names and a closure cost each opening handshake 1 us. */
function hasAbsent(bag: Readonly<Record<string, unknown>>): boolean {
  for (const name in bag) {
    // A copy would lose what a bag inherits.
    if ((bag[name] === undefined || bag[name] === null) && Object.hasOwn(bag, name)) return true;
  }
  return false;
}
