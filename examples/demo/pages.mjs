/**
 * Serves the page and its files over HTTP.
 *
 * A request's path is looked up in a table and never becomes part of a file's path: there is
 * nothing to traverse.
 */

import { readFile } from 'node:fs/promises';

const FOLDER = new URL('./public/', import.meta.url);

const HTML = 'text/html; charset=utf-8';
const CSS = 'text/css; charset=utf-8';
const JAVASCRIPT = 'text/javascript; charset=utf-8';
const SVG = 'image/svg+xml';

/** Every path that is served. */
const PAGES = new Map([
  ['/', { file: 'index.html', type: HTML }],
  ['/style.css', { file: 'style.css', type: CSS }],
  ['/app.js', { file: 'app.js', type: JAVASCRIPT }],
  ['/clock.js', { file: 'clock.js', type: JAVASCRIPT }],
  ['/format.js', { file: 'format.js', type: JAVASCRIPT }],
  ['/log.js', { file: 'log.js', type: JAVASCRIPT }],
  ['/round-trips.js', { file: 'round-trips.js', type: JAVASCRIPT }],
  ['/wire.js', { file: 'wire.js', type: JAVASCRIPT }],
  ['/favicon.svg', { file: 'favicon.svg', type: SVG }],
]);

/** The page runs, loads and connects to this server only; nothing inline, no framing. */
const SECURITY_HEADERS = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
};

/** Answers a request for a page. */
export async function servePage(path, request, response) {
  const page = PAGES.get(path);
  if (page === undefined) {
    sendText(response, 404, 'There is nothing here. The demo is at /');
    return;
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    sendText(response, 405, 'Pages can only be read.', { Allow: 'GET, HEAD' });
    return;
  }
  try {
    // Read each time: edits show after a reload.
    const content = await readFile(new URL(page.file, FOLDER));
    response.writeHead(200, {
      ...SECURITY_HEADERS,
      'Content-Type': page.type,
      'Content-Length': content.length,
      'Cache-Control': 'no-cache',
    });
    response.end(request.method === 'HEAD' ? undefined : content);
  } catch (error) {
    console.error(error);
    sendText(response, 500, 'The page cannot be read.');
  }
}

/** Answers with a line of text. */
export function sendText(response, status, text, headers = {}) {
  response.writeHead(status, {
    ...SECURITY_HEADERS,
    'Content-Type': 'text/plain; charset=utf-8',
    'Cache-Control': 'no-store',
    ...headers,
  });
  response.end(`${text}\n`);
}
