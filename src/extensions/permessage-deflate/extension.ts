/**
 * permessage-deflate as an extension (RFC 7692 §7): its options, and the sessions it makes for connections.
 *
 * It has the published plug-in interface, and the `configure` method and option names of the npm package
 * `permessage-deflate`. What it does to messages is in session.ts, what it agrees on in parameters.ts.
 */

import type { Platform } from '../../platform.ts';
import type { ClientSession, Extension, ExtensionParameters, ServerSession } from '../extension.ts';
import type { DeflateCodec, DeflateContext, InflateContext } from './codec.ts';
import { ContextPool } from './context-pool.ts';
import {
  answerOffers,
  buildOffers,
  type DeflateWishes,
  MAX_WINDOW_BITS,
  MIN_WINDOW_BITS,
  readAnswer,
  type ServerAnswer,
} from './parameters.ts';
import { type CompressionOptions, type DeflateEnvironment, DeflateSession } from './session.ts';

/** The default of each limit of {@link DeflateExtension.contextLimits}. */
export const DEFAULT_CONTEXT_LIMIT = 64;

/** Options of permessage-deflate. */
export interface DeflateOptions {
  /** zlib's level: -1 (zlib's own choice) to 9. @defaultValue -1 */
  readonly level?: number | undefined;
  /** zlib's memLevel: 1 to 9. @defaultValue 8 */
  readonly memLevel?: number | undefined;
  /** zlib's strategy: 0 to 4. @defaultValue 0 */
  readonly strategy?: number | undefined;
  /** Messages shorter than this many bytes are sent uncompressed. @defaultValue 0 */
  readonly threshold?: number | undefined;
  /** Compress each message on its own: costs bandwidth, saves the memory of a context. @defaultValue false */
  readonly noContextTakeover?: boolean | undefined;
  /** The largest window to compress with, as a power of 2: 8 to 15. @defaultValue 15 */
  readonly maxWindowBits?: number | undefined;
  /** Ask the peer to compress each message on its own. @defaultValue false */
  readonly requestNoContextTakeover?: boolean | undefined;
  /** Ask the peer for a window of at most this power of 2: 8 to 15. @defaultValue 15 */
  readonly requestMaxWindowBits?: number | undefined;
}

/** How many native contexts of each sort the whole process keeps for idle connections. */
export interface ContextLimits {
  /** An integer of 1 or more. @defaultValue {@link DEFAULT_CONTEXT_LIMIT} */
  readonly deflate?: number | undefined;
  /** An integer of 1 or more. @defaultValue {@link DEFAULT_CONTEXT_LIMIT} */
  readonly inflate?: number | undefined;
}

const NUMBER_RANGES: { readonly [name: string]: readonly [minimum: number, maximum: number] } = {
  level: [-1, 9],
  memLevel: [1, 9],
  strategy: [0, 4],
  threshold: [0, Number.MAX_SAFE_INTEGER],
  maxWindowBits: [MIN_WINDOW_BITS, MAX_WINDOW_BITS],
  requestMaxWindowBits: [MIN_WINDOW_BITS, MAX_WINDOW_BITS],
};
const FLAGS: readonly string[] = ['noContextTakeover', 'requestNoContextTakeover'];

/** The extension; immutable, so that one object serves any number of connections. */
export class DeflateExtension implements Extension {
  readonly name = 'permessage-deflate';
  readonly type = 'permessage';
  readonly rsv1 = true;
  readonly rsv2 = false;
  readonly rsv3 = false;

  readonly #environment: DeflateEnvironment;
  readonly #options: DeflateOptions;
  readonly #wishes: DeflateWishes;
  readonly #compression: CompressionOptions;

