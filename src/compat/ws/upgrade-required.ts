/**
 * The answer of an HTTP server that has nothing but WebSockets to a request that is no upgrade (RFC 9110 §15.5.22).
 */

import { type ServerResponse, STATUS_CODES } from 'node:http';

const UPGRADE_REQUIRED = 426;

/** Answers a request with 426. */
export function answerUpgradeRequired(response: ServerResponse): void {
  const body = STATUS_CODES[UPGRADE_REQUIRED] ?? '';
  response.writeHead(UPGRADE_REQUIRED, {
    'Content-Length': body.length,
    'Content-Type': 'text/plain',
  });
  response.end(body);
}
