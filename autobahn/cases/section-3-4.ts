// Sections 3 and 4: reserved bits and reserved opcodes (RFC 6455 §5.2) fail the connection with
// 1002.
//
// In most cases a good message goes before, and its echo has to arrive. A peer that drops it with
// the rest is NON-STRICT.
import { Opcode } from '../wire/frame.ts';
import {
  Code,
  type ConformanceCase,
  type Cut,
  type FrameSpec,
  failCase,
  frame,
  hex,
  octets,
  text,
} from './case.ts';

const HELLO = 'Hello, world!';
const BINARY = hex('00 ff fe fd fc fb 00 ff');
const ECHO = [{ type: 'text', payload: octets(HELLO) }] as const;

function alone(id: string, title: string, bad: FrameSpec): ConformanceCase {
  return failCase(
    { id, title, steps: [{ step: 'send', frames: [bad], cut: 'in one go' }] },
    Code.protocolError,
  );
}

function afterGoodText(id: string, title: string, bad: FrameSpec, cut: Cut): ConformanceCase {
  const frames = [text(HELLO), bad, frame(Opcode.ping)];
  return failCase(
    {
      id,
      title: `A good text, then ${title}, then a ping, ${cut}.`,
      steps: [{ step: 'send', frames, cut }],
    },
    Code.protocolError,
    ECHO,
  );
}

/** The cases of section 3. */
export const section3: readonly ConformanceCase[] = [
  alone('3.1', 'A text with RSV = 1.', text(HELLO, { rsv: 1 })),
  afterGoodText('3.2', 'a text with RSV = 2', text(HELLO, { rsv: 2 }), 'in one go'),
  afterGoodText('3.3', 'a text with RSV = 3', text(HELLO, { rsv: 3 }), 'frame-wise'),
  afterGoodText('3.4', 'a text with RSV = 4', text(HELLO, { rsv: 4 }), 'octet-wise'),
  alone('3.5', 'A binary message with RSV = 5.', frame(Opcode.binary, BINARY, { rsv: 5 })),
  alone('3.6', 'A binary message with RSV = 6.', frame(Opcode.binary, BINARY, { rsv: 6 })),
  alone('3.7', 'A Close with RSV = 7.', frame(Opcode.close, '', { rsv: 7 })),
];

function reservedOpcodes(prefix: string, kind: string, first: number): ConformanceCase[] {
  const named = (offset: number): string =>
    `a frame with the reserved ${kind} opcode ${first + offset}`;
  const withPayload = (offset: number): FrameSpec =>
    frame(first + offset, 'reserved opcode payload');
  return [
    alone(`${prefix}.1`, `${named(0).replace('a', 'A')}, empty.`, frame(first)),
    alone(`${prefix}.2`, `${named(1).replace('a', 'A')}, with payload.`, withPayload(1)),
    afterGoodText(`${prefix}.3`, `${named(2)}, empty`, frame(first + 2), 'in one go'),
    afterGoodText(`${prefix}.4`, `${named(3)}, with payload`, withPayload(3), 'in one go'),
    afterGoodText(`${prefix}.5`, `${named(4)}, with payload`, withPayload(4), 'octet-wise'),
  ];
}

/** The cases of section 4. */
export const section4: readonly ConformanceCase[] = [
  ...reservedOpcodes('4.1', 'data', 3),
  ...reservedOpcodes('4.2', 'control', 11),
];