  /** @internal Applications start from the object that the package exports. */
  constructor(environment: DeflateEnvironment, options: DeflateOptions) {
    checkOptions(options);
    this.#environment = environment;
    this.#options = options;
    this.#wishes = {
      noContextTakeover: options.noContextTakeover ?? false,
      maxWindowBits: options.maxWindowBits ?? MAX_WINDOW_BITS,
      requestNoContextTakeover: options.requestNoContextTakeover ?? false,
      requestMaxWindowBits: options.requestMaxWindowBits ?? MAX_WINDOW_BITS,
    };
    this.#compression = {
      level: options.level ?? -1,
      memLevel: options.memLevel ?? 8,
      strategy: options.strategy ?? 0,
      threshold: options.threshold ?? 0,
    };
  }

  /**
   * Returns the same extension with other options; those that are not given stay as they are.
   *
   * @throws Error for an unknown option, TypeError or RangeError for one of a wrong type or range
   * @example
   * const options = { extensions: [permessageDeflate.configure({ level: 1, threshold: 1024 })] };
   */
  configure(options: DeflateOptions): DeflateExtension {
    return new DeflateExtension(this.#environment, { ...this.#options, ...options });
  }

  /** The limits in force, for all connections of the process, whatever their options. */
  get contextLimits(): Required<ContextLimits> {
    const { deflaters, inflaters } = this.#environment;
    return { deflate: deflaters.limit, inflate: inflaters.limit };
  }

  /**
   * Changes how many native contexts the process keeps: up to 256 KiB each for compression, 75 KiB for decompression.
   * Fewer cost time, as a context that was given away is made anew; compression gets a little worse, too.
   *
   * @throws Error for an unknown limit, RangeError when a limit is not an integer of 1 or more
   */
  setContextLimits(limits: ContextLimits): void {
    for (const [name, limit] of Object.entries(limits)) {
      if (name !== 'deflate' && name !== 'inflate') throw new Error(`Unrecognized limit: ${name}`);
      if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 1)) {
        throw new RangeError(`The limit ${name} must be an integer of 1 or more contexts`);
      }
    }
    const { deflaters, inflaters } = this.#environment;
    if (limits.deflate !== undefined) deflaters.limit = limits.deflate;
    if (limits.inflate !== undefined) inflaters.limit = limits.inflate;
  }

  createServerSession(offers: readonly ExtensionParameters[]): ServerSession | null {
    const answer = answerOffers(offers, this.#wishes);
    if (answer === undefined) return null;
    const session = new DeflateServerSession(this.#environment, this.#compression);
    session.accept(answer);
    return session;
  }

  createClientSession(): ClientSession {
    return new DeflateClientSession(this.#environment, this.#compression, this.#wishes);
  }
}

/** A server's session: it has been agreed on from the start. */
class DeflateServerSession extends DeflateSession implements ServerSession {
  #response: ExtensionParameters = {};

  accept(answer: ServerAnswer): void {
    this.#response = answer.parameters;
    this.agree(answer.agreement);
  }

  generateResponse(): ExtensionParameters {
    return this.#response;
  }
}

/** A client's session: it is of use once the server has answered. */
class DeflateClientSession extends DeflateSession implements ClientSession {
  readonly #wishes: DeflateWishes;

  constructor(environment: DeflateEnvironment, options: CompressionOptions, wishes: DeflateWishes) {
    super(environment, options);
    this.#wishes = wishes;
  }

  generateOffer(): readonly ExtensionParameters[] {
    return buildOffers(this.#wishes);
  }

  activate(parameters: ExtensionParameters): boolean {
    const agreement = readAnswer(parameters, this.#wishes);
    if (agreement === undefined) return false;
    this.agree(agreement);
    return true;
  }
}

/** @throws Error, TypeError or RangeError when an option is not one, or not of its type or range */
function checkOptions(options: DeflateOptions): void {
  for (const [name, value] of Object.entries(options)) {
    const range = NUMBER_RANGES[name];
    if (range === undefined && !FLAGS.includes(name)) {
      throw new Error(`Unrecognized option: ${name}`);
    }
    if (value === undefined) continue;
    if (range === undefined) {
      if (typeof value !== 'boolean') throw new TypeError(`Option ${name} must be true or false`);
    } else if (typeof value !== 'number') {
      throw new TypeError(`Option ${name} must be a number`);
    } else if (!(Number.isInteger(value) && value >= range[0] && value <= range[1])) {
      throw new RangeError(`Option ${name} must be an integer of ${range[0]} to ${range[1]}`);
    }
  }
}

/**
 * Makes the extension for a platform. All that is configured from it shares its contexts.
 */
export function createPermessageDeflate(platform: Platform, codec: DeflateCodec): DeflateExtension {
  return new DeflateExtension(
    {
      platform,
      codec,
      deflaters: new ContextPool<DeflateContext>(DEFAULT_CONTEXT_LIMIT),
      inflaters: new ContextPool<InflateContext>(DEFAULT_CONTEXT_LIMIT),
    },
    {},
  );
}
