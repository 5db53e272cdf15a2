/** Opcodes (RFC 6455 §5.2, §11.8). Control frames are those with the high bit set (§5.5). */

/** Lists the opcodes of RFC 6455; every other value fails the connection. */
export const Opcode = {
  CONTINUATION: 0x0,
  TEXT: 0x1,
  BINARY: 0x2,
  CLOSE: 0x8,
  PING: 0x9,
  PONG: 0xa,
} as const;

export type Opcode = (typeof Opcode)[keyof typeof Opcode];

/** Tells whether RFC 6455 §5.2 defines an opcode. */
export function isKnownOpcode(opcode: number): opcode is Opcode {
  return opcode <= Opcode.BINARY || (opcode >= Opcode.CLOSE && opcode <= Opcode.PONG);
}

/** Tells whether an opcode is that of a control frame (RFC 6455 §5.5). */
export function isControlOpcode(opcode: number): boolean {
  return (opcode & 0x8) !== 0;
}
