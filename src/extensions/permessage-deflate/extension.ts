/**
 * permessage-deflate as an extension (RFC 7692 §7), with sessions for connections. session.ts
 * processes the messages, parameters.ts negotiates. `configure` is as in the npm package
 * `permessage-deflate`.
 */

import { LIMITS, readLimit } from '../../limits.ts';
import type { Platform } from '../../platform.ts';
import type { ClientSession, Extension, ExtensionParameters, ServerSession } from '../extension.ts';
import type { DeflateCodec, DeflateContext, InflateContext } from './codec.ts';
import { ContextPool } from './context-pool.ts';
import {
  DEFAULT_OPTIONS,
  type DeflateOptions,
  type ResolvedOptions,
  resolveOptions,
} from './options.ts';
import { answerOffers } from './parameters.ts';
import { type DeflateEnvironment, DeflateSession } from './session.ts';

/** The most native contexts of each kind that the whole process keeps: 1 or more. */
export interface ContextLimits {
  /** @defaultValue 64 */
  readonly deflate?: number | undefined;
  /** @defaultValue 64 */
  readonly inflate?: number | undefined;
}

/** The extension. Immutable: one object serves any number of connections. */
export class DeflateExtension implements Extension {
  readonly name = 'permessage-deflate';
  readonly type = 'permessage';
  readonly rsv1 = true;
  readonly rsv2 = false;
  readonly rsv3 = false;

  readonly #environment: DeflateEnvironment;
  readonly #options: ResolvedOptions;

  /** @internal Applications start from the object that the package exports. */
  constructor(environment: DeflateEnvironment, options: ResolvedOptions) {
    this.#environment = environment;
    this.#options = options;
  }

  /**
   * Returns the same extension with other options; those not given stay as they are.
   *
   * @throws Error for an unknown option, TypeError or RangeError for a wrong value
   * @example
   * const options = { extensions: [permessageDeflate.configure({ level: 1, threshold: 1024 })] };
   */
  configure(options?: DeflateOptions | null): DeflateExtension {
    return new DeflateExtension(this.#environment, resolveOptions(options, this.#options));
  }

  /** The limits in force for all connections of the process, whatever their options. */
  get contextLimits(): Required<ContextLimits> {
    const { deflaters, inflaters } = this.#environment;
    return { deflate: deflaters.limit, inflate: inflaters.limit };
  }

  /**
   * Changes how many native contexts the process keeps. Each takes up to 256 KiB for compression,
   * 75 KiB for decompression. Fewer cost time, and compress a little worse.
   *
   * @throws Error for an unknown limit, TypeError or RangeError when a limit is not an integer of 1
   * or more
   */
  setContextLimits(limits: ContextLimits | null): void {
    const { deflaters, inflaters } = this.#environment;
    const { deflate, inflate, ...others } = limits ?? {};
    for (const name of Object.keys(others)) throw new Error(`Unrecognized limit: ${name}`);
    const deflateLimit = readLimit('deflateContexts', deflate, deflaters.limit);
    inflaters.limit = readLimit('inflateContexts', inflate, inflaters.limit);
    deflaters.limit = deflateLimit;
  }

  createServerSession(offers: readonly ExtensionParameters[]): ServerSession | null {
    const answer = answerOffers(offers, this.#options);
    return answer ? new DeflateSession(this.#environment, this.#options, answer) : null;
  }

  createClientSession(): ClientSession {
    return new DeflateSession(this.#environment, this.#options);
  }
}

/** Creates the extension for a platform. All that is configured from it shares its contexts. */
export function createPermessageDeflate(platform: Platform, codec: DeflateCodec): DeflateExtension {
  const deflaters = new ContextPool<DeflateContext>(LIMITS.deflateContexts.default);
  const inflaters = new ContextPool<InflateContext>(LIMITS.inflateContexts.default);
  return new DeflateExtension({ platform, codec, deflaters, inflaters }, DEFAULT_OPTIONS);
}
