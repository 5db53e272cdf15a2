// Puts a case into words for its report page: what is sent, what is wanted.
import type { ConformanceCase, FrameSpec, Step, WantedEvent } from '../cases/case.ts';
import { corpora } from '../cases/corpus.ts';
import { describeEvent } from '../play/event-matcher.ts';
import { describeFrame } from '../wire/wire-log.ts';

/** How many frames of a step are listed one by one. */
const FRAMES_SHOWN = 12;

function nameFrame(frame: FrameSpec): string {
  const { payload } = frame;
  if (payload instanceof Uint8Array) return describeFrame({ ...frame, payload });
  const described = describeFrame({ ...frame, payload: payload.pattern.subarray(0, 10) });
  return described.replace(/ \d+ octets/, ` ${payload.length} octets of`);
}

function describeStep(step: Step): string[] {
  switch (step.step) {
    case 'send': {
      const cut = typeof step.cut === 'number' ? `in chops of ${step.cut} octets` : step.cut;
      const frames = step.frames.slice(0, FRAMES_SHOWN).map(nameFrame);
      return [`Send ${cut}:`, ...frames.map((frame) => `  ${frame}`)];
    }
    case 'fragments': {
      const fragments = `fragments of ${step.fragmentLength} octets, the last one shorter or empty`;
      return [`Send in one go a message of ${step.payload.length} octets in ${fragments}.`];
    }
    case 'pause':
      return ['Pause.'];
    case 'parts': {
      const parts = `parts of ${step.partLengths.join(', ')} and the other octets`;
      return [`Send one frame in ${parts}, with a pause after each:`, `  ${nameFrame(step.frame)}`];
    }
    case 'echoes': {
      const messages = `${step.count} messages of ${step.payload.length} octets`;
      return [`Send ${messages}, each when the one before is back.`];
    }
    case 'compressed echoes': {
      const data = `${step.length} octets of ${corpora[step.corpus].title}`;
      const messages = `${step.count} compressed messages of ${data}`;
      return [`Send ${messages}, each when the one before is back.`];
    }
  }
}

/** Says what a case sends, a line each. */
export function describeSteps({ steps }: ConformanceCase): string[] {
  return steps.flatMap(describeStep);
}

function nameEvents(events: readonly WantedEvent[]): string[] {
  return events.length === 0 ? ['nothing'] : events.map(describeEvent);
}

/** Says what a case wants, a line each, under a heading each. */
export function describeWanted({ wanted, close }: ConformanceCase): Map<string, string[]> {
  const codes = close.codes.map((code) => code ?? 'no code').join(' or ');
  const sections = new Map([['Wanted events', nameEvents(wanted.strict)]]);
  if (wanted.nonStrict !== undefined) {
    sections.set('Tolerated events (NON-STRICT)', nameEvents(wanted.nonStrict));
  }
  const closer = close.startedBy === 'suite' ? 'closed by the suite' : 'failed by the peer';
  return sections.set('Wanted close', [`${closer}; the Close of the peer has ${codes}`]);
}
