/**
 * `PerMessageDeflate` of `ws`, for `Receiver` and `Sender`: the built-in extension (RFC 7692) with
 * the methods of `ws`. Callbacks come on the next tick at the earliest, in the order of the calls.
 */

import type { DeflateExtension } from '../../api/permessage-deflate.ts';
import { InvalidStateError, ProtocolError } from '../../errors.ts';
import type {
  ActiveSession,
  ExtensionParameters,
  ExtensionSession,
} from '../../extensions/extension.ts';
import type { CodecSession, MessageCodec } from '../../extensions/message-codec.ts';
import { limitExceeded } from '../../limits.ts';
import { presentOf } from '../../option-bag.ts';
import { Queue } from '../../queue.ts';
import { DEFAULT_THRESHOLD, filterOffers, readDeflateOptions } from './deflate-options.ts';
import { toConnectionError } from './errors.ts';
import type { ExtensionParameterLists } from './extension-format.ts';
import { type PerMessageDeflateOptions, readWsLimit } from './options.ts';
import { toBuffer } from './payload.ts';

/** Options of the constructor. */
export interface PerMessageDeflateSettings extends PerMessageDeflateOptions {
  /** Whether it is a server's. @defaultValue false */
  isServer?: boolean | undefined;
  /** The longest message to decompress in bytes; 0 for no limit. @defaultValue 0 */
  maxPayload?: number | undefined;
}

/** The parameters of the extension (RFC 7692 §7.1). */
export type DeflateParameters = Record<string, number | boolean>;
type Callback = (error: Error | null, data?: Buffer) => void;

export class PerMessageDeflate {
  /** The name of the extension: `permessage-deflate`. */
  static get extensionName(): string {
    return 'permessage-deflate';
  }

  /** The parameters agreed on; null before `accept`. */
  params: DeflateParameters | null = null;

  readonly #settings: PerMessageDeflateSettings;
  readonly #extension: DeflateExtension;
  #session: (ExtensionSession & CodecSession) | undefined;
  /** The callbacks of long data, and of what comes behind it. */
  readonly #compressing = new Queue<Callback>();

  constructor(given?: PerMessageDeflateSettings | null) {
    const settings = presentOf(given);
    this.#settings = settings;
    const role = settings.isServer ? 'server' : 'client';
    // Undefined stands for no options at all, and here are some.
    this.#extension = readDeflateOptions({ threshold: 0, ...settings }, role) as DeflateExtension;
  }

  /** Returns the parameters that a client offers. */
  offer(): DeflateParameters {
    const { serverMaxWindowBits, clientMaxWindowBits = true, ...settings } = this.#settings;
    const offer: DeflateParameters = {};
    if (settings.serverNoContextTakeover) offer['server_no_context_takeover'] = true;
    if (settings.clientNoContextTakeover) offer['client_no_context_takeover'] = true;
    if (serverMaxWindowBits) offer['server_max_window_bits'] = serverMaxWindowBits;
    if (clientMaxWindowBits !== false) offer['client_max_window_bits'] = clientMaxWindowBits;
    return offer;
  }

  /**
   * Accepts the offers of a client, or the answer of a server, as `extension.parse` returns them.
   *
   * @returns the parameters agreed on
   * @throws Error when none can be accepted
   */
  accept(configurations: readonly ExtensionParameterLists[]): DeflateParameters {
    const offers = configurations.map(toParameters);
    const accepted = this.#settings.isServer ? this.#answer(offers) : this.#activate(offers[0]);
    if (typeof accepted === 'string') throw new Error(`permessage-deflate: ${accepted}`);
    this.params = { ...accepted } as DeflateParameters;
    return this.params;
  }

  /** Compresses a message or a piece of one; `fin` says whether the message ends with it. */
  compress(data: Uint8Array, fin: boolean, callback: Callback): void {
    const codec = this.#codec;
    if (this.#compressing.length === 0 && !codec.isLong(data.length)) {
      process.nextTick(callback, null, Buffer.from(codec.encodePiece(data, fin)));
      return;
    }
    this.#compressing.push(callback);
    codec.encodeLater(data, fin ? 'lastPiece' : 'piece', (error, encoded) => {
      this.#compressing.take();
      process.nextTick(callback, error ?? null, encoded && toBuffer(encoded));
    });
  }

  /** Decompresses a message or a piece of one; `fin` says whether the message ends with it. */
  decompress(data: Uint8Array, fin: boolean, callback: Callback): void {
    const codec = this.#codec;
    const limit = readWsLimit('wsMaxPayload', this.#settings.maxPayload ?? 0);
    const pieces: Buffer[] = [];
    let length = 0;
    codec.maxLength = limit;
    const outcome = codec.decode(data, fin, (bytes) => {
      length += bytes.length;
      if (length > limit) return false;
      pieces.push(Buffer.from(bytes));
      return true;
    });
    if (outcome === 'done' && length <= limit) {
      process.nextTick(callback, null, Buffer.concat(pieces));
      return;
    }
    const error =
      outcome === 'corrupt'
        ? new ProtocolError('WS_INVALID_DEFLATE')
        : limitExceeded('wsMaxPayload', limit, length);
    process.nextTick(callback, toConnectionError(error));
  }

  /** Frees the compression contexts; what is being compressed is an error. */
  cleanup(): void {
    this.#session?.close();
    this.#session = undefined;
    for (const callback of this.#compressing.takeAll()) {
      process.nextTick(callback, new Error('PerMessageDeflate was closed while compressing'));
    }
  }

  /** Whether our compressor starts each message afresh. @internal */
  get forgets(): boolean {
    const name = this.#settings.isServer ? 'server' : 'client';
    return this.params?.[`${name}_no_context_takeover`] === true;
  }

  /** Shorter messages are not compressed when {@link PerMessageDeflate.forgets}. @internal */
  get threshold(): number {
    return this.#settings.threshold ?? DEFAULT_THRESHOLD;
  }

  /** The session, for a connection; undefined before `accept`. @internal */
  get activeSession(): ActiveSession | undefined {
    return this.#session && { extension: this.#extension, session: this.#session };
  }

  get #codec(): MessageCodec {
    if (this.#session === undefined) throw new InvalidStateError('Nothing has been accepted');
    return this.#session.messageCodec;
  }

  #answer(offers: readonly ExtensionParameters[]): ExtensionParameters | string {
    const acceptable = filterOffers(offers, this.#settings);
    if (typeof acceptable === 'string') return acceptable;
    const session = this.#extension.createServerSession(acceptable);
    if (session === null) return 'none of the offers can be accepted';
    // The extension makes sessions of no other kind.
    this.#session = session as typeof session & CodecSession;
    return session.generateResponse();
  }

  #activate(answer: ExtensionParameters = {}): ExtensionParameters | string {
    const session = this.#extension.createClientSession();
    session.generateOffer();
    if (!session.activate(answer)) return 'the answer does not fit the offer';
    this.#session = session as typeof session & CodecSession;
    return answer;
  }
}

/** Converts the values of `extension.parse`, which are lists of strings. */
function toParameters(lists: ExtensionParameterLists): ExtensionParameters {
  const parameters = Object.create(null) as Record<string, unknown>;
  for (const [name, values] of Object.entries(lists)) {
    const [first] = values;
    const isNumber = typeof first === 'string' && /^[1-9]\d?$/.test(first);
    parameters[name] = values.length > 1 ? values : isNumber ? Number(first) : first;
  }
  return parameters;
}
