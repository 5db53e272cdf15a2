/**
 * A bounded pool of native contexts, shared by all connections of a process.
 *
 * A context costs up to 256 KiB, so a connection cannot keep one while it is idle. Whoever needs a context checks one
 * out: its own, a free one of the same kind, a new one while there are fewer than the limit, else that of the holder that
 * has not used its own for longest. Checked in, it stays the holder's until another needs it; a holder must be able to go
 * on without: its `context` is undefined from then on. What is checked out cannot be taken, and is not counted.
 */

/** Something that may lose its context to another whenever it has it checked in. */
export interface ContextHolder<Context> {
  context: Context | undefined;
  /** Whether it has used a context before; kept by the pool. */
  isRegular?: boolean;
}

/** As many holders keep their context from the first use on. */
const KEPT_AT_FIRST_USE = 4;

interface Pooled {
  reset(): void;
  close(): void;
}

export class ContextPool<Context extends Pooled> {
  #limit: number;
  /** The holders with a context, least recently used first, and the kind of each one's context. */
  readonly #held: Map<ContextHolder<Context>, string> = new Map();
  /** Contexts that nobody holds, by kind. */
  readonly #free: Map<string, Context[]> = new Map();
  #freeCount = 0;

  /** @param limit - the most contexts, an integer of 1 or more */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The most contexts that exist at once. Lowering it frees those that have not been used for longest. */
  get limit(): number {
    return this.#limit;
  }

  set limit(limit: number) {
    this.#limit = limit;
    while (this.size > limit) this.#dropOne();
  }

  /** How many contexts exist, less those that are checked out. */
  get size(): number {
    return this.#held.size + this.#freeCount;
  }

  /**
   * Checks a context out for a holder: nobody can take it before it is checked in.
   *
   * @param kind - tells apart contexts that cannot stand in for each other
   * @param create - makes a new one
   * @param canReuse - whether a used one, reset, will do; not when it must start from a dictionary
   */
  checkOut(
    holder: ContextHolder<Context>,
    kind: string,
    create: () => Context,
    canReuse: boolean,
  ): Context {
    if (holder.context !== undefined) {
      this.#held.delete(holder);
      return holder.context;
    }
    const context = (canReuse ? this.#takeUsed(kind) : undefined) ?? this.#create(create);
    holder.context = context;
    return context;
  }

  /**
   * Checks a holder's context in: it stays the holder's, as the most recently used, until another needs it. Where many
   * hold one, a holder gets to keep one with its second use only, so that those who come once do not make the pool grow.
   */
  checkIn(holder: ContextHolder<Context>, kind: string): void {
    const isFirst = holder.isRegular !== true;
    holder.isRegular = true;
    if (isFirst && this.#held.size >= KEPT_AT_FIRST_USE) {
      this.release(holder, kind);
      return;
    }
    this.#held.set(holder, kind);
    while (this.size > this.#limit) this.#dropOne();
  }

  /** Takes a checked-out context back: it is reset, and free for anyone. */
  release(holder: ContextHolder<Context>, kind: string): void {
    const context = holder.context;
    if (context === undefined) return;
    this.#held.delete(holder);
    holder.context = undefined;
    context.reset();
    const free = this.#free.get(kind);
    if (free === undefined) this.#free.set(kind, [context]);
    else free.push(context);
    this.#freeCount++;
    while (this.size > this.#limit) this.#dropOne();
  }

  /** Takes a holder's context, if it has one, and frees its memory: it is of no use to anyone. */
  destroy(holder: ContextHolder<Context>): void {
    this.#held.delete(holder);
    holder.context?.close();
    holder.context = undefined;
  }

  /** Finds a context of a kind that can be reset and used: a free one, else the least recently used at the limit. */
  #takeUsed(kind: string): Context | undefined {
    const free = this.#free.get(kind)?.pop();
    if (free !== undefined) {
      this.#freeCount--;
      return free;
    }
    if (this.size < this.#limit) return undefined;
    const [oldest, oldestKind] = this.#oldest();
    if (oldest === undefined || oldestKind !== kind) return undefined;
    const context = oldest.context;
    this.#held.delete(oldest);
    oldest.context = undefined;
    context?.reset();
    return context;
  }

  #create(create: () => Context): Context {
    while (this.size >= this.#limit) this.#dropOne();
    return create();
  }

  /** Frees a context that nobody holds, else that of the holder that has not used its own for longest. */
  #dropOne(): void {
    for (const contexts of this.#free.values()) {
      const context = contexts.pop();
      if (context === undefined) continue;
      this.#freeCount--;
      context.close();
      return;
    }
    const [oldest] = this.#oldest();
    if (oldest !== undefined) this.destroy(oldest);
  }

  #oldest(): [ContextHolder<Context> | undefined, string | undefined] {
    const first = this.#held.entries().next();
    return first.done === true ? [undefined, undefined] : first.value;
  }
}
