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

/**
 * Tells whether an event is a 'readable' with nothing to read, to be suppressed. Node emits one at
 * the end, too, where `read()` gives null: a peer could end the process of a program that does not
 * look.
 */
export function isEmptyReadable(stream: Readable, name: string | symbol): boolean {
  if (name !== 'readable' || stream.readableLength > 0) return false;
  // What the listener would have called: it makes 'end' come.
  stream.read(0);
  return true;
}
