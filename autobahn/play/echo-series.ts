// Long series: message after message, each sent when the echo of the one before has been checked.
//
// Plain ones repeat one payload (9.7, 9.8); compressed ones go through a corpus (12, 13).
import { bytesOf, type Step } from '../cases/case.ts';
import { corpora } from '../cases/corpus.ts';
import type { DeflateAgreement } from '../wire/deflate-negotiation.ts';
import { fragmentMessage, Opcode, type WireFrame } from '../wire/frame.ts';
import type { ReceivedEvent } from '../wire/message-reader.ts';
import { CompressedEchoChecker, compressedMessages } from './compressed-messages.ts';

/** Gives the messages of a series by their index and checks the echoes in order. */
export interface EchoSeries {
  readonly count: number;
  readonly frames: (index: number) => readonly WireFrame[];
  /** @returns why the echo is wrong, or null */
  readonly check: (index: number, event: ReceivedEvent) => string | null;
}

type PlainStep = Extract<Step, { step: 'echoes' }>;
type CompressedStep = Extract<Step, { step: 'compressed echoes' }>;

const RSV1 = 4;

/** A series of one payload. */
export function plainSeries({ opcode, payload, count }: PlainStep): EchoSeries {
  const bytes = bytesOf(payload);
  const type = opcode === Opcode.text ? 'text' : 'binary';
  const frames = [{ opcode, payload: bytes }];
  return {
    count,
    frames: () => frames,
    check: (index, event) => {
      if (event.type !== type) return `a ${event.type} came in place of echo ${index + 1}`;
      return event.payload.equals(bytes) ? null : `echo ${index + 1} differs from its message`;
    },
  };
}

/** A series of compressed messages under the parameters that were negotiated. */
export function compressedSeries(step: CompressedStep, agreement: DeflateAgreement): EchoSeries {
  const { corpus, length, fragmentLength, count } = step;
  const { type } = corpora[corpus];
  const messages = compressedMessages(corpus, length, agreement.suite);
  const checker = new CompressedEchoChecker(corpus, length, agreement.peer);
  return {
    count,
    frames: (index) => fragmentMessage(Opcode[type], messages.payload(index), fragmentLength, RSV1),
    check: (index, event) => {
      if (event.type !== type) return `a ${event.type} came in place of echo ${index + 1}`;
      return checker.check(index, event.payload, event.isCompressed);
    },
  };
}
