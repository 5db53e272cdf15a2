// Section 1, framing: text and binary messages whose lengths lie around the borders of the length
// field (RFC 6455 §5.2).
import { Opcode } from '../wire/frame.ts';
import { type ConformanceCase, type Cut, DROP_AFTER_ONE_SECOND, echoCase, repeat } from './case.ts';

const LENGTHS = [0, 125, 126, 127, 128, 65_535, 65_536, 65_536];
const CHOP_LENGTH = 997;

/** From this length on the peer has ten seconds. */
const LONG = 65_535;

function framingCases(
  prefix: string,
  type: 'text' | 'binary',
  octet: Uint8Array,
): ConformanceCase[] {
  return LENGTHS.map((length, index) => {
    const cut: Cut = index === LENGTHS.length - 1 ? CHOP_LENGTH : 'in one go';
    const payload = repeat(octet, length);
    const title = `A ${type} message of ${length} octets`;
    return echoCase(
      {
        id: `${prefix}.${index + 1}`,
        title: cut === 'in one go' ? `${title}.` : `${title}, sent in chops of ${cut} octets.`,
        steps: [{ step: 'send', frames: [{ opcode: Opcode[type], payload }], cut }],
        patience: length < LONG ? DROP_AFTER_ONE_SECOND : { ms: 10_000, end: 'drop' },
      },
      [{ type, payload }],
    );
  });
}

/** The cases of section 1. */
export const section1: readonly ConformanceCase[] = [
  ...framingCases('1.1', 'text', Buffer.from('*')),
  ...framingCases('1.2', 'binary', Buffer.of(0xfe)),
];
