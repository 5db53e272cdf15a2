import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CLOSING_FRAME,
  serializeDraftBytes,
  serializeDraftText,
} from '../../src/drafts/draft-frame.ts';
import {
  type DraftFrameHandler,
  DraftFrameParser,
  LENGTH_BYTES_MAX,
} from '../../src/drafts/draft-frame-parser.ts';
import { LimitExceededError, type WebSocketError } from '../../src/errors.ts';
import { nodePlatform } from '../../src/node/node-platform.ts';
import { type EventLog, feedEveryCut } from '../support/every-cut.ts';
import { concat, hex, toHex, utf8 } from '../support/hex.ts';

/** Writes down the frames, a text frame in one line however many pieces it came in. */
class Recorder implements DraftFrameHandler {
  readonly log: string[] = [];
  pieceCount = 0;
  goesOn = true;
  #pieces: Uint8Array[] = [];

  onTextStart(): boolean {
    this.#pieces = [];
    return this.goesOn;
  }

  onTextPiece(bytes: Uint8Array, start: number, end: number, isLast: boolean): boolean {
    this.#pieces.push(bytes.slice(start, end));
    this.pieceCount++;
    if (isLast) this.log.push(`text ${toHex(concat(this.#pieces))}`);
    return this.goesOn;
  }

  onClosingFrame(): boolean {
    this.log.push('closing');
    return this.goesOn;
  }

  onFrameError(error: WebSocketError): void {
    const isTooLong = error instanceof LimitExceededError;
    this.log.push(isTooLong ? `too long ${error.limit} ${error.actual}` : error.code);
  }
}

/** Feeds chunks until the parser stops. Each is overwritten afterwards, to expose a kept one. */
function parseChunks(chunks: readonly Uint8Array[], maxLength = 1000): EventLog {
  const recorder = new Recorder();
  const parser = new DraftFrameParser(recorder, maxLength);
  for (const chunk of chunks) {
    const copy = chunk.slice();
    const used = parser.parse(copy);
    copy.fill(0);
    if (used < copy.length) break;
    if (recorder.log.some((line) => line.startsWith('too long') || line.startsWith('WS_'))) break;
  }
  return { events: recorder.log, sent: [] };
}

function parseEveryCut(input: Uint8Array, maxLength?: number): readonly string[] {
  return feedEveryCut(input, (chunks) => parseChunks(chunks, maxLength)).events;
}

describe('text frames of the drafts (hybi-00 §5.3)', () => {
  it('hands over what stands between 00 and FF', () => {
    expect(parseEveryCut(hex('00 48 65 FF'))).toEqual(['text 48 65']);
  });

  it('hands over an empty text', () => {
    expect(parseEveryCut(hex('00 FF 00 FF'))).toEqual(['text ', 'text ']);
  });

  it('takes every type without the high bit for text, and 80 and 00 within it for text', () => {
    expect(parseEveryCut(hex('7F 00 80 FF'))).toEqual(['text 00 80']);
  });

  it('says that a frame is cut until its FF has come', () => {
    const parser = new DraftFrameParser(new Recorder(), 1000);
    expect(parser.isBetweenFrames).toBe(true);
    parser.parse(hex('00 48'));
    expect(parser.isBetweenFrames).toBe(false);
    parser.parse(hex('FF'));
    expect(parser.isBetweenFrames).toBe(true);
  });

  it('accepts text of maxLength bytes and reports the next byte, before the frame ends', () => {
    expect(parseEveryCut(hex('00 61 62 63 FF'), 3)).toEqual(['text 61 62 63']);
    expect(parseEveryCut(hex('00 61 62 63 64'), 3)).toEqual(['too long 3 4']);
    expect(parseEveryCut(hex('00 61 62 63 64 65 66 FF 00 FF'), 3)).toEqual(['too long 3 4']);
  });

  it('hands over a chunk as one piece, and nothing for a chunk that is empty', () => {
    const recorder = new Recorder();
    const parser = new DraftFrameParser(recorder, Number.POSITIVE_INFINITY);
    parser.parse(hex('00'));
    parser.parse(new Uint8Array(0));
    expect(recorder.pieceCount).toBe(0);
    parser.parse(new Uint8Array(5000).fill(0x61));
    expect(recorder.pieceCount).toBe(1);
  });
});

