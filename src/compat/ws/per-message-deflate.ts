/**
 * `PerMessageDeflate` of `ws`: negotiates and (de)compresses on its own, for programs that use `Receiver` and `Sender`
 * without a socket. It is the built-in extension (RFC 7692) with the method names of `ws`.
 *
 * Results are given on the next tick at the earliest, each as bytes of its own, in the order of the calls.
 */

import type { DeflateExtension } from '../../api/permessage-deflate.ts';
import { InvalidStateError } from '../../errors.ts';
import type {
  ActiveSession,
  ExtensionParameters,
  ExtensionSession,
} from '../../extensions/extension.ts';
import type { CodecSession, MessageCodec } from '../../extensions/message-codec.ts';
import { filterOffers, readDeflateOptions } from './deflate-options.ts';
import { invalidDataError, tooLongError } from './errors.ts';
import type { ExtensionParameterLists } from './extension-format.ts';
import type { PerMessageDeflateOptions } from './options.ts';

/** What the constructor takes besides the options of the extension. */
export interface PerMessageDeflateSettings extends PerMessageDeflateOptions {
  /** Which end it is. Default: false, a client's. */
  isServer?: boolean | undefined;
  /** The longest message to decompress in bytes. Default: 0, no limit. */
  maxPayload?: number | undefined;
}

/** Parameters as an object. */
export interface DeflateParameters {
  [name: string]: number | boolean;
}

type Callback = (error: Error | null, data?: Buffer) => void;

export class PerMessageDeflate {
  /** The name of the extension: `permessage-deflate`. */
  static get extensionName(): string {
    return 'permessage-deflate';
  }

  /** The parameters agreed on; null before that. */
  params: DeflateParameters | null = null;

  readonly #settings: PerMessageDeflateSettings;
  readonly #extension: DeflateExtension;
  #session: (ExtensionSession & CodecSession) | undefined;

  constructor(settings: PerMessageDeflateSettings = {}) {
    this.#settings = settings;
    const role = settings.isServer ? 'server' : 'client';
    // A handshake is not what this object does, so the client's and the server's options are never absent here.
    this.#extension = readDeflateOptions({ threshold: 0, ...settings }, role) as DeflateExtension;
  }

  /** Returns the parameters that a client offers. */
  offer(): DeflateParameters {
    const settings = this.#settings;
    const offer: DeflateParameters = {};
    if (settings.serverNoContextTakeover) offer['server_no_context_takeover'] = true;
    if (settings.clientNoContextTakeover) offer['client_no_context_takeover'] = true;
    if (settings.serverMaxWindowBits) {
      offer['server_max_window_bits'] = settings.serverMaxWindowBits;
    }
    const { clientMaxWindowBits = true } = settings;
    if (clientMaxWindowBits !== false) offer['client_max_window_bits'] = clientMaxWindowBits;
    return offer;
  }

  /**
   * Takes the client's offers, at a server, or the server's answer, at a client.
   *
   * @param configurations - as `extension.parse` gives them
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

  /** Compresses a message or a piece of one; what a flush ends with is left out at the end of a message. */
  compress(data: Uint8Array, fin: boolean, callback: Callback): void {
    const codec = this.#codec;
    const compressed = Buffer.from(codec.encodePiece(data, fin));
    process.nextTick(callback, null, compressed);
  }

  /** Decompresses a message or a piece of one. */
  decompress(data: Uint8Array, fin: boolean, callback: Callback): void {
    const codec = this.#codec;
    const limit = this.#settings.maxPayload || Number.POSITIVE_INFINITY;
    const pieces: Buffer[] = [];
    let length = 0;
    codec.maxLength = limit;
    const outcome = codec.decode(data, 0, data.length, fin, (bytes, start, end) => {
      length += end - start;
      if (length > limit) return false;
      pieces.push(Buffer.from(bytes.subarray(start, end)));
      return true;
    });
    if (outcome === 'done' && length <= limit) {
      process.nextTick(callback, null, Buffer.concat(pieces));
    } else {
      process.nextTick(callback, outcome === 'corrupt' ? invalidDataError() : tooLongError());
    }
  }

  /** Frees what the object holds. */
  cleanup(): void {
    this.#session?.close();
    this.#session = undefined;
  }

  /** Whether our compressor forgets between messages. @internal */
  get forgets(): boolean {
    const name = this.#settings.isServer ? 'server' : 'client';
    return this.params?.[`${name}_no_context_takeover`] === true;
  }

  /** Messages shorter than this are not worth compressing where each is on its own. @internal */
  get threshold(): number {
    return this.#settings.threshold ?? 1024;
  }

  /** The session, for a connection to use; undefined before `accept`. @internal */
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

/** Makes numbers of the values that are, and takes single values out of their lists. */
function toParameters(lists: ExtensionParameterLists): ExtensionParameters {
  const parameters = Object.create(null) as Record<string, unknown>;
  for (const [name, values] of Object.entries(lists)) {
    const [first] = values;
    const isNumber = typeof first === 'string' && /^[1-9]\d?$/.test(first);
    parameters[name] = values.length > 1 ? values : isNumber ? Number(first) : first;
  }
  return parameters;
}
