/**
 * Frames as the load sends and expects them (RFC 6455 §5.2), built once before anything is
 * measured.
 *
 * Written apart from src/ on purpose: a load that used the code it measures would share its
 * mistakes.
 */

import { randomBytes } from 'node:crypto';

export const Opcode = /** @type {const} */ ({
  CONTINUATION: 0,
  TEXT: 1,
  BINARY: 2,
  CLOSE: 8,
  PING: 9,
  PONG: 10,
});

/** @param {number} payloadLength */
export function headerLength(payloadLength) {
  if (payloadLength < 126) return 2;
  return payloadLength < 65_536 ? 4 : 10;
}

/**
 * @param {{ opcode: number; payload: Buffer; fin?: boolean; rsv1?: boolean; masked?: boolean }} frame
 * @returns {Buffer}
 */
export function buildFrame({ opcode, payload, fin = true, rsv1 = false, masked = true }) {
  const start = headerLength(payload.length);
  const frame = Buffer.allocUnsafe(start + (masked ? 4 : 0) + payload.length);
  frame[0] = (fin ? 0x80 : 0) | (rsv1 ? 0x40 : 0) | opcode;
  const maskBit = masked ? 0x80 : 0;
  if (start === 2) {
    frame[1] = maskBit | payload.length;
  } else if (start === 4) {
    frame[1] = maskBit | 126;
    frame.writeUInt16BE(payload.length, 2);
  } else {
    frame[1] = maskBit | 127;
    frame.writeBigUInt64BE(BigInt(payload.length), 2);
  }
  if (!masked) {
    payload.copy(frame, start);
    return frame;
  }
  const key = randomBytes(4);
  key.copy(frame, start);
  for (let index = 0; index < payload.length; index++) {
    frame[start + 4 + index] = (payload[index] ?? 0) ^ (key[index & 3] ?? 0);
  }
  return frame;
}

/**
 * Counts whole data messages in a stream of unmasked frames, cut anywhere, without looking at
 * payloads.
 *
 * Used where answers have no length known in advance: under compression.
 */
export class MessageCounter {
  #header = Buffer.alloc(14);
  #headerRead = 0;
  #headerWanted = 2;
  #payloadLeft = 0;
  #countsWhenDone = false;

  /**
   * @param {Buffer} chunk
   * @param {number} end
   * @returns {number} messages that ended in this chunk
   */
  push(chunk, end) {
    let messages = 0;
    let offset = 0;
    while (offset < end) {
      if (this.#payloadLeft > 0) {
        const taken = Math.min(this.#payloadLeft, end - offset);
        this.#payloadLeft -= taken;
        offset += taken;
      } else {
        this.#header[this.#headerRead++] = chunk[offset++] ?? 0;
        if (this.#headerRead === 2) this.#readFirstBytes();
        if (this.#headerRead < this.#headerWanted) continue;
        this.#readLength();
      }
      if (this.#payloadLeft === 0 && this.#countsWhenDone) messages += 1;
    }
    return messages;
  }

  #readFirstBytes() {
    const length = (this.#header[1] ?? 0) & 0x7f;
    this.#headerWanted = length < 126 ? 2 : length === 126 ? 4 : 10;
  }

  #readLength() {
    const first = this.#header[0] ?? 0;
    const opcode = first & 0x0f;
    if (opcode === Opcode.CLOSE) throw new Error('the peer sent Close');
    if (this.#headerWanted === 2) this.#payloadLeft = (this.#header[1] ?? 0) & 0x7f;
    else if (this.#headerWanted === 4) this.#payloadLeft = this.#header.readUInt16BE(2);
    else this.#payloadLeft = Number(this.#header.readBigUInt64BE(2));
    this.#countsWhenDone = (first & 0x80) !== 0 && opcode < Opcode.CLOSE;
    this.#headerRead = 0;
    this.#headerWanted = 2;
  }
}

/**
 * Splits whole frames out of a buffer and unmasks them where they are masked, for the check of a
 * first answer.
 *
 * @param {Buffer} bytes
 * @returns {{ opcode: number; fin: boolean; rsv1: boolean; payload: Buffer }[]}
 */
export function splitFrames(bytes) {
  const frames = [];
  let offset = 0;
  while (offset < bytes.length) {
    const first = bytes[offset] ?? 0;
    const second = bytes[offset + 1] ?? 0;
    const short = second & 0x7f;
    let start = offset + 2;
    let length = short;
    if (short === 126) {
      length = bytes.readUInt16BE(start);
      start += 2;
    } else if (short === 127) {
      length = Number(bytes.readBigUInt64BE(start));
      start += 8;
    }
    frames.push({
      opcode: first & 0x0f,
      fin: (first & 0x80) !== 0,
      rsv1: (first & 0x40) !== 0,
      payload: second < 0x80 ? bytes.subarray(start, start + length) : unmask(bytes, start, length),
    });
    offset = start + length + (second < 0x80 ? 0 : 4);
  }
  return frames;
}

/**
 * @param {Buffer} bytes
 * @param {number} keyStart
 * @param {number} length
 */
function unmask(bytes, keyStart, length) {
  const start = keyStart + 4;
  return Buffer.from(
    bytes
      .subarray(start, start + length)
      .map((byte, index) => byte ^ (bytes[keyStart + (index & 3)] ?? 0)),
  );
}
