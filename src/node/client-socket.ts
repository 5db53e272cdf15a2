/**
 * Where the socket of a client's request comes from: a fresh connection to the server, direct or through a proxy, unless
 * the application brings an agent or a createConnection of its own.
 *
 * - A fresh socket belongs to no pool: it is the WebSocket's until it ends.
 * - TLS verification is on unless the application's settings turn it off, in the tunnel as without one.
 * - node:http sends the request on it; nothing is written here.
 */

import type { Agent, ClientRequestArgs } from 'node:http';
import { connect as connectTcp, isIP, type NetConnectOpts, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { authorityOf, connectHostOf, isSecureUrl, portOf } from '../handshake/url.ts';
import type { NetSettings } from './client-options.ts';
import { type ClientTarget, mergeSettings } from './client-target.ts';
import { openTunnel, type ProxyServer, type ProxyTunnel } from './proxy-tunnel.ts';

/** Either of the two ways in which node:http gets its socket. */
export interface SocketSource {
  readonly agent?: Agent;
  readonly createConnection?: NonNullable<ClientRequestArgs['createConnection']>;
}

/**
 * Chooses where the socket of a request comes from.
 *
 * @param target - the server
 * @param proxy - the proxy to go through
 * @param maxHeaderBytes - the most bytes of the head of the proxy's response
 * @param onTunnel - gets the tunnel that is being opened, to give it up
 * @throws {@link TypeError} when there is a proxy and another way to connect
 */
export function chooseSocketSource(
  target: ClientTarget,
  proxy: ProxyServer | undefined,
  maxHeaderBytes: number,
  onTunnel: (tunnel: ProxyTunnel) => void,
): SocketSource {
  const { agent, createConnection } = target.settings.http;
  if (proxy === undefined) {
    // Node has the agent win over createConnection. With false it would make an agent for one request.
    if (typeof agent === 'object') return { agent };
    return { createConnection: createConnection ?? (() => connectDirectly(target)) };
  }
  if (typeof agent === 'object' || createConnection !== undefined || target.socketPath) {
    throw new TypeError('A proxy cannot be combined with agent, createConnection or socketPath');
  }
  return {
    createConnection: (_options, onCreated) => {
      const tunnelRequest = {
        proxy,
        authority: authorityOf(target.url),
        tcp: tcpSettingsOf(target),
        maxHeaderBytes,
      };
      const onOpened = (error: Error | undefined, socket?: Socket): void => {
        if (socket !== undefined) onCreated(null, connectInside(target, socket));
        // Of a failed creation node:http reads the error alone.
        else onCreated(error ?? new Error('No tunnel'), undefined as unknown as Duplex);
      };
      onTunnel(openTunnel(tunnelRequest, onOpened));
      return undefined;
    },
  };
}

/** Opens a socket to a server, without a proxy. */
export function connectDirectly(target: ClientTarget): Socket {
  const { url, socketPath } = target;
  const settings = { noDelay: true, ...mergeSettings(target) };
  const place = socketPath
    ? { path: socketPath, host: undefined, port: undefined }
    : { host: connectHostOf(url), port: portOf(url), path: undefined };
  if (!isSecureUrl(url)) return connectTcp({ ...settings, ...place } as NetConnectOpts);
  return connectTls({ ...secureDefaults(url), ...settings, ...place } as object);
}

/** Makes the rest of the connection to the server over a tunnel: TLS for wss, nothing for ws. */
function connectInside(target: ClientTarget, tunnel: Socket): Duplex {
  const { url } = target;
  const settings = mergeSettings(target);
  let socket = tunnel;
  if (isSecureUrl(url)) {
    const host = connectHostOf(url);
    socket = connectTls({ ...secureDefaults(url), ...settings, host, socket: tunnel } as object);
    // The timer of the tunnel sees none of the traffic that TLS reads past it.
    tunnel.setTimeout(0);
  }
  if (settings.timeout !== undefined) socket.setTimeout(settings.timeout);
  return socket;
}

/** What TLS to a server needs that `tls.connect` does not do by itself; settings may replace it. */
function secureDefaults(url: URL): { servername: string; ALPNProtocols: string[] } {
  const host = connectHostOf(url);
  // RFC 6066 §3: an address is no server name.
  return { servername: isIP(host) === 0 ? host : '', ALPNProtocols: ['http/1.1'] };
}

const TCP_SETTINGS = [
  'autoSelectFamily',
  'autoSelectFamilyAttemptTimeout',
  'family',
  'hints',
  'keepAlive',
  'keepAliveInitialDelay',
  'localAddress',
  'localPort',
  'lookup',
  'noDelay',
  'timeout',
];

/** Picks what applies to the TCP connection to a proxy: of the `http` group that is little, for TLS has its own there. */
function tcpSettingsOf(target: ClientTarget): NetSettings {
  const { http, net } = target.settings;
  const picked = Object.entries(http).filter(([name]) => TCP_SETTINGS.includes(name));
  return { ...Object.fromEntries(picked), ...net };
}
