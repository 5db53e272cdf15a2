/** `read()` as before Node 26: all that waits. */

import { once } from 'node:events';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { IncomingMessageStream } from '../../src/node/incoming-message-stream.ts';
import { isEmptyReadable, readWaiting } from '../../src/node/read-waiting.ts';

/** A stream in which chunks wait. */
function filled(chunks: readonly unknown[], options = {}): Readable {
  const stream = new Readable({ read() {}, ...options });
  for (const chunk of chunks) stream.push(chunk);
  return stream;
}

describe('readWaiting', () => {
  it('joins all chunks', () => {
    const stream = filled([Buffer.from('a'), Buffer.from('b'), Buffer.from('c')]);
    expect(readWaiting(stream)).toEqual(Buffer.from('abc'));
    expect([stream.readableLength, readWaiting(stream)]).toEqual([0, null]);
  });

  it('joins strings', () => {
    const stream = filled(['a', 'ä', 'b'], { encoding: 'utf8' });
    expect(readWaiting(stream)).toBe('aäb');
  });

  it('reads as much as is asked for', () => {
    const stream = filled([Buffer.from('ab'), Buffer.from('c')]);
    expect(readWaiting(stream, 1)).toEqual(Buffer.from('a'));
    expect(readWaiting(stream, 0)).toBeNull();
    expect(readWaiting(stream)).toEqual(Buffer.from('bc'));
  });

  it('leaves a flowing stream its chunks, and objects alone', async () => {
    const stream = filled([Buffer.from('a'), Buffer.from('b'), null]);
    const chunks: unknown[] = [];
    stream.on('data', (chunk) => chunks.push(chunk));
    stream.read = (size?: number) => readWaiting(stream, size);
    await once(stream, 'end');
    expect(chunks).toEqual([Buffer.from('a'), Buffer.from('b')]);
    expect(readWaiting(filled([{ a: 1 }, { b: 2 }], { objectMode: true }))).toEqual({
      a: 1,
    });
  });

  it('brings a message stream to its end that is read once in each "readable"', async () => {
    const stream = new IncomingMessageStream(true, { wantMore() {}, streamClosed() {} });
    for (const chunk of ['a', 'b', 'c']) stream.push(Buffer.from(chunk));
    stream.push(null);
    let text = '';
    stream.on('readable', () => {
      text += stream.read() ?? '';
    });
    await once(stream, 'end');
    expect(text).toBe('abc');
  });
});

describe('isEmptyReadable', () => {
  it('is true of a "readable" alone, and only where nothing waits', () => {
    expect(isEmptyReadable(filled(['a']), 'readable')).toBe(false);
    expect(isEmptyReadable(filled([]), 'data')).toBe(false);
    expect(isEmptyReadable(filled([]), 'readable')).toBe(true);
  });

  it('makes the end come', async () => {
    const stream = filled([null]);
    isEmptyReadable(stream, 'readable');
    await once(stream, 'end');
  });
});
