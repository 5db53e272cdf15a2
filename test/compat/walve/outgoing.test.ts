/** An Outgoing on its own: payload in, the bytes of one frame out. */

import { once } from 'node:events';
import { PassThrough, Transform } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { OutgoingHeader } from '../../../src/compat/walve/header.ts';
import { Outgoing } from '../../../src/compat/walve/outgoing.ts';
import { readFrames } from '../../support/frames.ts';
import { hex } from '../../support/hex.ts';
import { closed } from './peers.ts';

/** Writes chunks, and returns what can be read then. */
function bytesOf(header: OutgoingHeader, ...chunks: (string | Buffer)[]): Buffer {
  const outgoing = new Outgoing({ header });
  for (const chunk of chunks) outgoing.write(chunk);
  return readAll(outgoing);
}

/** Reads what waits; since Node 26, `read()` returns one chunk of it. */
function readAll(stream: Outgoing): Buffer {
  const chunks: Buffer[] = [];
  for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('Outgoing', () => {
  it('is a Transform', () => {
    expect(new Outgoing()).toBeInstanceOf(Transform);
    expect(new Outgoing().header).toBeTypeOf('object');
  });

  it.each<[OutgoingHeader, string]>([
    [{}, '81 00'],
    [{ final: true }, '81 00'],
    [{ final: false }, '01 00'],
    [{ masked: false }, '81 00'],
    [{ opcode: 0x08 }, '88 00'],
    [{ opcode: 0x00, final: false }, '00 00'],
    [{ length: 0x7d }, '81 7d'],
    [{ length: 0x7e }, '81 7e 00 7e'],
    [{ length: 0xffff }, '81 7e ff ff'],
    [{ length: 0x10000 }, '81 7f 00 00 00 00 00 01 00 00'],
    [{ masked: true, masking: hex('01 02 03 04') }, '81 80 01 02 03 04'],
  ])('writes the header %o with the first chunk', (header, bytes) => {
    expect([...bytesOf(header, '')]).toEqual([...hex(bytes)]);
  });

  it('takes the fields of the header as options, too', () => {
    const outgoing = new Outgoing({ opcode: 0x02, length: 1 });
    outgoing.write('a');
    expect([...readAll(outgoing)]).toEqual([0x82, 1, 0x61]);
  });

  it('takes the length of the first chunk where the header has none', () => {
    expect(bytesOf({}, 'Hello').toString('latin1')).toBe('\u0081\u0005Hello');
  });

  it('cuts off what is written beyond the length', async () => {
    expect(bytesOf({ length: 3 }, 'Hello').toString('latin1')).toBe('\u0081\u0003Hel');
    const outgoing = new Outgoing({ header: { length: 0 } });
    outgoing.end('Hello');
    expect([...readAll(outgoing)]).toEqual([0x81, 0]);
    await once(outgoing.resume(), 'end');
  });

  it('ends with the last byte of the payload, without end()', async () => {
    for (const payload of ['Hello', '']) {
      const outgoing = new Outgoing({ header: { length: payload.length } });
      const pieces: Buffer[] = [];
      outgoing.on('data', (piece) => pieces.push(piece));
      outgoing.write(payload);
      await once(outgoing, 'end');
      const [frame] = readFrames(Buffer.concat(pieces));
      expect(Buffer.from(frame!.payload).toString()).toBe(payload);
    }
  });

  it('is an empty frame when nothing is written', async () => {
    const outgoing = new Outgoing({ header: { opcode: 0x09 } });
    outgoing.end();
    await once(outgoing, 'readable');
    expect([...readAll(outgoing)]).toEqual([0x89, 0]);
  });

  it.each(['', 'Hello'])('can be read without a look in each "readable": %j', async (payload) => {
    const outgoing = new Outgoing({ header: { length: payload.length } });
    const pieces: Buffer[] = [];
    outgoing.on('readable', () => pieces.push(outgoing.read()));
    outgoing.write(payload);
    await once(outgoing, 'end');
    expect(Buffer.concat(pieces).subarray(2).toString()).toBe(payload);
  });

  it('masks a copy of the payload, over all chunks, with a random key by default', async () => {
    const outgoing = new Outgoing({ header: { masked: true, length: 10 } });
    const chunk = Buffer.from('Hello');
    outgoing.write(chunk);
    outgoing.end(Buffer.from('World'));
    const bytes = readAll(outgoing);
    const [frame] = readFrames(bytes);
    expect(frame).toMatchObject({ isMasked: true, fin: true, opcode: 1 });
    expect(Buffer.from(frame!.payload).toString()).toBe('HelloWorld');
    expect(bytes.subarray(2, 6).equals(outgoing.header.masking!)).toBe(true);
    expect(chunk.toString()).toBe('Hello');
  });

  it.each<[string, OutgoingHeader]>([
    ['an opcode without meaning', { opcode: 3 }],
    ['an opcode of more than four bits', { opcode: 0x11 }],
    ['no opcode', { opcode: Number.NaN }],
    ['a control frame that is too long', { opcode: 0x09, length: 126 }],
    ['a control frame in fragments', { opcode: 0x08, final: false }],
    ['a negative length', { length: -1 }],
    ['a length over 2^32 - 1', { length: 2 ** 32 }],
    ['half a byte', { length: 0.5 }],
    ['a short masking key', { masked: true, masking: Buffer.alloc(3) }],
  ])('fails at %s', async (_what, header) => {
    const outgoing = new Outgoing({ header });
    const failed = once(outgoing, 'error');
    outgoing.end('a');
    expect((await failed)[0]).toBeInstanceOf(RangeError);
  });

  it('fails when it ends before its length, and ends no process where nobody listens', async () => {
    const outgoing = new Outgoing({ header: { length: 5 } });
    const failed = once(outgoing, 'error');
    outgoing.resume().end('Hell');
    expect((await failed)[0]).toMatchObject({ message: 'The frame lacks 1 bytes of its length' });
    const unheard = new Outgoing({ header: { length: 5 } });
    unheard.resume().end('Hell');
    await closed(unheard);
    expect(unheard.readableEnded).toBe(false);
  });

  it('can be piped into anything else', async () => {
    const target = new PassThrough();
    const outgoing = new Outgoing({ header: { length: 2 } });
    expect(outgoing.pipe(target)).toBe(target);
    outgoing.end('ok');
    expect((await once(target, 'data'))[0].toString('latin1')).toBe('\u0081\u0002');
  });
});
