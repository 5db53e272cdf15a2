import { describe, expect, it } from 'vitest';
import { isControlOpcode, isKnownOpcode, Opcode } from '../../src/frame/opcode.ts';

const ALL_OPCODES = Array.from({ length: 16 }, (_, opcode) => opcode);

describe('Opcodes', () => {
  it('have the numbers of RFC 6455 §5.2', () => {
    expect(Opcode).toEqual({ CONTINUATION: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 });
  });

  it('are known when RFC 6455 §5.2 gives them a meaning, of all sixteen', () => {
    expect(ALL_OPCODES.filter(isKnownOpcode)).toEqual(Object.values(Opcode));
  });

  it('are of control frames when their most significant bit is 1 (RFC 6455 §5.5)', () => {
    expect(ALL_OPCODES.filter(isControlOpcode)).toEqual([8, 9, 10, 11, 12, 13, 14, 15]);
  });
});
