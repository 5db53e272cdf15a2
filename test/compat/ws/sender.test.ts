/** `Sender` of `sanswire/ws`: what it promises beyond the comparison with `ws` in parts.test.ts. */

import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { heldBlob } from '../../support/held-blob.ts';
import { collectUncaught } from '../../support/uncaught-exceptions.ts';
import { sanswireWs } from './libraries.ts';

const { Sender, PerMessageDeflate } = sanswireWs;

/** A sender, and what it has written. */
function open(...rest: unknown[]) {
  const written: Buffer[] = [];
  const stream = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, callback) {
      written.push(Buffer.from(chunk));
      callback();
    },
  });
  stream.on('error', () => {});
  const sender = Reflect.construct(Sender, [stream, ...rest]) as InstanceType<typeof Sender>;
  return { sender, stream, text: () => Buffer.concat(written).toString('latin1') };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A Blob whose bytes cannot be read. */
function brokenBlob(): Blob {
  const blob = new Blob(['x']);
  blob.arrayBuffer = () => Promise.reject(new Error('unreadable'));
  return blob;
}

const MESSAGE = { fin: true, binary: true };

describe('Bytes given to a Sender', () => {
  it('are the caller’s again when the call returns, although the stream is slow', async () => {
    for (const mask of [false, true]) {
      const written: Buffer[] = [];
      const stream = new Duplex({
        read() {},
        write(chunk: Buffer, _encoding, callback) {
          setImmediate(() => {
            written.push(Buffer.from(chunk));
            callback();
          });
        },
      });
      const noMask = (key: Buffer): void => void key.fill(0);
      const sender = new Sender(stream, {}, noMask);
      const view = Buffer.from('mine');
      const shared = new Uint8Array(new SharedArrayBuffer(4));
      shared.set(view);
      const given = [view, new DataView(Uint8Array.from(view).buffer), shared];
      for (const data of given) sender.send(data, { ...MESSAGE, mask });
      sender.ping(view, mask);
      for (const { buffer, byteOffset } of given) new Uint8Array(buffer, byteOffset, 4).fill(0x78);
      stream.end();
      await new Promise((resolve) => stream.once('finish', resolve));
      expect(Buffer.concat(written).toString('latin1').match(/mine/g)).toHaveLength(4);
    }
  });
});

describe('A call behind a Blob', () => {
  it('checks its arguments at once', async () => {
    const { sender, text } = open();
    const { blob, release } = heldBlob('blob');
    sender.send(blob, MESSAGE);
    expect(() => sender.ping('x'.repeat(126))).toThrow(RangeError);
    expect(() => sender.pong('x'.repeat(126))).toThrow(RangeError);
    expect(() => sender.close(5)).toThrow(TypeError);
    expect(() => sender.close(1000, 'x'.repeat(124))).toThrow(RangeError);
    expect(() => sender.send({}, MESSAGE)).toThrow(TypeError);
    sender.ping('ok');
    release();
    await turn();
    expect(text()).toBe('\x82\x04blob\x89\x02ok');
  });

  it('gives the bytes back when it returns', async () => {
    const { sender, text } = open();
    const { blob, release } = heldBlob('blob');
    const bytes = Buffer.from('mine');
    sender.send(blob, MESSAGE);
    sender.send(bytes, MESSAGE);
    sender.ping(bytes);
    bytes.fill('x');
    release();
    await turn();
    expect(text()).toBe('\x82\x04blob\x82\x04mine\x89\x04mine');
  });

  it('may be a Ping or Pong with a Blob of its own', async () => {
    const { sender, text } = open();
    const { blob, release } = heldBlob('blob');
    sender.ping(blob);
    sender.pong(new Blob(['pong']));
    sender.ping('text');
    expect(() => sender.ping(new Blob(['x'.repeat(126)]))).toThrow(RangeError);
    expect(text()).toBe('');
    release();
    while (!text().endsWith('text')) await turn();
    expect(text()).toBe('\x89\x04blob\x8a\x04pong\x89\x04text');
  });

  it('keeps its place, also behind what is compressed', async () => {
    const deflate = new PerMessageDeflate({ isServer: true });
    deflate.accept([{}]);
    const { sender, text } = open({ 'permessage-deflate': deflate });
    const { blob, release } = heldBlob('blob');
    const sent: string[] = [];
    sender.send('a', { ...MESSAGE, compress: true }, () => sent.push('a'));
    sender.send(blob, MESSAGE, () => sent.push('blob'));
    sender.send('b', { ...MESSAGE, compress: true }, () => sent.push('b'));
    sender.send('c', MESSAGE, () => sent.push('c'));
    sender.close(1000, '', false, () => sent.push('close'));
    release();
    await turn();
    deflate.cleanup();
    expect(sent).toEqual(['a', 'blob', 'b', 'c', 'close']);
    const [before = '', after = ''] = text().split('\x82\x04blob');
    expect(before[0]).toBe('\xc2');
    expect(after[0]).toBe('\xc2');
    expect(after.endsWith('\x82\x01c\x88\x02\x03\xe8')).toBe(true);
  });
});

describe('A frame that cannot be sent', () => {
  it('ends the stream, and tells every callback although one throws', async () => {
    const uncaught = collectUncaught();
    const { sender, stream } = open();
    const told: unknown[] = [];
    const tell = (name: string) => (error?: Error) => {
      told.push(`${name} ${error?.message}`);
      throw new Error(name);
    };
    sender.send(brokenBlob(), MESSAGE, tell('blob'));
    sender.send('text', MESSAGE, tell('text'));
    sender.ping('', false, tell('ping'));
    await turn();
    expect(told).toEqual(['blob unreadable', 'text unreadable', 'ping unreadable']);
    expect(uncaught.map(String)).toEqual(['Error: blob', 'Error: text', 'Error: ping']);
    expect(stream.destroyed).toBe(true);
  });

  it('may be one whose mask throws in its turn', async () => {
    const { sender, stream, text } = open({}, () => {
      throw new Error('no mask');
    });
    const { blob, release } = heldBlob('blob');
    const told: unknown[] = [];
    sender.send(blob, MESSAGE);
    sender.send('text', { ...MESSAGE, mask: true }, (error) => told.push(error?.message));
    sender.send('more', MESSAGE, (error) => told.push(error?.message));
    expect(told).toEqual([]);
    release();
    await turn();
    expect(text()).toBe('\x82\x04blob');
    expect(told).toEqual(['no mask', 'no mask']);
    expect(stream.destroyed).toBe(true);
  });
});
