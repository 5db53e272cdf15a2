/**
 * THREATS 6: reserved bits on each type of frame where permessage-deflate has RSV1 (RFC 7692 §6).
 */

import { describe, expect, it } from 'vitest';
import type { Role } from '../../src/connection/options.ts';
import { zlibCodec } from '../../src/node/zlib-codec.ts';
import { agree, extendedConnection, ownDeflate, RSV1 } from '../extensions/extended-connections.ts';
import { feedEveryCut } from '../support/every-cut.ts';
import { describeFrames, type FrameSpec, frameTo } from '../support/frames.ts';
import { concat, hex } from '../support/hex.ts';
import { takeBytes } from '../support/recorded-connection.ts';

const ROLES: readonly Role[] = ['client', 'server'];
const RSV = [1, 2, 3, 4, 5, 6, 7];
const HELLO = hex('F2 48 CD C9 C9 07 00');
const FAILED = { events: ['error WS_RESERVED_BIT'], sent: ['close 1002'] };

describe.each(ROLES)('Reserved bits at a %s with permessage-deflate', (role) => {
  const log = (...frames: FrameSpec[]) =>
    feedEveryCut(concat(frames.map((spec) => frameTo(role, spec))), (chunks) => {
      const extension = ownDeflate(zlibCodec);
      const sessions = agree([extension], [extension])[role];
      const { connection, handler } = extendedConnection(role, sessions);
      for (const chunk of chunks) connection.receive(chunk.slice());
      return { events: handler.log, sent: describeFrames(role, takeBytes(connection)) };
    });

  it.each(['text', 'binary'] as const)('fail a %s frame, but for RSV1 alone', (opcode) => {
    for (const rsv of RSV) {
      const result = log({ opcode, rsv, payload: HELLO });
      if (rsv !== RSV1) expect(result).toEqual(FAILED);
      else expect(result).toEqual({ events: [`${opcode} "Hello"`], sent: [] });
    }
  });

  it.each(['ping', 'pong', 'close'] as const)('fail a %s, also between fragments', (opcode) => {
    for (const rsv of RSV) {
      const control: FrameSpec = { opcode, rsv, payload: opcode === 'close' ? hex('03 E8') : 'ab' };
      expect(log(control)).toEqual(FAILED);
      expect(log({ opcode: 'text', rsv: RSV1, fin: false, payload: HELLO }, control)).toEqual(
        FAILED,
      );
    }
  });

  it('fail a continuation, of a message that is compressed and of one that is not', () => {
    for (const rsv of RSV) {
      for (const first of [0, RSV1]) {
        const begun: FrameSpec = { opcode: 'text', rsv: first, fin: false, payload: HELLO };
        if (first === 0) Object.assign(begun, { payload: 'a' });
        expect(log(begun, { opcode: 'continuation', rsv, payload: '' })).toEqual(FAILED);
      }
    }
  });

  it('fail an opcode that is none, as that', () => {
    const { events } = log({ opcode: 3, rsv: RSV1 });
    expect(events.length).toBe(1);
    expect(events[0]).toMatch(/^error WS_(RESERVED_BIT|UNKNOWN_OPCODE)$/);
  });
});
