/**
 * The options of `ws` 8.23, their defaults, and what becomes of them in the engine's terms.
 *
 * Unlike Sanswire's own classes, unknown options are ignored here, as `ws` does: a client's are passed on to node:http,
 * and dependants hand over objects with options of their own in them. Every construction path reads its limits with
 * {@link readConnectionSettings}, so none can go without.
 */

import type { ClientRequestArgs, Server as HttpServer, IncomingMessage } from 'node:http';
import type { Server as HttpsServer, RequestOptions } from 'node:https';
import type { ZlibOptions } from 'node:zlib';
import { nodePlatform } from '../../node/node-platform.ts';
import { DEFAULT_CLOSE_TIMEOUT_MS, type DriverOptions } from '../../node/socket-driver.ts';
import type { Platform } from '../../platform.ts';
import type {
  FinishRequestCallback,
  VerifyClientCallbackAsync,
  VerifyClientCallbackSync,
} from './types.ts';
import type { WebSocket } from './websocket.ts';

/** 100 MiB. */
export const DEFAULT_MAX_PAYLOAD: number = 100 * 1024 * 1024;
export const DEFAULT_MAX_FRAGMENTS: number = 16 * 1024;
/**
 * How long an opening handshake may take where `handshakeTimeout` says nothing, in milliseconds. `ws` waits for ever; a
 * server that never answers, and an authorization that never comes to an end, would then keep a socket for ever.
 */
export const DEFAULT_HANDSHAKE_TIMEOUT_MS = 120_000;

/** Options of an established connection, at either end. */
export interface ConnectionSettings {
  /**
   * Whether several events may come within one turn of the event loop; else each comes in a turn of its own, as in a
   * browser. Default: true.
   */
  allowSynchronousEvents?: boolean | undefined;
  /** Whether Pings are answered without further ado. Default: true. */
  autoPong?: boolean | undefined;
  /** Milliseconds that the closing handshake may take before the socket is destroyed. Default: 30,000. */
  closeTimeout?: number | undefined;
  /** Accepted, and never exceeded: pieces of a message are joined as they come and cost nothing each. */
  maxBufferedChunks?: number | undefined;
  /** The most frames that one message may come in; 0 for no limit. Exceeded: close code 1008. Default: 16,384. */
  maxFragments?: number | undefined;
  /** The longest message in bytes; 0 for no limit. Exceeded: close code 1009. Default: 100 MiB. */
  maxPayload?: number | undefined;
  /** Accepted, and never exceeded: Pings that pile up are answered by one Pong (RFC 6455 §5.5.3). */
  maxPendingAutoPongs?: number | undefined;
  /** Takes text without looking whether it is UTF-8. Default: false. */
  skipUTF8Validation?: boolean | undefined;
}

/** Options of permessage-deflate. */
export interface PerMessageDeflateOptions {
  /** The server compresses each message on its own. */
  serverNoContextTakeover?: boolean | undefined;
  /** The client compresses each message on its own. */
  clientNoContextTakeover?: boolean | undefined;
  /** The window that the server compresses with, as a power of 2: 8 to 15. */
  serverMaxWindowBits?: number | boolean | undefined;
  /** The window that the client compresses with, as a power of 2: 8 to 15. */
  clientMaxWindowBits?: number | boolean | undefined;
  /** Of these, `level`, `memLevel` and `strategy` are used. */
  zlibDeflateOptions?: ZlibOptions | undefined;
  /** Accepted and ignored: decompression has no options that the peer does not set. */
  zlibInflateOptions?: ZlibOptions | undefined;
  /** Messages shorter than this many bytes are not compressed. Default: 1,024. */
  threshold?: number | undefined;
  /** Accepted and ignored: the contexts of the whole process are bounded instead. */
  concurrencyLimit?: number | undefined;
}

/** What a client may be given besides the options of `http.request`, less what the handshake owns. */
export interface ClientOptions
  extends ConnectionSettings,
    Omit<RequestOptions, 'headers' | 'agent' | 'createConnection'> {
  agent?: RequestOptions['agent'] | undefined;
  /** Makes the socket, instead of net.connect or tls.connect. */
  createConnection?: ClientRequestArgs['createConnection'] | undefined;
  /** Ends the request, after changing it. */
  finishRequest?: FinishRequestCallback | undefined;
  /** Whether redirects are followed. Default: false. */
  followRedirects?: boolean | undefined;
  /** Fills the masking key of each frame. Default: a cryptographically strong source. */
  generateMask?: ((mask: Buffer) => void) | undefined;
  /** Milliseconds that the opening handshake may take. Default: {@link DEFAULT_HANDSHAKE_TIMEOUT_MS}; 0 for no limit. */
  handshakeTimeout?: number | undefined;
  headers?:
    | { [name: string]: string | number | readonly string[] | readonly number[] | undefined }
    | undefined;
  /** The most redirects that are followed. Default: 10. */
  maxRedirects?: number | undefined;
  /** The Origin header. */
  origin?: string | undefined;
  /** permessage-deflate, and its options. Default: true. */
  perMessageDeflate?: boolean | PerMessageDeflateOptions | undefined;
  protocol?: string | undefined;
  /** 13 or 8. Default: 13. */
  protocolVersion?: number | undefined;
}

