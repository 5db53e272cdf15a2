/** An Incoming on its own: frame bytes in, the payload of the first frame out. */

import { once } from 'node:events';
import { Transform } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { IncomingHeader } from '../../../src/compat/walve/header.ts';
import { Incoming } from '../../../src/compat/walve/incoming.ts';
import { LimitExceededError, ProtocolError } from '../../../src/errors.ts';
import { buildFrame, EXAMPLE_KEY } from '../../support/frames.ts';
import { hex } from '../../support/hex.ts';
import { closed } from './peers.ts';

/** Writes bytes, one write for each argument, and returns the header that was found. */
function headerOf(...chunks: string[]): IncomingHeader | undefined {
  const incoming = new Incoming();
  let found: IncomingHeader | undefined;
  incoming.once('header', (header) => {
    found = header;
  });
  for (const chunk of chunks) incoming.write(hex(chunk));
  return found;
}

describe('Incoming', () => {
  it('is a Transform without a header in the beginning', () => {
    const incoming = new Incoming();
    expect(incoming).toBeInstanceOf(Transform);
    expect(incoming.header).toBe(null);
  });

  it('says the header as soon as it is whole', () => {
    expect(headerOf('80 00')).toEqual({
      final: true,
      rsv: 0,
      masked: false,
      mask: false,
      opcode: 0,
      length: 0,
    });
    expect(headerOf('00 00')?.final).toBe(false);
    expect(headerOf('88 00')?.opcode).toBe(8);
    expect(headerOf('02 7d')?.length).toBe(125);
    expect(headerOf('02 7e 00 7e')?.length).toBe(126);
    expect(headerOf('02 7e ff ff')?.length).toBe(65_535);
    expect(headerOf('02 7f', '00 00 00 00', '00 01 00 00')?.length).toBe(65_536);
    expect(headerOf('02 7f', '00 00 00 00', 'ff ff ff ff')?.length).toBe(2 ** 32 - 1);
    expect(headerOf('02 7f', '00 00 00')).toBe(undefined);
  });

  it('has the masking key of a frame that is masked', () => {
    const header = headerOf('02', '80', '01 02', '03 04');
    expect(header).toMatchObject({ masked: true, mask: true, masking: Buffer.from([1, 2, 3, 4]) });
  });

  it('gives the payload, unmasked, in every cut', async () => {
    const masked = buildFrame({ opcode: 'text', payload: 'Hello', maskingKey: EXAMPLE_KEY });
    for (const bytes of [masked, buildFrame({ opcode: 'text', payload: 'Hello' })]) {
      for (let cut = 0; cut <= bytes.length; cut++) {
        const before = Buffer.from(bytes);
        const incoming = new Incoming();
        incoming.write(before.subarray(0, cut));
        incoming.write(before.subarray(cut));
        const pieces: Buffer[] = [];
        incoming.on('data', (piece) => pieces.push(piece));
        await once(incoming, 'end');
        expect(Buffer.concat(pieces).toString()).toBe('Hello');
        // What was written is the application's.
        expect(before.equals(bytes)).toBe(true);
      }
    }
  });

  it('can be read with read().toString() in each "readable", also when it is empty', async () => {
    for (const payload of ['Hello', '']) {
      const incoming = new Incoming();
      let text = '';
      incoming.on('readable', () => {
        text += (incoming.read() as Buffer).toString();
      });
      incoming.write(buildFrame({ opcode: 'text', payload }));
      await once(incoming, 'end');
      expect(text).toBe(payload);
    }
  });

  it('is read whole in one "readable", however many pieces wait for it', async () => {
    const incoming = new Incoming();
    const frame = buildFrame({ opcode: 'text', payload: 'Hello' });
    for (const byte of frame) incoming.write(Buffer.from([byte]));
    let text = '';
    incoming.on('readable', () => {
      text += (incoming.read() as Buffer).toString();
    });
    await once(incoming, 'end');
    expect(text).toBe('Hello');
  });

  it('hands back with "flush" what is behind the frame', async () => {
    const incoming = new Incoming();
    const flushed: Buffer[] = [];
    incoming.on('flush', (rest) => flushed.push(rest));
    incoming.write(hex('82'));
    incoming.write(hex('01'));
    incoming.write(hex('ff 81'));
    await new Promise((written) => incoming.write(hex('02'), written));
    expect(Buffer.concat(flushed)).toEqual(Buffer.from([0x81, 0x02]));
  });

  it.each([
    ['a reserved bit', '40 00', ProtocolError],
    ['another', '20 00', ProtocolError],
    ['the third', '10 00', ProtocolError],
    ['an opcode without meaning', '83 00', ProtocolError],
    ['a control frame that is too long', '89 7e 00 7e', ProtocolError],
    ['a length over 2^32 - 1', '82 7f 00 00 00 01 00 00 00 00', LimitExceededError],
  ])('fails at %s', async (_what, bytes, kind) => {
    const incoming = new Incoming();
    const failed = once(incoming, 'error');
    incoming.end(hex(bytes));
    const [error] = await failed;
    expect(error).toBeInstanceOf(kind);
  });

  it('fails at an end within the frame, and ends no process where nobody listens', async () => {
    const incoming = new Incoming();
    const failed = once(incoming, 'error');
    incoming.end(hex('82 05 01'));
    expect((await failed)[0]).toMatchObject({ code: 'WS_TRANSPORT_ERROR' });
    const unheard = new Incoming();
    unheard.resume().end(hex('82 05 01'));
    await closed(unheard);
    expect(unheard.readableEnded).toBe(false);
  });
});
