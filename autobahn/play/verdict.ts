// Turns what happened in a case into a verdict, in the words of the Autobahn suite, but stricter.
//
// Two judgements: `behavior` on the event log, `behaviorClose` on the closing handshake. A case is OK when both are. Unlike the
// Autobahn suite this one wants a Close frame with a wanted code wherever the connection is to be failed: just dropping TCP is
// UNCLEAN, a Close without code is WRONG CODE unless the case allows it.
import type { ConformanceCase } from '../cases/case.ts';
import type { WireLogEntry } from '../wire/wire-log.ts';

/** Names what a case can come to. */
export type Behavior =
  | 'OK'
  | 'NON-STRICT'
  | 'WRONG CODE'
  | 'UNCLEAN'
  | 'FAILED BY CLIENT'
  | 'INFORMATIONAL'
  | 'UNIMPLEMENTED'
  | 'FAILED';

/** Holds what was seen of one case when its connection is over. */
export interface Observation {
  /** The log as words, one an event. */
  readonly events: readonly string[];
  /** Which wanted log the events equal. */
  readonly match: 'strict' | 'non-strict' | null;
  /** Why the case cannot be OK, whatever else happened: a broken rule, a wrong echo, a time limit. */
  readonly fault: string | null;
  /** Why the case could not be played at all: a missing extension. */
  readonly unimplemented: string | null;
  readonly closeStartedBy: 'suite' | 'peer' | null;
  /** The code of the peer's Close; null without one, undefined without a Close. */
  readonly remoteCloseCode: number | null | undefined;
  readonly hasDroppedTcp: boolean;
  readonly wasReset: boolean;
}

/** Holds the verdict on one case. */
export interface CaseResult {
  readonly id: string;
  readonly behavior: Behavior;
  readonly behaviorClose: Behavior;
  /** Why the two are as they are, in one sentence each. */
  readonly reason: string;
  readonly reasonClose: string;
  readonly remoteCloseCode: number | null;
  readonly durationMs: number;
  readonly events: readonly string[];
  readonly wireLog: readonly WireLogEntry[];
}

interface Judgement {
  readonly behavior: Behavior;
  readonly reason: string;
}

function judgeEvents(observation: Observation): Judgement {
  const { fault, unimplemented, match, events } = observation;
  if (fault !== null) return { behavior: 'FAILED', reason: sentence(fault) };
  if (unimplemented !== null) return { behavior: 'UNIMPLEMENTED', reason: sentence(unimplemented) };
  if (match === 'strict') return { behavior: 'OK', reason: 'The event log is as wanted.' };
  if (match === 'non-strict') {
    return {
      behavior: 'NON-STRICT',
      reason: 'The event log is tolerable, but not the wanted one.',
    };
  }
  const seen = events.length === 0 ? 'nothing' : events.join(', ');
  return { behavior: 'FAILED', reason: `The connection ended after: ${seen}.` };
}

function judgeClose({ close }: ConformanceCase, observation: Observation): Judgement {
  const { closeStartedBy, remoteCloseCode, hasDroppedTcp, wasReset } = observation;
  if (closeStartedBy !== close.startedBy) {
    const by = closeStartedBy === null ? 'never' : `by the ${closeStartedBy}`;
    const code = remoteCloseCode === undefined ? 'without a Close' : `with ${remoteCloseCode}`;
    const detail = closeStartedBy === 'peer' ? ` ${code}` : '';
    return {
      behavior: 'FAILED',
      reason: `The connection was to be closed by the ${close.startedBy}, and was closed ${by}${detail}.`,
    };
  }
  if (remoteCloseCode === undefined) {
    return { behavior: 'UNCLEAN', reason: 'TCP ended without a Close frame of the peer.' };
  }
  if (!close.codes.includes(remoteCloseCode)) {
    const wanted = close.codes.map((code) => code ?? 'none').join(' or ');
    return {
      behavior: 'WRONG CODE',
      reason: `The close code is ${remoteCloseCode ?? 'missing'}; wanted: ${wanted}.`,
    };
  }
  if (wasReset) {
    return { behavior: 'UNCLEAN', reason: 'The server reset TCP after the closing handshake.' };
  }
  if (hasDroppedTcp) {
    return { behavior: 'FAILED BY CLIENT', reason: 'The server did not end TCP after the Close.' };
  }
  return { behavior: 'OK', reason: 'The connection was closed as wanted.' };
}

function sentence(reason: string): string {
  return `${reason.charAt(0).toUpperCase()}${reason.slice(1)}${reason.endsWith('.') ? '' : '.'}`;
}

/** Judges a case that was played. */
export function judge(
  conformanceCase: ConformanceCase,
  observation: Observation,
  durationMs: number,
  wireLog: readonly WireLogEntry[],
): CaseResult {
  const events = judgeEvents(observation);
  const close = judgeClose(conformanceCase, observation);
  const isLeftOpen = conformanceCase.isInformational === true && observation.fault === null;
  return {
    id: conformanceCase.id,
    behavior: isLeftOpen ? 'INFORMATIONAL' : events.behavior,
    behaviorClose: isLeftOpen ? 'INFORMATIONAL' : close.behavior,
    reason: events.reason,
    reasonClose: close.reason,
    remoteCloseCode: observation.remoteCloseCode ?? null,
    durationMs: Math.round(durationMs),
    events: observation.events,
    wireLog,
  };
}

/** Makes the result of a case that could not even begin: no connection, no handshake, no answer. */
export function failedBeforeStart(
  { id }: ConformanceCase,
  reason: string,
  durationMs: number,
  wireLog: readonly WireLogEntry[] = [],
): CaseResult {
  return {
    id,
    behavior: 'FAILED',
    behaviorClose: 'FAILED',
    reason: sentence(reason),
    reasonClose: 'There was no WebSocket connection to close.',
    remoteCloseCode: null,
    durationMs: Math.round(durationMs),
    events: [],
    wireLog,
  };
}

/** Puts both judgements of a case into one word: the first that is not OK. */
export function overallBehavior(result: {
  readonly behavior: Behavior;
  readonly behaviorClose: Behavior;
}): Behavior {
  return result.behavior === 'OK' ? result.behaviorClose : result.behavior;
}

/** Tells whether a run may be called green with this case in it. */
export function isAcceptable(result: {
  readonly behavior: Behavior;
  readonly behaviorClose: Behavior;
}): boolean {
  return ['OK', 'INFORMATIONAL'].includes(overallBehavior(result));
}
