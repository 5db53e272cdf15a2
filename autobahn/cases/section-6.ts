// Section 6, UTF-8 in text messages (RFC 6455 §8.1): invalid octets fail the connection with 1007.
//
// In 6.4 the wrong octet comes long before the end of the message. To fail before the rest is sent
// is OK, to fail when all has arrived is NON-STRICT.
import { Opcode } from '../wire/frame.ts';
import {
  Code,
  type ConformanceCase,
  echoCase,
  type FrameSpec,
  failCase,
  frame,
  hex,
  octets,
  type Payload,
  type Step,
  text,
  type WantedEvent,
} from './case.ts';
import { GREEK_WORD, isValidSequence, utf8Groups } from './utf8-sequences.ts';

const MIXED = Buffer.from('Hello-\u00b5@\u00df\u00f6\u00e4\u00fc\u00e0\u00e1-UTF-8!!');
const EDITED = Buffer.from('edited');
const WITH_SURROGATE = Buffer.concat([GREEK_WORD, hex('ed a0 80'), EDITED]);
const OUT_OF_RANGE = Buffer.concat([GREEK_WORD, hex('f4 90 80 80'), EDITED]);

const textEvent = (payload: Payload): WantedEvent => ({ type: 'text', payload });

function fragmentFrames(parts: readonly Uint8Array[]): FrameSpec[] {
  return parts.map((part, index) => {
    const opcode = index === 0 ? Opcode.text : Opcode.continuation;
    return frame(opcode, part, { fin: index === parts.length - 1 });
  });
}

/** Cuts a payload in three: after so many octets, after so many more, and the rest. */
function cutInThree(payload: Buffer, first: number, second: number): Buffer[] {
  const border = first + second;
  return [payload.subarray(0, first), payload.subarray(first, border), payload.subarray(border)];
}

function fragmented(id: string, title: string, parts: readonly Uint8Array[]): ConformanceCase {
  const steps: Step[] = [{ step: 'send', frames: fragmentFrames(parts), cut: 'in one go' }];
  return echoCase({ id, title, steps }, [textEvent(Buffer.concat(parts))]);
}

function inOctets(payload: Payload): Step {
  return { step: 'fragments', opcode: Opcode.text, payload, fragmentLength: 1 };
}

function failFast(id: string, title: string, steps: readonly Step[]): ConformanceCase {
  const base = failCase({ id, title, steps }, Code.invalidPayload, [{ type: 'pause' }]);
  return {
    ...base,
    expectation:
      'The connection is failed with 1007 after the second part, before the third is sent.',
    wanted: { strict: [{ type: 'pause' }], nonStrict: [{ type: 'pause' }, { type: 'pause' }] },
  };
}

function failFastInFragments(id: string, first: number, second: number): ConformanceCase {
  const frames = fragmentFrames(cutInThree(OUT_OF_RANGE, first, second));
  const steps = frames.flatMap<Step>((part, index) => {
    const send: Step = { step: 'send', frames: [part], cut: 'in one go' };
    return index === 0 ? [send] : [{ step: 'pause' }, send];
  });
  return failFast(
    id,
    `Invalid UTF-8 in three fragments of ${first}, ${second} and the other octets, with pauses.`,
    steps,
  );
}

function failFastInParts(id: string, partLengths: readonly number[]): ConformanceCase {
  const lengths = partLengths.join(', ');
  const title = `Invalid UTF-8 in one frame, sent in chops of ${lengths} and the other octets`;
  return failFast(id, `${title}, with pauses.`, [
    { step: 'parts', frame: text(OUT_OF_RANGE), partLengths },
  ]);
}

function sequenceCase(id: string, title: string, sequence: Buffer): ConformanceCase {
  const steps: Step[] = [{ step: 'send', frames: [text(sequence)], cut: 'in one go' }];
  const draft = {
    id,
    steps,
    title: `A text of ${title}: ${sequence.toString('hex')}.`,
    patience: { ms: 500, end: 'drop' },
  } as const;
  return isValidSequence(sequence)
    ? echoCase(draft, [textEvent(sequence)])
    : failCase(draft, Code.invalidPayload);
}

const fragmentation: readonly ConformanceCase[] = [
  echoCase(
    {
      id: '6.1.1',
      title: 'An empty text.',
      steps: [{ step: 'send', frames: [text('')], cut: 'in one go' }],
    },
    [textEvent(octets(''))],
  ),
  fragmented('6.1.2', 'A text in three fragments, all empty.', [hex(''), hex(''), hex('')]),
  fragmented('6.1.3', 'A text in three fragments, the first and the last empty.', [
    hex(''),
    MIXED,
    hex(''),
  ]),
  fragmented('6.2.1', 'Valid UTF-8 in one frame.', [MIXED]),
  fragmented('6.2.2', 'Valid UTF-8 in two fragments, cut between two code points.', [
    MIXED.subarray(0, 8),
    MIXED.subarray(8),
  ]),
  echoCase(
    { id: '6.2.3', title: 'Valid UTF-8 in fragments of one octet.', steps: [inOctets(MIXED)] },
    [textEvent(MIXED)],
  ),
  echoCase(
    {
      id: '6.2.4',
      title: 'A Greek word in fragments of one octet.',
      steps: [inOctets(GREEK_WORD)],
    },
    [textEvent(GREEK_WORD)],
  ),
  failCase(
    {
      id: '6.3.1',
      title: 'A surrogate amid valid text, in one frame.',
      steps: [{ step: 'send', frames: [text(WITH_SURROGATE)], cut: 'in one go' }],
    },
    Code.invalidPayload,
  ),
  failCase(
    {
      id: '6.3.2',
      title: 'A surrogate amid valid text, in fragments of one octet.',
      steps: [inOctets(WITH_SURROGATE)],
    },
    Code.invalidPayload,
  ),
  failFastInFragments('6.4.1', 11, 4),
  failFastInFragments('6.4.2', 12, 1),
  failFastInParts('6.4.3', [11, 4]),
  failFastInParts('6.4.4', [12, 1]),
];

/** The cases of section 6. */
export const section6: readonly ConformanceCase[] = [
  ...fragmentation,
  ...utf8Groups.flatMap(({ subsection, title, sequences }) =>
    sequences.map((sequence, index) => sequenceCase(`${subsection}.${index + 1}`, title, sequence)),
  ),
];
