/**
 * The options of `ws` 8.23, their defaults, and how the engine reads them. Unknown ones are
 * ignored, as in `ws`: a client's go to node:http, and other packages pass options of their own.
 */

import type { ClientRequestArgs, Server as HttpServer, IncomingMessage } from 'node:http';
import type { Server as HttpsServer, RequestOptions } from 'node:https';
import type { ZlibOptions } from 'node:zlib';
import type { Role } from '../../connection/options.ts';
import { wholeBytes } from '../../connection/sink.ts';
import { LIMITS, readLimit } from '../../limits.ts';
import type { DriverOptions } from '../../node/driver-options.ts';
import { nodePlatform } from '../../node/node-platform.ts';
import type { Platform } from '../../platform.ts';
import type {
  FinishRequestCallback,
  GenerateMask,
  VerifyClientCallbackAsync,
  VerifyClientCallbackSync,
  WebSocketClass,
} from './types.ts';
import type { WebSocket } from './websocket.ts';

/** Options of an established connection, at either end. */
export interface ConnectionSettings {
  /** Allows several events in one turn of the event loop, unlike a browser. @defaultValue true */
  allowSynchronousEvents?: boolean | undefined;
  /** Answers Pings. @defaultValue true */
  autoPong?: boolean | undefined;
  /** How long the closing handshake may take, in milliseconds. @defaultValue 30,000 */
  closeTimeout?: number | undefined;
  /** Accepted, and never exceeded: pieces of a message are joined as they come. */
  maxBufferedChunks?: number | undefined;
  /** The most frames of one message; 0 for no limit. Else code 1008. @defaultValue Infinity */
  maxFragments?: number | undefined;
  /** The longest message in bytes; 0 for no limit. Else code 1009. @defaultValue 100 MiB */
  maxPayload?: number | undefined;
  /** Accepted, and never exceeded: one Pong answers Pings that pile up (RFC 6455 §5.5.3). */
  maxPendingAutoPongs?: number | undefined;
  /** Accepts text without checking that it is UTF-8. @defaultValue false */
  skipUTF8Validation?: boolean | undefined;
}

/** Options of permessage-deflate; windows are powers of 2, from 8 to 15. */
export interface PerMessageDeflateOptions {
  serverNoContextTakeover?: boolean | undefined;
  clientNoContextTakeover?: boolean | undefined;
  serverMaxWindowBits?: number | boolean | undefined;
  clientMaxWindowBits?: number | boolean | undefined;
  /** Of these, `level`, `memLevel` and `strategy` are used. */
  zlibDeflateOptions?: ZlibOptions | undefined;
  /** Accepted and ignored: decompression has no options that the peer does not set. */
  zlibInflateOptions?: ZlibOptions | undefined;
  /** Messages shorter than this many bytes are not compressed. @defaultValue 1,024 */
  threshold?: number | undefined;
  /** Accepted and ignored: the contexts of the whole process are bounded instead. */
  concurrencyLimit?: number | undefined;
}

/** Options of a client: those of `http.request`, except what the handshake sets, and these. */
export interface ClientOptions
  extends ConnectionSettings,
    Omit<RequestOptions, 'headers' | 'agent' | 'createConnection'> {
  agent?: RequestOptions['agent'] | undefined;
  /** Makes the socket, instead of net.connect or tls.connect. */
  createConnection?: ClientRequestArgs['createConnection'] | undefined;
  /** Changes the request and ends it. */
  finishRequest?: FinishRequestCallback | undefined;
  /** Follows redirects. @defaultValue false */
  followRedirects?: boolean | undefined;
  /** Fills the masking key of each frame. @defaultValue a cryptographically strong source */
  generateMask?: GenerateMask | undefined;
  /** In milliseconds; 0 for no limit, as ws has none. @defaultValue 120,000 */
  handshakeTimeout?: number | undefined;
  headers?:
    | { [name: string]: string | number | readonly string[] | readonly number[] | undefined }
    | undefined;
  /** The most redirects that are followed. @defaultValue 10 */
  maxRedirects?: number | undefined;
  /** The Origin header. */
  origin?: string | undefined;
  /** permessage-deflate, and its options. @defaultValue true */
  perMessageDeflate?: boolean | PerMessageDeflateOptions | undefined;
  protocol?: string | undefined;
  /** The subprotocols to offer, where the argument is not given. @defaultValue none */
  protocols?: string | readonly string[] | undefined;
  /** 13 or 8. @defaultValue 13 */
  protocolVersion?: number | undefined;
}

/** Options of a server. Exactly one of `port`, `server` and `noServer` must be given. */
export interface ServerOptions<
  Socket extends WebSocketClass = typeof WebSocket,
  Request extends typeof IncomingMessage = typeof IncomingMessage,
