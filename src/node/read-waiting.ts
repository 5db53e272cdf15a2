import { Readable } from 'node:stream';

const { read } = Readable.prototype;

/**
 * Reads all that waits, as `read()` did before Node 26, where it returns one chunk: programs read
 * once in each 'readable', and none follows for the rest.
 */
export function readWaiting(stream: Readable, size?: number): Buffer | string | null {
  const first: Buffer | string | null = read.call(stream, size);
  if (first === null || size !== undefined || stream.readableFlowing === true) return first;
  if (stream.readableLength === 0 || stream.readableObjectMode) return first;
  const chunks = [first];
  while (stream.readableLength > 0) chunks.push(read.call(stream));
  return stream.readableEncoding === null ? Buffer.concat(chunks as Buffer[]) : chunks.join('');
}
