// The suite's own wire code: frames there and back in any cut, masks, negotiation, compressed
// messages.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { constants, createInflateRaw, deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { corpora } from '../../autobahn/cases/corpus.ts';
import {
  CompressedEchoChecker,
  CompressedMessages,
} from '../../autobahn/play/compressed-messages.ts';
import { Connection } from '../../autobahn/wire/connection.ts';
import {
  buildOffers,
  chooseOffer,
  type DeflateWish,
  readServerResponse,
} from '../../autobahn/wire/deflate-negotiation.ts';
import { applyMask, buildFrames, fragmentMessage } from '../../autobahn/wire/frame.ts';
import { FrameReader, type ReceivedFrame } from '../../autobahn/wire/frame-reader.ts';
import { acceptValue } from '../../autobahn/wire/handshake.ts';
import { WireLog } from '../../autobahn/wire/wire-log.ts';

function readFrames(octets: Buffer, cut: number, mustBeMasked: boolean): ReceivedFrame[] {
  const frames: ReceivedFrame[] = [];
  const violations: string[] = [];
  const reader = new FrameReader({
    mustBeMasked,
    maxPayloadLength: 1_000_000,
    onFrame: (frame) => frames.push({ ...frame, payload: Buffer.from(frame.payload) }),
    onViolation: (reason) => violations.push(reason),
  });
  for (let start = 0; start < octets.length; start += cut) {
    reader.push(Buffer.from(octets.subarray(start, start + cut)));
  }
  expect(violations).toEqual([]);
  return frames;
}

describe('frames', () => {
  it('come back from the reader as they were built, in any cut, masked or not', () => {
    const frame = fc.record({
      fin: fc.boolean(),
      rsv: fc.integer({ min: 0, max: 7 }),
      opcode: fc.integer({ min: 0, max: 15 }),
      payload: fc
        .tuple(fc.constantFrom(0, 1, 5, 125, 126, 127, 65_535, 65_536), fc.nat(255))
        .map(([length, octet]) => Buffer.alloc(length, octet)),
    });
    const property = fc.property(
      fc.array(frame, { maxLength: 3 }),
      fc.boolean(),
      fc.constantFrom(1, 2, 3, 7, 1000, 1_000_000),
      (frames, isMasked, cut) => {
        const read = readFrames(buildFrames(frames, isMasked), cut, isMasked);
        // Octet by octet comparing of long buffers is what `toEqual` takes its time for.
        const summary = ({ fin, rsv, opcode, payload }: ReceivedFrame): string =>
          [fin, rsv, opcode, payload.length, payload.toString('latin1')].join(' ');
        expect(read.map(summary).join('\n') === frames.map(summary).join('\n')).toBe(true);
      },
    );
    fc.assert(property, { numRuns: 100 });
  });

  it('are masked octet by octet as RFC 6455 §5.3 says, wherever the payload lies in memory', () => {
    const key = Uint8Array.of(1, 2, 4, 8);
    for (let offset = 0; offset < 4; offset += 1) {
      for (let length = 0; length < 12; length += 1) {
        const bytes = new Uint8Array(new ArrayBuffer(32), offset, length).fill(0xf0);
        applyMask(bytes, key);
        const expected = Array.from({ length }, (_, index) => 0xf0 ^ (key[index % 4] ?? 0));
        expect([...bytes]).toEqual(expected);
      }
    }
  });

  it('of a fragmented message end with an empty one where the last would be full', () => {
    const lengths = (length: number): number[] =>
      fragmentMessage(1, Buffer.alloc(length), 4).map(({ payload }) => payload.length);
    expect(lengths(10)).toEqual([4, 4, 2]);
    expect(lengths(8)).toEqual([4, 4, 0]);
    const [first, ...rest] = fragmentMessage(2, Buffer.alloc(9), 4, 4);
    expect(first).toMatchObject({ opcode: 2, fin: false, rsv: 4 });
    expect(rest.map(({ opcode, fin, rsv }) => [opcode, fin, rsv])).toEqual([
      [0, false, 0],
      [0, true, 0],
    ]);
  });
});