/** Options of a server. One of `port`, `server` and `noServer` must be given. */
export interface ServerOptions<
  Socket extends typeof WebSocket = typeof WebSocket,
  Request extends typeof IncomingMessage = typeof IncomingMessage,
> extends ConnectionSettings {
  host?: string | undefined;
  /** Makes an HTTP server of its own, which listens on this port. */
  port?: number | undefined;
  backlog?: number | undefined;
  /** Serves the upgrades of this server. */
  server?: HttpServer<Request> | HttpsServer<Request> | undefined;
  /** Serves what is passed to `handleUpgrade`. */
  noServer?: boolean | undefined;
  /** Serves this path alone. */
  path?: string | undefined;
  /** Lets clients in or not: with one parameter by its result, with two by a call. */
  verifyClient?:
    | VerifyClientCallbackAsync<InstanceType<Request>>
    | VerifyClientCallbackSync<InstanceType<Request>>
    | undefined;
  /** Chooses among the subprotocols offered. Default: the first. */
  handleProtocols?:
    | ((protocols: Set<string>, request: InstanceType<Request>) => string | false | undefined)
    | undefined;
  /** Whether `clients` holds the connections. Default: true. */
  clientTracking?: boolean | undefined;
  /** permessage-deflate, and its options. Default: false. */
  perMessageDeflate?: boolean | PerMessageDeflateOptions | undefined;
  /** Milliseconds that an asynchronous `verifyClient` may take. Default: {@link DEFAULT_HANDSHAKE_TIMEOUT_MS}. */
  handshakeTimeout?: number | undefined;
  /** The class of the connections; it must extend the one of this package. */
  WebSocket?: Socket | undefined;
}

/** The defaults of a server, as its `options` show them. */
export const serverDefaults: { readonly [name in keyof ServerOptions]?: unknown } = {
  allowSynchronousEvents: true,
  autoPong: true,
  maxBufferedChunks: 262_144,
  maxFragments: DEFAULT_MAX_FRAGMENTS,
  maxPayload: DEFAULT_MAX_PAYLOAD,
  maxPendingAutoPongs: 60,
  skipUTF8Validation: false,
  perMessageDeflate: false,
  handleProtocols: null,
  clientTracking: true,
  closeTimeout: DEFAULT_CLOSE_TIMEOUT_MS,
  verifyClient: null,
  noServer: false,
  backlog: null,
  server: null,
  host: null,
  path: null,
  port: null,
};

/** Settings of a connection as a driver takes them, and what the face itself needs. */
export interface ReadSettings {
  readonly driver: Omit<DriverOptions, 'role'>;
  readonly allowsSynchronousEvents: boolean;
}

/** Reads the settings of an established connection, with their defaults filled in. */
export function readConnectionSettings(
  options: ConnectionSettings & Pick<ClientOptions, 'generateMask'>,
): ReadSettings {
  const { maxPayload, maxFragments, closeTimeout, autoPong, generateMask } = options;
  return {
    driver: {
      platform: generateMask === undefined ? nodePlatform : platformWithMask(generateMask),
      maxLength: limitOf(maxPayload, DEFAULT_MAX_PAYLOAD, Number.MAX_SAFE_INTEGER),
      maxFragments: limitOf(maxFragments, DEFAULT_MAX_FRAGMENTS, Number.POSITIVE_INFINITY),
      closeTimeoutMs: closeTimeout ?? DEFAULT_CLOSE_TIMEOUT_MS,
      answersPings: autoPong ?? true,
      decodesText: false,
      validatesText: options.skipUTF8Validation !== true,
    },
    allowsSynchronousEvents: options.allowSynchronousEvents ?? true,
  };
}

/** Reads a limit of which `ws` says that 0 stands for none. */
function limitOf(value: number | undefined, defaultValue: number, none: number): number {
  if (value === undefined || value === null) return defaultValue;
  return value > 0 ? value : none;
}

/** One platform for each function that fills masking keys, because connections of one platform share memory. */
const platformsWithMask = new WeakMap<(mask: Buffer) => void, Platform>();

function platformWithMask(generateMask: (mask: Buffer) => void): Platform {
  const known = platformsWithMask.get(generateMask);
  if (known !== undefined) return known;
  const mask = Buffer.alloc(4);
  const platform: Platform = {
    ...nodePlatform,
    maskingKey() {
      generateMask(mask);
      return mask.readUInt32BE(0);
    },
  };
  platformsWithMask.set(generateMask, platform);
  return platform;
}
