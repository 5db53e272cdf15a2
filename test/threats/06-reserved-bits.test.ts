/**
 * THREATS 6: reserved bits on each type of frame, without an extension that gives them a meaning.
 */

import { describe, expect, it } from 'vitest';
import type { Role } from '../../src/connection/options.ts';
import { frameTo, type OpcodeName } from '../support/frames.ts';
import { concat, hex } from '../support/hex.ts';
import { logOfEveryCut } from '../support/run-connection.ts';

const ROLES: readonly Role[] = ['client', 'server'];
const RSV = [1, 2, 3, 4, 5, 6, 7];
const FAILED = { events: ['error WS_RESERVED_BIT', 'close 1006 unclean'], sent: ['close 1002'] };

describe.each(ROLES)('Reserved bits at a %s (RFC 6455 §5.2)', (role) => {
  it.each(['text', 'binary', 'close', 'ping', 'pong'] as const)(
    'fail a %s',
    (opcode: OpcodeName) => {
      for (const rsv of RSV) {
        const payload = opcode === 'close' ? hex('03 E8') : 'ab';
        const input = frameTo(role, { opcode, rsv, payload });
        expect(logOfEveryCut({ role }, input)).toEqual(FAILED);
      }
    },
  );

  it('fail a continuation', () => {
    for (const rsv of RSV) {
      const first = frameTo(role, { opcode: 'text', fin: false, payload: 'a' });
      const second = frameTo(role, { opcode: 'continuation', rsv, payload: 'b' });
      expect(logOfEveryCut({ role }, concat([first, second]))).toEqual(FAILED);
    }
  });

  it('fail a control frame between fragments, where RSV1 of the message would be legal', () => {
    for (const opcode of ['ping', 'pong', 'close'] as const) {
      const first = frameTo(role, { opcode: 'text', fin: false, payload: 'a' });
      const control = frameTo(role, { opcode, rsv: 4 });
      expect(logOfEveryCut({ role }, concat([first, control]))).toEqual(FAILED);
    }
  });
});
