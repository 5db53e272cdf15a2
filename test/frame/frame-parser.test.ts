import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FaultCode } from '../../src/errors.ts';
import { HEADER_MAX_LENGTH, RSV1 } from '../../src/frame/frame-header.ts';
import { type FrameHandler, FrameParser } from '../../src/frame/frame-parser.ts';
import { FrameSerializer } from '../../src/frame/frame-serializer.ts';
import { nodePlatform } from '../../src/node/node-platform.ts';
import type { Platform } from '../../src/platform.ts';
import { CountingPlatform } from '../support/counting-platform.ts';
import { type EventLog, feedEveryCut } from '../support/every-cut.ts';
import { buildFrame, describePayload, EXAMPLE_KEY, frameTo } from '../support/frames.ts';
import { concat, hex, toHex, utf8 } from '../support/hex.ts';

type Role = 'client' | 'server';
const ROLES: readonly Role[] = ['client', 'server'];

/** Records frames, as `81 "payload"`, and the fault. It can stop at each header or piece. */
class FrameRecorder implements FrameHandler {
  readonly log: string[] = [];
  readonly parser: FrameParser;
  stopsAtHeaders = false;
  stopsAtPieces = false;
  #payload: Uint8Array[] = [];
  #gathered = 0;

  constructor(role: Role, platform: Platform = nodePlatform) {
    this.parser = new FrameParser(platform, this, role);
  }

  onFrameHeader(): boolean {
    this.#payload = [];
    this.#gathered = 0;
    return !this.stopsAtHeaders;
  }

