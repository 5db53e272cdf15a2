/**
 * A bounded pool of native contexts, shared by all connections of a process: a context costs up to
 * 256 KiB, too much for each idle connection.
 *
 * A holder checks a context out to use it: its own, a free one of the same kind, a new one below
 * the limit, else the one of the holder that has not used its own for longest. Checked in, it may
 * be taken away, which leaves the holder's `context` undefined. Checked out, it cannot be, but it
 * counts: free and idle contexts are given up for it, so only those in use can exceed the limit.
 */

export interface PooledContext {
  /** Forgets the window. */
  reset(): void;
  /** Frees the memory; the context must not be used afterwards. */
  close(): void;
}

/** Something that may lose its context to another while it has it checked in. */
export interface ContextHolder<Context> {
  context: Context | undefined;
  /** Whether it has used a context before; set by the pool. */
  isRegular?: boolean;
}

/** Tells apart contexts that cannot stand in for each other. */
type Kind = string | number;

/** This many holders keep their context from the first use on, the others from the second. */
const KEPT_AT_FIRST_USE = 4;

export class ContextPool<Context extends PooledContext> {
  #limit: number;
  #size = 0;
  /** The idle holders, least recently used first, and the kind of each one's context. */
  readonly #idle: Map<ContextHolder<Context>, Kind> = new Map();
  readonly #free: Map<Kind, Context[]> = new Map();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The most contexts, 1 or more. Lowering it frees those that were not used for longest. */
  get limit(): number {
    return this.#limit;
  }

  set limit(limit: number) {
    this.#limit = limit;
    this.#shrink(limit);
  }

  /** How many contexts exist: free, idle and checked out. */
  get size(): number {
    return this.#size;
  }

  /**
   * Checks a context out for a holder: nobody can take it before it is checked in.
   * @param canReuse - whether a used one, reset, will do; not when it must start from a dictionary
   */
  checkOut(
    holder: ContextHolder<Context>,
    kind: Kind,
    create: () => Context,
    canReuse: boolean,
  ): Context {
    if (holder.context !== undefined) this.#idle.delete(holder);
    else holder.context = (canReuse ? this.#takeUsed(kind) : undefined) ?? this.#create(create);
    return holder.context;
  }

  /**
   * Checks a holder's context in, as the most recently used. Where many hold one, a holder keeps
   * its own with the second use only, so that those who come once do not make the pool grow.
   */
  checkIn(holder: ContextHolder<Context>, kind: Kind): void {
    const isFirst = holder.isRegular !== true;
    holder.isRegular = true;
    if (isFirst && this.#idle.size >= KEPT_AT_FIRST_USE) {
      this.release(holder, kind);
    } else {
      this.#idle.set(holder, kind);
      this.#shrink(this.#limit);
    }
  }

  /** Takes a holder's context, if it has one, and resets it for anyone. */
  release(holder: ContextHolder<Context>, kind: Kind): void {
    const context = this.#takeFrom(holder);
    if (context === undefined) return;
    context.reset();
    const free = this.#free.get(kind);
    if (free === undefined) this.#free.set(kind, [context]);
    else free.push(context);
    this.#shrink(this.#limit);
  }

  /** Takes a holder's context, if it has one, and frees its memory. */
  destroy(holder: ContextHolder<Context>): void {
    this.#close(this.#takeFrom(holder));
  }

  #takeFrom(holder: ContextHolder<Context>): Context | undefined {
    const { context } = holder;
    this.#idle.delete(holder);
    holder.context = undefined;
    return context;
  }

  /** Finds a free context of a kind; at the limit, the idle one that is due, if it is of it. */
  #takeUsed(kind: Kind): Context | undefined {
    const free = this.#free.get(kind)?.pop();
    if (free !== undefined || this.#size < this.#limit) return free;
    const [oldest] = this.#idle;
    if (oldest?.[1] !== kind) return undefined;
    const context = this.#takeFrom(oldest[0]);
    context?.reset();
    return context;
  }

  #create(create: () => Context): Context {
    this.#shrink(this.#limit - 1);
    const context = create();
    this.#size++;
    return context;
  }

  #close(context: Context | undefined): void {
    if (context === undefined) return;
    this.#size--;
    context.close();
  }

  /** Frees contexts down to a size: those without a holder, then the least recently used. */
  #shrink(size: number): void {
    if (this.#size <= size) return;
    for (const contexts of this.#free.values()) {
      while (this.#size > size && contexts.length > 0) this.#close(contexts.pop());
    }
    for (const holder of this.#idle.keys()) {
      if (this.#size <= size) return;
      this.destroy(holder);
    }
  }
}
