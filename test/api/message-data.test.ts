/**
 * What applications send becomes a payload: bytes stay bytes, a Blob waits, everything else is
 * text.
 */

import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { fromBytes, payloadLength, toPayload } from '../../src/api/message-data.ts';
import { PreparedMessage } from '../../src/extensions/prepared-message.ts';
import { nodePlatform } from '../../src/node/node-platform.ts';

const hexOf = (payload: unknown): string => Buffer.from(payload as Uint8Array).toString('hex');

describe('toPayload (WHATWG WebSockets §3.1, send)', () => {
  it('takes strings and bytes as they are, without a copy', () => {
    const bytes = Uint8Array.of(1, 2);
    const buffer = Buffer.from([3]);
    expect(toPayload('text')).toBe('text');
    expect(toPayload('')).toBe('');
    expect(toPayload(bytes)).toBe(bytes);
    expect(toPayload(buffer)).toBe(buffer);
  });

  it('takes the bytes of a view, and only those it shows', () => {
    const { buffer } = Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7);
    expect(hexOf(toPayload(new DataView(buffer, 1, 3)))).toBe('010203');
    expect(hexOf(toPayload(new Uint16Array(buffer, 2, 2)))).toBe('02030405');
    expect(hexOf(toPayload(new Float32Array([1])))).toBe('0000803f');
    expect(hexOf(toPayload(new Float64Array(0)))).toBe('');
    expect(hexOf(toPayload(new BigInt64Array([1n])))).toBe('0100000000000000');
  });

  it('takes ArrayBuffers, also shared ones and those of another realm', () => {
    const shared = new SharedArrayBuffer(2);
    new Uint8Array(shared)[1] = 7;
    expect(hexOf(toPayload(Uint8Array.of(9).buffer))).toBe('09');
    expect(hexOf(toPayload(shared))).toBe('0007');
    expect(hexOf(toPayload(runInNewContext('Uint8Array.of(5, 6).buffer')))).toBe('0506');
    expect(hexOf(toPayload(runInNewContext('Uint8Array.of(5, 6)')))).toBe('0506');
  });

  it('keeps a Blob, whose bytes come later, and a prepared message', () => {
    const blob = new Blob(['abc']);
    const prepared = new PreparedMessage(nodePlatform, 'abc');
    expect(toPayload(blob)).toBe(blob);
    expect(toPayload(prepared)).toBe(prepared);
  });

  it.each([
    [123, '123'],
    [-0, '0'],
    [2n ** 64n, '18446744073709551616'],
    [true, 'true'],
    [null, 'null'],
    [undefined, 'undefined'],
    [{ toString: () => 'an object' }, 'an object'],
    [{ length: 3 }, '[object Object]'],
    [[1, 2], '1,2'],
    [{ length: 2 ** 31, 0: 1 }, '[object Object]'],
    [new Date(Number.NaN), 'Invalid Date'],
  ])('converts %o to the text that it is in a template', (data, text) => {
    expect(toPayload(data)).toBe(text);
  });

  it('never takes a number, or an object with a length, for a size (CVE-2016-10518)', () => {
    for (const data of [10_000, { length: 10_000 }, { byteLength: 10_000 }]) {
      expect(typeof toPayload(data)).toBe('string');
    }
  });

  it('refuses what has no text', () => {
    expect(() => toPayload(Symbol('s'))).toThrow(TypeError);
    expect(() => toPayload(Object.create(null))).toThrow(TypeError);
    const error = new Error('no');
    const stubborn = {
      toString() {
        throw error;
      },
    };
    expect(() => toPayload(stubborn)).toThrow(error);
  });

  it('is not deceived by an object that calls itself an ArrayBuffer', () => {
    const impostor = { [Symbol.toStringTag]: 'ArrayBuffer', byteLength: 100, toString: () => 'x' };
    // Its tag makes it array-like without elements: no byte comes out, least of all one of ours.
    expect(payloadLength(toPayload(impostor) as string)).toBeLessThanOrEqual(1);
  });
});

describe('payloadLength', () => {
  it('counts bytes, of text in UTF-8', () => {
    expect(payloadLength('aé☃😀')).toBe(1 + 2 + 3 + 4);
    expect(payloadLength('\ud800')).toBe(3);
    expect(payloadLength(new Uint8Array(7))).toBe(7);
    expect(payloadLength(new Blob(['abc']))).toBe(3);
    expect(payloadLength(new PreparedMessage(nodePlatform, 'é'))).toBe(2);
  });
});

describe('fromBytes (WHATWG WebSockets §3.1, binaryType)', () => {
  const memory = Uint8Array.of(0, 1, 2, 3);
  const bytes = memory.subarray(1, 3);

  it('gives a Buffer over the same bytes', () => {
    const data = fromBytes(bytes, 'nodebuffer') as Buffer;
    expect(Buffer.isBuffer(data)).toBe(true);
    expect(data.buffer).toBe(memory.buffer);
    expect(hexOf(data)).toBe('0102');
    expect(fromBytes(data, 'nodebuffer')).toBe(data);
  });

  it('gives an ArrayBuffer with just these bytes', () => {
    const data = fromBytes(bytes, 'arraybuffer') as ArrayBuffer;
    expect(data).toBeInstanceOf(ArrayBuffer);
    expect(data.byteLength).toBe(2);
    expect(data).not.toBe(memory.buffer);
    expect(hexOf(new Uint8Array(data))).toBe('0102');
  });

  it('gives a Blob with just these bytes', async () => {
    const data = fromBytes(bytes, 'blob') as Blob;
    expect(data).toBeInstanceOf(Blob);
    expect(hexOf(new Uint8Array(await data.arrayBuffer()))).toBe('0102');
  });
});
