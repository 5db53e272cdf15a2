/** What the HTTP servers of all faces have in common. */

import { type Server, type ServerResponse, STATUS_CODES } from 'node:http';

const UPGRADE_REQUIRED = 426;

/**
 * Has a server keep all headers of a request, whose bytes are limited. By default Node drops those
 * after the 1,000th, and Upgrade may be among them.
 */
export function keepAllHeaders<HttpServer extends Pick<Server, 'maxHeadersCount'>>(
  server: HttpServer,
): HttpServer {
  server.maxHeadersCount = 0;
  return server;
}

/** Answers a request to a server that has only WebSockets (RFC 9110 §15.5.22). */
export function answerUpgradeRequired(response: ServerResponse): void {
  const body = STATUS_CODES[UPGRADE_REQUIRED] ?? '';
  const headers = { 'Content-Length': body.length, 'Content-Type': 'text/plain' };
  response.writeHead(UPGRADE_REQUIRED, headers).end(body);
}
