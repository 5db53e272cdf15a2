/** The options of `attach`, which are read once for all of its connections. */

import type { BlockList } from 'node:net';
import { validateOptions } from '../api/options.ts';
import {
  checkPatterns,
  readServerOptions,
  SERVER_OPTION_NAMES,
  type ServerOptions,
  type ServerSettings,
} from '../api/server-options.ts';
import { readProtocols } from '../api/socket-options.ts';
import type { WebSocketRequest } from '../api/websocket.ts';
import type { AllowedHosts, AllowedOrigins } from '../handshake/origin-policy.ts';
import { readLimit } from '../limits.ts';
import { presentOf } from '../option-bag.ts';
import type { AuthorizeContext } from './authorize-wait.ts';
import { readTrustedProxies } from './client-address.ts';
import type { MemberLimits } from './members.ts';
import { checkPath, type Path } from './upgrade-router.ts';

/** What `authorize` may return: data for `socket.data`, or a refusal. */
export type Answer<Data> = Data | Response | false | null | undefined;

export type Authorize<Data> = (
  request: WebSocketRequest,
  context: Pick<AuthorizeContext, 'signal'>,
) => Answer<Data> | PromiseLike<Answer<Data>>;

export type ChooseProtocol = (
  offered: readonly string[],
  request: WebSocketRequest,
) => string | false | null | undefined;

/** The options of a server's WebSocket that an attachment has under other names, or not at all. */
type Replaced = 'allowDrafts' | 'allowedHosts' | 'allowedOrigins' | 'handshakeTimeout' | 'signal';

export interface AttachOptions<Data = undefined> extends Omit<ServerOptions, Replaced> {
  /**
   * The path of the requests that are taken, such as `/chat`, or a function that tells by the path;
   * without it, all that no other attachment takes. The query is not part of it.
   */
  readonly path?: Path | undefined;
  /**
   * Decides on a request, now or later: false, null and undefined refuse it with 403, a `Response`
   * with what it says; anything else becomes `socket.data`. It has `handshakeTimeout`, after which
   * the answer is 503; its signal is aborted then, and when the client leaves. When it throws, the
   * answer is 500. @defaultValue all are accepted
   */
  readonly authorize?: Authorize<Data> | undefined;
  /**
   * The subprotocols that are spoken, of which the client's first is chosen; or a function that
   * chooses among those that the client offers. @defaultValue none
   */
  readonly protocols?: string | readonly string[] | ChooseProtocol | undefined;
  /**
   * The origins whose pages may connect, such as `https://example.com`, `https://*.example.com` for
   * its subdomains, or a function that tells. Others get 403. undefined in the list lets in clients
   * that send no Origin. @defaultValue all
   */
  readonly origins?: AllowedOrigins | undefined;
  /**
   * The hosts that may be asked for, such as `example.com`, `*.example.com`, or a function that
   * tells. Others get 403. @defaultValue all
   */
  readonly hosts?: AllowedHosts | undefined;
  /** Connections, and upgrades that wait for `authorize`; more get 503. @defaultValue Infinity */
  readonly maxConnections?: number | undefined;
  /** The same of one IPv4 address, or IPv6 /64; more get 429. @defaultValue Infinity */
  readonly maxConnectionsPerAddress?: number | undefined;
  /**
   * The addresses and networks of our own proxies, such as `10.0.0.0/8`, whose X-Forwarded-For is
   * believed. @defaultValue none
   */
  readonly trustedProxies?: readonly string[] | undefined;
  /**
   * Milliseconds that `authorize` may take, and that responses to earlier requests of the same
   * client may take. @defaultValue 10,000
   */
  readonly handshakeTimeout?: number | undefined;
}

const REPLACED_NAMES: readonly string[] = [
  'allowDrafts',
  'allowedHosts',
  'allowedOrigins',
  'signal',
];
const OWN_NAMES = [
  'path',
  'authorize',
  'protocols',
  'origins',
  'hosts',
  'maxConnections',
  'maxConnectionsPerAddress',
  'trustedProxies',
];
const SHARED_NAMES = SERVER_OPTION_NAMES.filter((name) => !REPLACED_NAMES.includes(name));
const OPTION_NAMES = [...SHARED_NAMES, ...OWN_NAMES];

/** The options as they are used. */
export interface AttachSettings extends MemberLimits {
  readonly server: ServerSettings;
  readonly path: Path | undefined;
  readonly authorize: Authorize<unknown> | undefined;
  readonly protocols: readonly string[];
  readonly chooseProtocol: ChooseProtocol | undefined;
  readonly proxies: BlockList | undefined;
}

/** @throws Error for an unknown option, TypeError or RangeError for one of a wrong type or range */
export function readAttachOptions(
  options: AttachOptions<never> | null | undefined,
): AttachSettings {
  validateOptions(options, OPTION_NAMES);
  const present = presentOf(options);
  const {
    path,
    authorize,
    protocols,
    origins,
    hosts,
    maxConnections,
    maxConnectionsPerAddress,
    trustedProxies,
    ping,
    maxBufferedAmount,
  } = present;
  checkPath(path);
  if (authorize !== undefined && typeof authorize !== 'function') {
    throw new TypeError(`Option authorize must be a function, not ${typeof authorize}`);
  }
  checkPatterns('origins', 'a list of origins', origins, true);
  checkPatterns('hosts', 'a list of hosts', hosts, false);
  const server = readServerOptions({
    // By their names: a rest would be without those that are inherited.
    ...Object.fromEntries(
      SHARED_NAMES.map((name) => [name, present[name as keyof typeof present]]),
    ),
    ping: readLimit('attachedPing', ping),
    maxBufferedAmount: readLimit('attachedBufferedAmount', maxBufferedAmount),
  });
  const chooses = typeof protocols === 'function';
  return {
    server: { ...server, allowedOrigins: origins, allowedHosts: hosts },
    path,
    authorize,
    protocols: chooses ? [] : readProtocols(protocols),
    chooseProtocol: chooses ? protocols : undefined,
    maxConnections: readLimit('maxConnections', maxConnections),
    maxConnectionsPerAddress: readLimit('maxConnectionsPerAddress', maxConnectionsPerAddress),
    proxies: readTrustedProxies(trustedProxies),
  };
}