  onFramePayload(bytes: Uint8Array, start: number, end: number, isLast: boolean): boolean {
    const { fin, rsv, opcode, payloadLength, payloadPosition } = this.parser;
    if (this.#gathered !== payloadPosition) throw new Error(`Position ${payloadPosition}`);
    this.#gathered += end - start;
    if (isLast !== (this.#gathered === payloadLength)) throw new Error('isLast is wrong');
    this.#payload.push(bytes.slice(start, end));
    if (isLast) {
      const firstByte = Uint8Array.of((fin ? 128 : 0) | rsv | opcode);
      this.log.push(`${toHex(firstByte)} ${describePayload(concat(this.#payload))}`);
    }
    return !this.stopsAtPieces;
  }

  onFrameFault(code: FaultCode): void {
    this.log.push(code);
  }
}

/** Parses chunks, each in memory of its own, up to a fault. */
function parseChunks(role: Role, chunks: readonly Uint8Array[], allowedRsv = 0): EventLog {
  const recorder = new FrameRecorder(role);
  recorder.parser.allowedRsv = allowedRsv;
  for (const chunk of chunks) {
    const used = recorder.parser.parse(chunk.slice());
    if (recorder.log.at(-1)?.startsWith('WS_') === true) break;
    expect(used).toBe(chunk.length);
  }
  return { events: recorder.log, sent: [] };
}

function parse(role: Role, input: Uint8Array, allowedRsv = 0): readonly string[] {
  const trailing = frameTo(role, { opcode: 'pong', payload: 'trailing' });
  return feedEveryCut(input, (chunks) => parseChunks(role, chunks, allowedRsv), trailing).events;
}

/** The rules of §5.1, §5.2 and §5.5 on the first two bytes, in other words than the parser's. */
function wantedFault(role: Role, first: number, second: number, allowedRsv: number): string {
  const rsv = (first >> 4) % 8;
  const opcode = first % 16;
  const isControl = opcode >= 8;
  const length = second % 128;
  if (rsv !== 0 && (isControl || (rsv & ~(allowedRsv >> 4)) !== 0)) return 'WS_RESERVED_BIT';
  if (![0, 1, 2, 8, 9, 10].includes(opcode)) return 'WS_UNKNOWN_OPCODE';
  if (isControl && first < 128) return 'WS_CONTROL_FRAGMENTED';
  if (role === 'server' && second < 128) return 'WS_MASK_MISSING';
  if (role === 'client' && second >= 128) return 'WS_MASK_UNEXPECTED';
  return isControl && length > 125 ? 'WS_CONTROL_TOO_LONG' : '';
}

const frameSpec = fc.record({
  opcode: fc.constantFrom(0, 1, 2),
  fin: fc.boolean(),
  payload: fc.oneof(
    fc.uint8Array({ maxLength: 20 }),
    fc.uint8Array({ minLength: 120, maxLength: 140 }),
  ),
});
const controlSpec = fc.record({
  opcode: fc.constantFrom(8, 9, 10),
  fin: fc.constant(true),
  payload: fc.uint8Array({ maxLength: 125 }),
});
const anyFrames = fc.array(fc.oneof(frameSpec, controlSpec), { maxLength: 5 });

describe.each(ROLES)('FrameParser of a %s', (role) => {
  it.each([0, RSV1])(
    'judges all 65,536 pairs of first bytes, with %d allowed (RFC 6455 §5.1, §5.2, §5.5)',
    (allowedRsv) => {
      for (let pair = 0; pair < 65_536; pair++) {
        const recorder = new FrameRecorder(role);
        recorder.parser.allowedRsv = allowedRsv;
        recorder.parser.parse(Uint8Array.of(pair >> 8, pair & 255));
        const found = recorder.log.find((line) => line.startsWith('WS_')) ?? '';
        const wanted = wantedFault(role, pair >> 8, pair & 255, allowedRsv);
        if (found !== wanted) expect.unreachable(`${pair.toString(16)}: ${found}, not ${wanted}`);
      }
    },
  );

  it('finds the frames of any stream, in every cut', () => {
    fc.assert(
      fc.property(anyFrames, (specs) => {
        const input = concat(specs.map((spec) => frameTo(role, spec)));
        const wanted = specs.map(
          ({ fin, opcode, payload }) =>
            `${toHex(Uint8Array.of((fin ? 128 : 0) + opcode))} ${describePayload(payload)}`,
        );
        expect(parse(role, input)).toEqual(wanted);
      }),
      { numRuns: 50 },
    );
  });

  it('parses what our serializer writes for the other end', () => {
    const serializer = FrameSerializer.of(nodePlatform, role === 'server' ? 'client' : 'server');
    fc.assert(
      fc.property(frameSpec, ({ opcode, fin, payload }) => {
        const firstByte = (fin ? 128 : 0) + opcode;
        const input = new Uint8Array(serializer.frameLength(payload.length));
        serializer.writeFrame(input, 0, firstByte, payload);
        expect(parse(role, input)).toEqual([
          `${toHex(Uint8Array.of(firstByte))} ${describePayload(payload)}`,
        ]);
      }),
    );
  });

  it('gives frames or one fault for any bytes, and never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const log = parse(role, bytes);
        expect(log.filter((line) => line.startsWith('WS_')).length).toBeLessThanOrEqual(1);
      }),
      { numRuns: 300 },
    );
  });

  it('accepts reserved bits on data frames where an extension uses them (RFC 6455 §5.2)', () => {
    for (const opcode of ['text', 'binary', 'continuation'] as const) {
      const input = frameTo(role, { opcode, rsv: 4, payload: 'a' });
      expect(parse(role, input, RSV1)[0]).toMatch(/^C\d "a"$/);
      expect(parse(role, input)).toEqual(['WS_RESERVED_BIT']);
      expect(parse(role, frameTo(role, { opcode, rsv: 6 }), RSV1)).toEqual(['WS_RESERVED_BIT']);
    }
    for (const opcode of ['close', 'ping', 'pong'] as const) {
      expect(parse(role, frameTo(role, { opcode, rsv: 4 }), RSV1)).toEqual(['WS_RESERVED_BIT']);
    }
  });

  it('finds a fault before the masking key and the payload have come (RFC 6455 §5.2)', () => {
    const maskBit = role === 'server' ? 128 : 0;
    const faults: [number[], FaultCode][] = [
      [[0x81, maskBit | 126, 0x00, 0x7d], 'WS_LENGTH_NOT_MINIMAL'],
      [[0x81, maskBit | 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff], 'WS_LENGTH_NOT_MINIMAL'],
      [[0x81, maskBit | 127, 0x80, 0, 0, 0, 0, 0, 0, 0], 'WS_LENGTH_OUT_OF_RANGE'],
      [[0x89, maskBit | 126], 'WS_CONTROL_TOO_LONG'],
      [[0x09, maskBit], 'WS_CONTROL_FRAGMENTED'],
    ];
    for (const [bytes, fault] of faults) {
      expect(parse(role, Uint8Array.from(bytes))).toEqual([fault]);
      expect(parse(role, Uint8Array.from(bytes.slice(0, -1)))).toEqual([]);
    }
  });

