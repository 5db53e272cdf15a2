/**
 * Where the socket of a client's request comes from: a new connection, direct or through a proxy,
 * unless the application brings an agent or a createConnection of its own. A new socket belongs to
 * no pool. TLS verification is on unless the settings turn it off, also in a tunnel.
 *
 * The server name of TLS is the host of the URL; with an agent node:http takes that of Host.
 */

import type { RequestOptions } from 'node:https';
import { connect as connectTcp, type NetConnectOpts, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { authorityOf, connectHostOf, isSecureUrl, portOf } from '../handshake/url.ts';
import type { NetSettings } from './client-options.ts';
import { type ClientTarget, mergeSettings } from './client-target.ts';
import { type ProxyServer, ProxyTunnel, type TunnelCallback } from './proxy-tunnel.ts';
import { serverNameOf } from './server-name.ts';

const HTTP_PROTOCOLS: readonly string[] = ['http/1.1'];

export type SocketSource = Pick<RequestOptions, 'agent' | 'createConnection' | 'servername'>;

/**
 * Chooses where the socket of a request comes from.
 *
 * @param onTunnel - gets the tunnel that is being opened, so that it can be aborted
 * @param hostHeader - the Host header of the request
 * @param protocols - those to offer in TLS, where the settings offer none
 * @throws {@link TypeError} when there is a proxy and another way to connect
 */
export function chooseSocketSource(
  target: ClientTarget,
  hostHeader: string,
  proxy: ProxyServer | undefined,
  maxHeaderBytes: number,
  onTunnel: (tunnel: ProxyTunnel) => void,
  protocols: readonly string[] = HTTP_PROTOCOLS,
): SocketSource {
  const { agent, createConnection } = target.settings.http;
  if (proxy === undefined) {
    // In Node, too, the agent wins. With false it makes one for this request.
    if (agent !== undefined) return { agent, ...nameWithoutDot(hostHeader, target) };
    return { createConnection: createConnection ?? (() => connectDirectly(target, protocols)) };
  }
  if (agent || createConnection !== undefined || target.socketPath) {
    throw new TypeError('A proxy cannot be combined with agent, createConnection or socketPath');
  }
  return {
    createConnection: (_options, onCreated) => {
      const onOpened: TunnelCallback = (error, socket) => {
        if (socket !== undefined) onCreated(null, connectInside(target, socket, protocols));
        // After an error, node:http does not read the socket.
        else onCreated(error ?? new Error('No tunnel'), undefined as unknown as Duplex);
      };
      const [authority, tcp] = [authorityOf(target.url), tcpSettingsOf(target)];
      onTunnel(new ProxyTunnel(proxy, authority, tcp, maxHeaderBytes, onOpened));
      return undefined;
    },
  };
}

export function connectDirectly(
  target: ClientTarget,
  protocols: readonly string[] = HTTP_PROTOCOLS,
): Socket {
  const { url, socketPath } = target;
  const settings = { noDelay: true, ...mergeSettings(target) };
  const place = socketPath
    ? { path: socketPath, host: undefined, port: undefined }
    : { host: connectHostOf(url), port: portOf(url), path: undefined };
  if (!isSecureUrl(url)) return connectTcp({ ...settings, ...place } as NetConnectOpts);
  return connectTls({ ...secureDefaults(url, protocols), ...settings, ...place } as object);
}

/** Completes the connection to the server inside a tunnel: TLS for wss, nothing for ws. */
function connectInside(target: ClientTarget, tunnel: Socket, protocols: readonly string[]): Duplex {
  const { url } = target;
  const settings = mergeSettings(target);
  let socket = tunnel;
  if (isSecureUrl(url)) {
    const host = connectHostOf(url);
    const defaults = secureDefaults(url, protocols);
    socket = connectTls({ ...defaults, ...settings, host, socket: tunnel } as object);
    // TLS reads past the timer of the tunnel, which would see no traffic.
    tunnel.setTimeout(0);
  }
  if (settings.timeout !== undefined) socket.setTimeout(settings.timeout);
  return socket;
}

/** What `tls.connect` does not set by itself. The application's settings win. */
function secureDefaults(
  url: URL,
  protocols: readonly string[],
): { servername: string; ALPNProtocols: string[] } {
  return { servername: serverNameOf(connectHostOf(url)), ALPNProtocols: [...protocols] };
}

/** The name that node:http would take from Host, with the dot that TLS does not allow. */
function nameWithoutDot(hostHeader: string, target: ClientTarget): { servername?: string } {
  const [, name] = /^([^:]+)\.(?::|$)/.exec(hostHeader) ?? [];
  return name === undefined || 'servername' in mergeSettings(target) ? {} : { servername: name };
}

const TCP_SETTINGS: ReadonlySet<string> = new Set(
  (
    'autoSelectFamily autoSelectFamilyAttemptTimeout family hints keepAlive ' +
    'keepAliveInitialDelay localAddress localPort lookup noDelay timeout'
  ).split(' '),
);

/** Picks the settings for the TCP connection to a proxy, which has TLS settings of its own. */
function tcpSettingsOf(target: ClientTarget): NetSettings {
  const { http, net } = target.settings;
  const picked = Object.entries(http).filter(([name]) => TCP_SETTINGS.has(name));
  return { ...Object.fromEntries(picked), ...net };
}