> extends ConnectionSettings {
  host?: string | undefined;
  /** Creates an HTTP server, which listens on this port. */
  port?: number | undefined;
  backlog?: number | undefined;
  /** Handles the upgrades of this server. */
  server?: HttpServer<Request> | HttpsServer<Request> | undefined;
  /** Handles only what `handleUpgrade` is called with. */
  noServer?: boolean | undefined;
  /** Handles only this path. */
  path?: string | undefined;
  /** Accepts clients or not: with one parameter by its result, with two by its callback. */
  verifyClient?:
    | VerifyClientCallbackAsync<InstanceType<Request>>
    | VerifyClientCallbackSync<InstanceType<Request>>
    | undefined;
  /** Chooses one of the offered subprotocols. @defaultValue the first */
  handleProtocols?:
    | ((protocols: Set<string>, request: InstanceType<Request>) => string | false | undefined)
    | undefined;
  /** Keeps the connections in `clients`. @defaultValue true */
  clientTracking?: boolean | undefined;
  /** permessage-deflate, and its options. @defaultValue false */
  perMessageDeflate?: boolean | PerMessageDeflateOptions | undefined;
  /** Limits a `verifyClient` with a callback, as {@link ClientOptions.handshakeTimeout} does. */
  handshakeTimeout?: number | undefined;
  /** The class of the connections; it must extend the one of this package. */
  WebSocket?: Socket | undefined;
}

/** The defaults of a server, as its `options` show them. */
export const serverDefaults: { readonly [name in keyof ServerOptions]?: unknown } = {
  allowSynchronousEvents: true,
  autoPong: true,
  maxBufferedChunks: 262_144,
  maxFragments: LIMITS.wsMaxFragments.default,
  maxPayload: LIMITS.wsMaxPayload.default,
  maxPendingAutoPongs: 60,
  skipUTF8Validation: false,
  perMessageDeflate: false,
  handleProtocols: null,
  clientTracking: true,
  closeTimeout: LIMITS.closeTimeout.default,
  verifyClient: null,
  noServer: false,
  backlog: null,
  server: null,
  host: null,
  path: null,
  port: null,
};

type Settings = ConnectionSettings & Pick<ClientOptions, 'generateMask'>;

const NO_SETTINGS: Settings = {};

/**
 * Reads the options of a connection; all ways to make one use it, so that all have limits.
 *
 * @param accepted - what wins over the options: two bags, as joining them costs a handshake 15 us
 * @throws TypeError or RangeError when `closeTimeout` is not a number of its range
 */
export function readConnectionSettings(
  options: Settings,
  accepted: Settings = NO_SETTINGS,
  role: Role = 'server',
): { readonly driver: DriverOptions; readonly allowsSynchronousEvents: boolean } {
  const generateMask = accepted.generateMask ?? options.generateMask;
  const skipsValidation = accepted.skipUTF8Validation ?? options.skipUTF8Validation;
  if (generateMask && typeof generateMask !== 'function') {
    throw new TypeError('Option generateMask must be a function');
  }
  return {
    driver: {
      role,
      isConnecting: true,
      platform: generateMask ? platformWithMask(generateMask) : nodePlatform,
      maxLength: readMaxPayload(accepted.maxPayload ?? options.maxPayload),
      maxFragments: readWsLimit('wsMaxFragments', accepted.maxFragments ?? options.maxFragments),
      closeTimeoutMs: readLimit('closeTimeout', accepted.closeTimeout ?? options.closeTimeout),
      answersPings: accepted.autoPong ?? options.autoPong ?? true,
      sink: wholeBytes(skipsValidation !== true),
    },
    allowsSynchronousEvents:
      accepted.allowSynchronousEvents ?? options.allowSynchronousEvents ?? true,
  };
}

/**
 * Reads a limit as `ws` does: cuts off fractions. What is not positive, as 0 and NaN, and what is
 * longer than any timer, stands for none.
 *
 * @returns an integer, or Infinity
 */
export function readWsLimit(
  name: 'wsMaxPayload' | 'wsMaxFragments' | 'wsHandshakeTimeout',
  value: number | null | undefined,
): number {
  const limit = Math.trunc(value ?? LIMITS[name].default);
  return limit > 0 && limit <= LIMITS[name].maximum ? limit : Number.POSITIVE_INFINITY;
}

/** Reads `maxPayload` as the engine takes it, whose lengths are exact. */
export function readMaxPayload(maxPayload: number | null | undefined): number {
  return Math.min(readWsLimit('wsMaxPayload', maxPayload), Number.MAX_SAFE_INTEGER);
}

/** A platform for each `generateMask`, because connections of one platform share memory. */
const platformsWithMask = new WeakMap<GenerateMask, Platform>();

function platformWithMask(generateMask: GenerateMask): Platform {
  const known = platformsWithMask.get(generateMask);
  if (known !== undefined) return known;
  const mask = Buffer.alloc(4);
  const maskingKey = (): number => {
    generateMask(mask);
    return mask.readUInt32BE(0);
  };
  const platform: Platform = { ...nodePlatform, maskingKey };
  platformsWithMask.set(generateMask, platform);
  return platform;
}