describe('frames with a length (hybi-00 §5.3)', () => {
  it('skips as many bytes as the 7-bit groups say, whatever they are', () => {
    expect(parseEveryCut(hex('80 03 00 FF 00 00 61 FF'))).toEqual(['text 61']);
    const skipped = concat([hex('81 81 00'), new Uint8Array(128).fill(0xff)]);
    expect(parseEveryCut(concat([skipped, hex('00 61 FF')]))).toEqual(['text 61']);
  });

  it('takes a frame of no length that is not FF 00 for nothing', () => {
    expect(parseEveryCut(hex('80 00 FE 00 00 FF'))).toEqual(['text ']);
  });

  it('takes a frame FF that has a length for one to skip', () => {
    expect(parseEveryCut(hex('FF 02 FF 00 00 61 FF'))).toEqual(['text 61']);
  });

  it('accepts a length of maxLength and reports a greater one before its last byte', () => {
    expect(parseEveryCut(concat([hex('80 03'), hex('01 02 03')]), 3)).toEqual([]);
    expect(parseEveryCut(hex('80 04'), 3)).toEqual(['too long 3 4']);
    expect(parseEveryCut(hex('80 84 80 80'), 3)).toEqual(['too long 3 4']);
  });

  it('reports a length that never ends, be it of zeros', () => {
    const zeros = new Uint8Array(1 + LENGTH_BYTES_MAX).fill(0x80);
    expect(parseEveryCut(concat([zeros, zeros]))).toEqual(['WS_LENGTH_NOT_MINIMAL']);
  });

  it('reads a length with leading zeros', () => {
    expect(parseEveryCut(hex('80 80 80 01 AA 00 FF'))).toEqual(['text ']);
  });

  it('reads the greatest length that a number holds exactly, and reports a greater one', () => {
    const greatest = concat([hex('80'), new Uint8Array(LENGTH_BYTES_MAX).fill(0xff)]);
    greatest[LENGTH_BYTES_MAX] = 0x7f;
    expect(parseEveryCut(greatest, Number.POSITIVE_INFINITY)).toEqual([]);
    greatest[LENGTH_BYTES_MAX] = 0xff;
    const [line] = parseEveryCut(concat([greatest, hex('7F')]), Number.POSITIVE_INFINITY);
    expect(line).toMatch(/^too long 562949953421311 /);
  });
});

describe('closing frames (hybi-00 §5.3)', () => {
  it('reports FF 00, and goes on if the handler does', () => {
    expect(parseEveryCut(hex('FF 00 00 61 FF'))).toEqual(['closing', 'text 61']);
  });

  it('is FF 00 when it is sent', () => {
    expect(toHex(CLOSING_FRAME)).toBe('FF 00');
  });
});

describe('stopping', () => {
  it('stops behind the frame that the handler stops at', () => {
    const recorder = new Recorder();
    recorder.goesOn = false;
    const parser = new DraftFrameParser(recorder, 1000);
    const input = hex('00 61 FF 00 62 FF');
    expect(parser.parse(input)).toBe(1);
    expect(parser.parse(input.subarray(1))).toBe(2);
    expect(recorder.log).toEqual(['text 61']);
  });

  it('remembers across a stop that the limit has been reached', () => {
    const recorder = new Recorder();
    const parser = new DraftFrameParser(recorder, 2);
    parser.parse(hex('00'));
    recorder.goesOn = false;
    expect(parser.parse(hex('61 62 63'))).toBe(2);
    recorder.goesOn = true;
    parser.parse(hex('63'));
    expect(recorder.log).toEqual(['too long 2 3']);
  });
});

describe('properties', () => {
  it('parses what it serializes', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), (texts) => {
        const frames = texts.map((text) => serializeDraftText(nodePlatform, text));
        const log = parseChunks([concat(frames)], Number.POSITIVE_INFINITY).events;
        expect(log).toEqual(texts.map((text) => `text ${toHex(utf8(text))}`));
      }),
    );
  });

  it('makes of any bytes the same events in any cut, and never throws', () => {
    const byte = fc.oneof(fc.constantFrom(0x00, 0x01, 0x80, 0xff), fc.nat(255));
    const bytes = fc.array(byte, { maxLength: 60 }).map((values) => Uint8Array.from(values));
    fc.assert(
      fc.property(bytes, fc.nat(40), (input, maxLength) => {
        parseEveryCut(input, maxLength);
      }),
    );
  });
});

describe('serializing', () => {
  it('writes a string as UTF-8, lone surrogates as U+FFFD', () => {
    expect(toHex(serializeDraftText(nodePlatform, 'é\ud800'))).toBe('00 C3 A9 EF BF BD FF');
  });

  it('refuses encoded text that would end the frame', () => {
    expect(toHex(serializeDraftBytes(nodePlatform, utf8('hi')))).toBe('00 68 69 FF');
    expect(() => serializeDraftBytes(nodePlatform, hex('61 FF 00'))).toThrow(TypeError);
  });
});
