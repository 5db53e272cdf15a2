/**
 * Compresses a response as middleware of Express does: it stands in for the response's own methods,
 * holds bytes back until `flush`, and gives those who call `on` the `drain` of its own stream.
 */

import type { ServerResponse } from 'node:http';
import { createGzip } from 'node:zlib';

/** Replaces the methods of a response whose head has not been sent. */
export function compressResponse(response: ServerResponse): void {
  const gzip = createGzip();
  const { on, write, end } = response;
  const out = { write: write.bind(response), end: end.bind(response) };
  gzip.on('data', (bytes: Buffer) => {
    if (!out.write(bytes)) gzip.pause();
  });
  gzip.on('end', () => out.end());
  on.call(response, 'drain', () => gzip.resume());
  response.setHeader('Content-Encoding', 'gzip');
  Object.assign(response, {
    write: (text: string) => gzip.write(text),
    end: () => gzip.end(),
    flush: () => gzip.flush(),
    on: (name: string, listener: () => void) => {
      if (name === 'drain') gzip.on(name, listener);
      else on.call(response, name, listener);
      return response;
    },
  });
}