  it('takes a declared length as a number, up to the greatest one (RFC 6455 §5.2)', () => {
    for (const length of [2n ** 31n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n - 1n]) {
      const platform = new CountingPlatform();
      const recorder = new FrameRecorder(role, platform);
      recorder.parser.parse(frameTo(role, { opcode: 'binary', declaredLength: length }));
      expect(recorder.log).toEqual([]);
      expect(recorder.parser.payloadLength).toBe(Number(length));
      expect(platform.allocatedLength).toBe(0);
    }
  });

  it('goes on where the handler stopped it', () => {
    const input = concat([
      frameTo(role, { opcode: 'text', payload: 'one' }),
      frameTo(role, { opcode: 'text' }),
      frameTo(role, { opcode: 'ping', payload: 'two' }),
      frameTo(role, { opcode: 'pong' }),
    ]);
    for (const [stopsAtHeaders, stopsAtPieces] of [
      [true, false],
      [false, true],
      [true, true],
    ]) {
      const { events } = feedEveryCut(input, (chunks) => {
        const recorder = new FrameRecorder(role);
        recorder.stopsAtHeaders = stopsAtHeaders ?? false;
        recorder.stopsAtPieces = stopsAtPieces ?? false;
        for (const chunk of chunks) feedWithStops(recorder.parser, chunk.slice());
        return { events: recorder.log, sent: [] };
      });
      expect(events).toEqual(['81 "one"', '81 ""', '89 "two"', '8A ""']);
    }
  });

  it('says how much it used when it stops', () => {
    const first = frameTo(role, { opcode: 'text', payload: 'one' });
    const second = frameTo(role, { opcode: 'text', payload: 'two' });
    const recorder = new FrameRecorder(role);
    recorder.stopsAtPieces = true;
    expect(recorder.parser.parse(concat([first, second]))).toBe(first.length);
    recorder.stopsAtPieces = false;
    expect(recorder.parser.parse(second)).toBe(second.length);
  });

  it('allocates no more than one header for a frame, however it is cut', () => {
    const platform = new CountingPlatform();
    const recorder = new FrameRecorder(role, platform);
    const frame = frameTo(role, { opcode: 'binary', payload: new Uint8Array(70_000) });
    for (const byte of frame) recorder.parser.parse(Uint8Array.of(byte));
    expect(recorder.log.length).toBe(1);
    expect(platform.allocationCount).toBe(1);
    expect(platform.allocatedLength).toBe(HEADER_MAX_LENGTH);
  });

  it('costs calls in proportion to the chunks, and masks each byte once', () => {
    const calls = [1000, 2000].map((length) => {
      const platform = new CountingPlatform();
      const recorder = new FrameRecorder(role, platform);
      const frame = frameTo(role, { opcode: 'binary', payload: new Uint8Array(length) });
      for (const byte of frame) recorder.parser.parse(Uint8Array.of(byte));
      expect(platform.maskedLength).toBe(role === 'server' ? length : 0);
      return platform.callCount;
    });
    expect(calls[1]!).toBeLessThanOrEqual(calls[0]! * 2);
  });
});

/** Parses until nothing is left; a stopped parser may have a frame to finish without any byte. */
function feedWithStops(parser: FrameParser, chunk: Uint8Array): void {
  let rest = chunk;
  while (rest.length > 0) rest = rest.subarray(parser.parse(rest));
  parser.parse(rest);
}

describe('Unmasking', () => {
  it('happens where the payload lies, and changes nothing beside it', () => {
    const frame = buildFrame({ opcode: 'text', payload: 'Hello', maskingKey: EXAMPLE_KEY });
    const input = concat([frame, hex('8A')]);
    new FrameRecorder('server').parser.parse(input);
    expect(input).toEqual(concat([hex('81 85 37 FA 21 3D'), utf8('Hello'), hex('8A')]));
  });
});
