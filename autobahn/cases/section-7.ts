// Section 7, the closing handshake (RFC 6455 §5.5.1, §7): what comes back for each kind of Close.
//
// In 7.1.2 to 7.1.6 the suite sends more after its Close; none of it may be answered. Three are
// INFORMATIONAL: RFC 6455 §7.4.2 defines no codes from 5000 on, and 7.1.6 depends on how fast the
// peer writes.
import { closePayload, Opcode } from '../wire/frame.ts';
import {
  Code,
  type ConformanceCase,
  DROP_AFTER_ONE_SECOND,
  echoCase,
  type FrameSpec,
  frame,
  octets,
  repeat,
  text,
} from './case.ts';
import { GREEK_WORD } from './utf8-sequences.ts';

const VALID_CODES = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999];
const INVALID_CODES = [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999];

const closeFrame = (code?: number, reason: Uint8Array = Buffer.alloc(0)): FrameSpec =>
  frame(Opcode.close, closePayload(code, reason));

function closeCase(
  id: string,
  title: string,
  frames: readonly FrameSpec[],
  codes: readonly (number | null)[],
): ConformanceCase {
  const named = codes.map((code) => (code === null ? 'no code' : code)).join(' or ');
  return {
    id,
    title,
    expectation: `A Close with ${named} comes back, and nothing else.`,
    steps: [{ step: 'send', frames, cut: 'in one go' }],
    wanted: { strict: [] },
    close: { startedBy: 'suite', codes, isClean: codes.includes(Code.normal), isCodeTested: true },
    patience: DROP_AFTER_ONE_SECOND,
  };
}

function informational(base: ConformanceCase, expectation: string): ConformanceCase {
  return { ...base, expectation, isInformational: true };
}

const normalClose = closeFrame(Code.normal);
const hello = { type: 'text', payload: octets('Hello World!') } as const;

function closeAfterEcho(): ConformanceCase {
  const base = echoCase(
    {
      id: '7.1.1',
      title: 'A text; the suite closes when it is back.',
      steps: [{ step: 'send', frames: [text('Hello World!')], cut: 'in one go' }],
      patience: DROP_AFTER_ONE_SECOND,
    },
    [hello],
  );
  return { ...base, close: { ...base.close, isCodeTested: true } };
}

const order: readonly ConformanceCase[] = [
  closeAfterEcho(),
  closeCase('7.1.2', 'A Close, then a second Close.', [normalClose, normalClose], [Code.normal]),
  closeCase('7.1.3', 'A Close, then a ping.', [normalClose, frame(Opcode.ping)], [Code.normal]),
  closeCase('7.1.4', 'A Close, then a text.', [normalClose, text('Hello World!')], [Code.normal]),
  closeCase(
    '7.1.5',
    'A first fragment, a Close, the last fragment.',
    [text('fragment1', { fin: false }), normalClose, frame(Opcode.continuation, 'fragment2')],
    [Code.normal],
  ),
  informational(
    closeCase(
      '7.1.6',
      'A text of 256 KiB, a short text, a Close, a ping.',
      [text(repeat('BAsd7&jh23', 262_144)), text('Hello World!'), normalClose, frame(Opcode.ping)],
      [Code.normal],
    ),
    'How much comes back before the Close is left to the implementation.',
  ),
];

const payloads: readonly ConformanceCase[] = [
  closeCase('7.3.1', 'A Close without payload.', [closeFrame()], [Code.normal, null]),
  closeCase(
    '7.3.2',
    'A Close with a payload of one octet.',
    [frame(Opcode.close, 'a')],
    [Code.protocolError],
  ),
  closeCase('7.3.3', 'A Close with a code.', [normalClose], [Code.normal]),
  closeCase(
    '7.3.4',
    'A Close with a code and a reason.',
    [closeFrame(Code.normal, Buffer.from('Hello World!'))],
    [Code.normal],
  ),
  closeCase(
    '7.3.5',
    'A Close with a reason of 123 octets, the longest.',
    [closeFrame(Code.normal, Buffer.alloc(123, '*'))],
    [Code.normal],
  ),
  closeCase(
    '7.3.6',
    'A Close with a payload of 126 octets.',
    [closeFrame(Code.normal, Buffer.alloc(124, '*'))],
    [Code.protocolError],
  ),
  closeCase(
    '7.5.1',
    'A Close whose reason is not UTF-8.',
    [
      closeFrame(
        Code.normal,
        Buffer.concat([GREEK_WORD, Buffer.from('eda080656469746564', 'hex')]),
      ),
    ],
    [Code.protocolError, Code.invalidPayload],
  ),
];

const codes: readonly ConformanceCase[] = [
  ...VALID_CODES.map((code, index) =>
    closeCase(
      `7.7.${index + 1}`,
      `A Close with the valid code ${code}.`,
      [closeFrame(code)],
      [...new Set([Code.normal, code])],
    ),
  ),
  ...INVALID_CODES.map((code, index) =>
    closeCase(
      `7.9.${index + 1}`,
      `A Close with the invalid code ${code}.`,
      [closeFrame(code)],
      [Code.protocolError],
    ),
  ),
  ...[5000, 65_535].map((code, index) =>
    informational(
      closeCase(
        `7.13.${index + 1}`,
        `A Close with the code ${code}.`,
        [closeFrame(code)],
        [Code.normal, code, Code.protocolError],
      ),
      'What comes back is left open by RFC 6455 §7.4.2.',
    ),
  ),
];

/** The cases of section 7. */
export const section7: readonly ConformanceCase[] = [...order, ...payloads, ...codes];
