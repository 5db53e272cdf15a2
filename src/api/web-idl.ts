/**
 * The shape that Web IDL gives to interfaces (Web IDL §3.7), which classes of JavaScript do not
 * have: enumerable members, read-only constants, and a name for `Object.prototype.toString`.
 */

type Interface = abstract new (...parameters: never[]) => object;

/** Defines constants on a class and on its instances. */
export function defineConstants(
  target: Interface,
  constants: Readonly<Record<string, number>>,
): void {
  for (const [name, value] of Object.entries(constants)) {
    const constant = { value, enumerable: true };
    Object.defineProperty(target, name, constant);
    Object.defineProperty(target.prototype, name, constant);
  }
}

/**
 * Makes members of a class enumerable: those that are public.
 *
 * @param name - the name of the interface; undefined where the class has it from its base
 */
export function defineInterface(
  target: Interface,
  name: string | undefined,
  members: readonly string[],
): void {
  const prototype: object = target.prototype;
  for (const member of members) Object.defineProperty(prototype, member, { enumerable: true });
  if (name === undefined) return;
  Object.defineProperty(prototype, Symbol.toStringTag, { value: name, configurable: true });
}

/** Gives a class the members of a base that its interface does not have, as its own. */
export function adoptMembers(target: Interface, base: Interface): void {
  const { prototype } = target;
  for (const [name, member] of Object.entries(Object.getOwnPropertyDescriptors(base.prototype))) {
    if (member.enumerable === true && !Object.hasOwn(prototype, name)) {
      Object.defineProperty(prototype, name, member);
    }
  }
}
