// The opening handshake of both roles (RFC 6455 §4), the suite's own.
//
// A check returns the reason why a handshake fails, or null: nothing here throws on what a peer
// sent. Subprotocols are never asked for. Extensions are deflate-negotiation.ts.
import { createHash } from 'node:crypto';
import { type HttpHead, hasToken } from './http-head.ts';

const ACCEPT_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** Derives Sec-WebSocket-Accept from Sec-WebSocket-Key (RFC 6455 §4.2.2). */
export function acceptValue(key: string): string {
  return createHash('sha1')
    .update(key + ACCEPT_SUFFIX)
    .digest('base64');
}

/** Writes the request of a client (RFC 6455 §4.1). */
export function buildRequest(url: URL, key: string, extensionOffer: string | null): string {
  const lines = [
    `GET ${url.pathname}${url.search} HTTP/1.1`,
    `Host: ${url.host}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Key: ${key}`,
    'Sec-WebSocket-Version: 13',
  ];
  if (extensionOffer !== null) lines.push(`Sec-WebSocket-Extensions: ${extensionOffer}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** Checks the answer of a server (RFC 6455 §4.1), all but its extensions. */
export function checkResponse(head: HttpHead, key: string): string | null {
  const status = head.startLine.split(' ')[1] ?? '';
  if (status !== '101') return `the opening handshake was answered with "${head.startLine}"`;
  if ((head.fields.get('upgrade') ?? '').toLowerCase() !== 'websocket') {
    return 'the response has no "Upgrade: websocket"';
  }
  if (!hasToken(head.fields.get('connection'), 'upgrade')) {
    return 'the response has no "Connection: Upgrade"';
  }
  if (head.fields.get('sec-websocket-accept') !== acceptValue(key)) {
    return 'the Sec-WebSocket-Accept of the response is missing or wrong';
  }
  if (head.fields.has('sec-websocket-protocol')) {
    return 'the response chose a subprotocol although none was asked for';
  }
  return null;
}

/** Checks the request of a client (RFC 6455 §4.2.1), all but its extensions. */
export function checkRequest(head: HttpHead): string | null {
  if (!head.startLine.startsWith('GET ')) return `"${head.startLine}" is not a GET`;
  if (!hasToken(head.fields.get('upgrade'), 'websocket')) {
    return 'the request has no "Upgrade: websocket"';
  }
  if (!hasToken(head.fields.get('connection'), 'upgrade')) {
    return 'the request has no "Connection: Upgrade"';
  }
  if (!head.fields.has('host')) return 'the request has no Host';
  if (head.fields.get('sec-websocket-version') !== '13') {
    return 'the Sec-WebSocket-Version of the request is not 13';
  }
  const key = head.fields.get('sec-websocket-key') ?? '';
  if (!/^[A-Za-z0-9+/]{22}==$/.test(key)) return 'the Sec-WebSocket-Key is not 16 octets in base64';
  return null;
}

/** Writes the answer of a server (RFC 6455 §4.2.2). */
export function buildResponse(head: HttpHead, extensionResponse: string | null): string {
  const lines = [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${acceptValue(head.fields.get('sec-websocket-key') ?? '')}`,
  ];
  if (extensionResponse !== null) lines.push(`Sec-WebSocket-Extensions: ${extensionResponse}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}