describe('the opening handshake', () => {
  it('derives the accept value of the example in RFC 6455 §1.3', () => {
    expect(acceptValue('dGhlIHNhbXBsZSBub25jZQ==')).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  });
});

const defaults: DeflateWish = { noContextTakeover: false, maxWindowBits: null };
const nine: DeflateWish = { noContextTakeover: false, maxWindowBits: 9 };
const fifteen: DeflateWish = { noContextTakeover: false, maxWindowBits: 15 };
const noTakeover: DeflateWish = { noContextTakeover: true, maxWindowBits: null };

describe('the negotiation of permessage-deflate, as a client', () => {
  it('offers each wish, the best first', () => {
    expect(buildOffers([{ noContextTakeover: true, maxWindowBits: 9 }, defaults])).toBe(
      'permessage-deflate; server_no_context_takeover; server_max_window_bits=9; ' +
        'client_max_window_bits, permessage-deflate; client_max_window_bits',
    );
  });

  it.each([
    ['permessage-deflate', [defaults], 'agreed'],
    ['permessage-deflate; server_no_context_takeover', [defaults], 'agreed'],
    ['permessage-deflate; client_max_window_bits=10', [defaults], 'agreed'],
    ['permessage-deflate; server_max_window_bits=8', [nine], 'agreed'],
    // Without the parameter the window has 15 bits, which is what was asked for.
    ['permessage-deflate', [fifteen], 'agreed'],
    ['permessage-deflate', [noTakeover, defaults], 'agreed'],
    [undefined, [defaults], 'declined'],
    ['permessage-deflate', [nine], 'fault'],
    ['permessage-deflate; server_max_window_bits=10', [nine], 'fault'],
    ['permessage-deflate', [noTakeover], 'fault'],
    ['permessage-deflate; client_max_window_bits', [defaults], 'fault'],
    ['permessage-deflate; server_max_window_bits=16', [defaults], 'fault'],
    ['permessage-deflate; server_max_window_bits=9; server_max_window_bits=9', [nine], 'fault'],
    ['permessage-deflate; mystery', [defaults], 'fault'],
    ['x-webkit-deflate-frame', [defaults], 'fault'],
    ['permessage-deflate, permessage-deflate', [defaults], 'fault'],
    ['permessage-deflate', [], 'fault'],
  ] as const)('the response %s is read right', (header, wishes, kind) => {
    expect(readServerResponse(header, wishes).kind).toBe(kind);
  });
});

describe('the negotiation of permessage-deflate, as a server', () => {
  it.each([
    ['permessage-deflate', [defaults], 'permessage-deflate'],
    // RFC 7692 §7.1.1.2: may be asked for unoffered.
    ['permessage-deflate', [noTakeover], 'permessage-deflate; client_no_context_takeover'],
    [
      'permessage-deflate; client_max_window_bits',
      [nine],
      'permessage-deflate; client_max_window_bits=9',
    ],
    [
      'permessage-deflate; client_max_window_bits=8, permessage-deflate',
      [nine],
      'permessage-deflate; client_max_window_bits=8',
    ],
    [
      'mystery; a=b, permessage-deflate; server_max_window_bits=10',
      [defaults],
      'permessage-deflate; server_max_window_bits=10',
    ],
    ['permessage-deflate', [nine, defaults], 'permessage-deflate'],
  ] as const)('the offer %s is answered right', (header, wishes, response) => {
    expect(chooseOffer(header, wishes)).toMatchObject({ kind: 'agreed', header: response });
  });

  it('declines a window that was not offered (RFC 7692 §7.1.2.2)', () => {
    expect(chooseOffer('permessage-deflate', [nine]).kind).toBe('declined');
    expect(chooseOffer(undefined, [defaults]).kind).toBe('declined');
  });

  it('calls an offer that breaks the grammar a fault', () => {
    expect(chooseOffer('permessage-deflate; mystery', [defaults]).kind).toBe('fault');
  });
});

const LENGTH = 4096;
const wide = { noContextTakeover: false, windowBits: 15 };
const narrow = { noContextTakeover: false, windowBits: 9 };
const forgetful = { noContextTakeover: true, windowBits: 15 };
const json = corpora.json.bytes();

