// Turns what happened in a case into a verdict, in the words of the Autobahn suite.
//
// Two judgements: `behavior` on the event log, `behaviorClose` on how the connection ended. A case
// is OK when both are. What is not OK in Autobahn gets the same word here; docs/conformance.md
// lists what is OK there and not here. Above all, where the connection is to be failed, this suite
// wants a Close with the code.
import type { ConformanceCase } from '../cases/case.ts';
import type { Role } from '../wire/connection.ts';
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
  readonly suiteRole: Role;
  /** The log as words, one an event. */
  readonly events: readonly string[];
  /** Which wanted log the events equal. */
  readonly match: 'strict' | 'non-strict' | null;
  /** Why the case cannot be OK, whatever else happened: a broken rule, a wrong echo. */
  readonly fault: string | null;
  /** Why the case could not be played at all: a missing extension. */
  readonly unimplemented: string | null;
  /** After how many milliseconds the suite lost patience, if it did. */
  readonly timeUpAfterMs: number | null;
  /** Null when nobody started to close before the suite dropped TCP. */
  readonly closeStartedBy: 'suite' | 'peer' | null;
  /** The code of the peer's Close; null without one, undefined without a Close. */
  readonly remoteCloseCode: number | null | undefined;
  /** Whether the suite dropped TCP because the peer took too long. */
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

function judgeEvents(
  { close }: ConformanceCase,
  observation: Observation,
  closing: Judgement,
): Judgement {
  const { fault, unimplemented, match } = observation;
  if (fault !== null) return { behavior: 'FAILED', reason: sentence(fault) };
  if (unimplemented !== null) return { behavior: 'UNIMPLEMENTED', reason: sentence(unimplemented) };
  if (close.isCodeTested && closing.behavior === 'WRONG CODE') {
    return { behavior: 'FAILED', reason: closing.reason };
  }
  if (match === 'strict') return { behavior: 'OK', reason: 'The event log is as wanted.' };
  if (match === 'non-strict') {
    const reason = 'The event log is tolerable, but not the wanted one.';
    return { behavior: 'NON-STRICT', reason };
  }
  return { behavior: 'FAILED', reason: describeEnd(observation) };
}

function describeEnd({ events, timeUpAfterMs }: Observation): string {
  const seen = events.length === 0 ? 'nothing' : events.join(', ');
  if (timeUpAfterMs === null) return `The connection ended after: ${seen}.`;
  return `Not over within ${timeUpAfterMs} ms, after: ${seen}.`;
}

/** Judges the end of a connection, in the order in which Autobahn asks. */
function judgeClose({ close }: ConformanceCase, observation: Observation): Judgement {
  const { closeStartedBy, remoteCloseCode, hasDroppedTcp, suiteRole, wasReset } = observation;
  const isUndecided = closeStartedBy === null && hasDroppedTcp && close.startedBy === 'peer';
  if (closeStartedBy !== close.startedBy && !isUndecided) return judgeWrongCloser(observation);
  if (remoteCloseCode === undefined) {
    return hasDroppedTcp && !close.isClean
      ? { behavior: tooLate(suiteRole), reason: 'No Close frame of the peer in time.' }
      : { behavior: 'UNCLEAN', reason: 'TCP ended without a Close frame of the peer.' };
  }
  const isTcpLate = hasDroppedTcp && suiteRole === 'client';
  const lateReason = 'The server did not end TCP in time after the Close.';
  if (isTcpLate && close.isClean) return { behavior: 'UNCLEAN', reason: lateReason };
  if (!close.codes.includes(remoteCloseCode)) {
    const wanted = close.codes.map((code) => code ?? 'none').join(' or ');
    const reason = `The close code is ${remoteCloseCode ?? 'missing'}; wanted: ${wanted}.`;
    return { behavior: 'WRONG CODE', reason };
  }
  if (wasReset) {
    return { behavior: 'UNCLEAN', reason: 'The server reset TCP after the closing handshake.' };
  }
  if (isTcpLate) return { behavior: 'FAILED BY CLIENT', reason: lateReason };
  return { behavior: 'OK', reason: 'The connection was closed as wanted.' };
}

function judgeWrongCloser({ closeStartedBy, remoteCloseCode }: Observation): Judgement {
  if (closeStartedBy === null) {
    return { behavior: 'FAILED', reason: 'The connection was not closed by either side.' };
  }
  const code = remoteCloseCode === undefined ? 'without a Close' : `with ${remoteCloseCode}`;
  const detail = closeStartedBy === 'peer' ? ` ${code}` : '';
  const reason = `The wrong side closed the connection: the ${closeStartedBy}${detail}.`;
  return { behavior: 'FAILED', reason };
}

/** The word for a peer that had to fail the connection and did not, until the suite dropped TCP. */
function tooLate(suiteRole: Role): Behavior {
  return suiteRole === 'client' ? 'FAILED BY CLIENT' : 'FAILED';
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
  const close = judgeClose(conformanceCase, observation);
  const events = judgeEvents(conformanceCase, observation, close);
  const isAnswered = observation.remoteCloseCode !== undefined || !observation.hasDroppedTcp;
  const isLeftOpen =
    conformanceCase.isInformational === true && observation.fault === null && isAnswered;
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