function compress(index: number, windowBits: number, windowLength: number): Buffer {
  const start = index * LENGTH;
  const dictionary = json.subarray(Math.max(0, start - windowLength), start);
  const octets = deflateRawSync(json.subarray(start, start + LENGTH), {
    windowBits,
    finishFlush: constants.Z_SYNC_FLUSH,
    ...(dictionary.length > 0 && { dictionary }),
  });
  return octets.subarray(0, -4);
}

describe('compressed messages', () => {
  it.each([
    [16, wide],
    [4096, wide],
    [131_072, narrow],
    [131_072, { noContextTakeover: false, windowBits: 8 }],
  ])('of %d octets are one stream for an inflater, turn after turn', async (length, direction) => {
    const messages = new CompressedMessages('json', length, direction);
    const turn = json.length / length;
    const count = Math.min(3 * turn, 600);
    const inflater = createInflateRaw({ windowBits: direction.windowBits });
    const inflated: Buffer[] = [];
    inflater.on('data', (chunk: Buffer) => inflated.push(chunk));
    for (let index = 0; index < count; index += 1) {
      inflater.write(messages.payload(index));
      inflater.write(Buffer.of(0, 0, 255, 255));
    }
    await new Promise((resolve) => inflater.flush(() => resolve(null)));
    const expected = Buffer.alloc(count * length, json);
    expect(Buffer.concat(inflated).equals(expected)).toBe(true);
  });

  it('are right echoes of themselves, also when they come round again', () => {
    const messages = new CompressedMessages('json', 131_072, wide);
    const checker = new CompressedEchoChecker('json', 131_072, wide);
    for (let index = 0; index < 30; index += 1) {
      expect(checker.check(index, messages.payload(index), true)).toBeNull();
    }
  });

  it('are wrong when the peer uses a wider window than agreed', () => {
    const checker = new CompressedEchoChecker('json', LENGTH, narrow);
    expect(checker.check(0, compress(0, 9, 512), true)).toBeNull();
    expect(checker.check(1, compress(1, 15, 32_768), true)).toMatch(/cannot be inflated/);
  });

  it('are wrong when the peer refers to an earlier message although it agreed not to', () => {
    const checker = new CompressedEchoChecker('json', LENGTH, forgetful);
    expect(checker.check(0, compress(0, 15, 0), true)).toBeNull();
    expect(checker.check(1, compress(1, 15, 32_768), true)).toMatch(/cannot be inflated/);
  });

  it('are wrong when they are another message, too long, or no deflate stream', () => {
    const checker = new CompressedEchoChecker('json', LENGTH, wide);
    expect(checker.check(0, compress(1, 15, 0), true)).toMatch(/differs/);
    const bomb = deflateRawSync(Buffer.alloc(1_000_000), { finishFlush: constants.Z_SYNC_FLUSH });
    expect(checker.check(0, bomb, true)).toMatch(/cannot be inflated/);
    expect(checker.check(0, Buffer.of(0xff, 0xff), true)).toMatch(/cannot be inflated/);
  });

  it('may come back uncompressed', () => {
    const checker = new CompressedEchoChecker('json', LENGTH, wide);
    expect(checker.check(0, json.subarray(0, LENGTH), false)).toBeNull();
    expect(checker.check(1, json.subarray(0, LENGTH), false)).toMatch(/differs/);
  });
});

describe('a connection', () => {
  it('reads the Close of a peer that has reset TCP, also after a failed write', async () => {
    const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const accepted = once(server, 'connection');
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').pause();
    await once(socket, 'connect');
    const [peer] = (await accepted) as [Socket];
    // What a peer leaves unread makes its end of TCP a reset.
    await new Promise((resolve) => socket.write('left unread', resolve));
    await new Promise((resolve) => peer.write(Buffer.from('880203ea', 'hex'), resolve));
    peer.destroy();
    await once(peer, 'close');
    const connection = new Connection({
      socket,
      role: 'client',
      log: new WireLog(),
      allowsCompression: false,
      maxMessageLength: 100,
      timeScale: 1,
      onEvent: () => {},
      onDone: () => {},
    });
    connection.write(Buffer.from('meets the reset'));
    await connection.ended;
    server.close();
    expect(connection.remoteClose).toEqual({ code: 1002, reason: '' });
  });
});
