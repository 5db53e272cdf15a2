/**
 * The pipeline: carries messages through the sessions of a connection, in both directions (docs/extensions.md).
 *
 * - An outgoing message passes the sessions in their order, an incoming one in reverse (RFC 6455 §9.1).
 * - A session gets its messages in order, as soon as it can; what comes out keeps the order, whoever answers first.
 * - The first error stops its direction: what is before it comes out, nothing behind it does.
 * - Whatever a session does (throw, answer twice, answer with what is no message) is an error of its direction at most.
 * - `close` waits for the messages that are on their way, then closes the sessions.
 *
 * It does not bound what is on its way: the connection does, by what {@link Pipeline.pendingIncoming} says.
 */

import { Opcode } from '../frame/opcode.ts';
import type { ActiveSession, ExtensionSession, MessageCallback } from './extension.ts';
import type { ExtensionFrame, ExtensionMessage } from './message.ts';
import { rsvOf } from './negotiation.ts';
import { OrderedResults } from './ordered-results.ts';

/** Where the messages go when they are through. */
export interface PipelineSink {
  onIncoming(message: ExtensionMessage): void;
  onOutgoing(message: ExtensionMessage): void;
  /** A session failed: that direction is stopped. Called at most once for each. */
  onFailed(direction: Direction, error: Error): void;
  /** The last message on its way has come out. */
  onIdle(): void;
}

export type Direction = 'incoming' | 'outgoing';

type Process = (
  session: ExtensionSession,
  message: ExtensionMessage,
  callback: MessageCallback,
) => void;
type Outcome = { readonly message: ExtensionMessage } | { readonly error: Error };

const PROCESS: { readonly [direction in Direction]: Process } = {
  incoming: (session, message, callback) => session.processIncomingMessage(message, callback),
  outgoing: (session, message, callback) => session.processOutgoingMessage(message, callback),
};

export class Pipeline {
  /** The reserved bits that the extensions use, where they stand in byte 0 of a frame. */
  readonly rsv: number;
  readonly #sessions: readonly ActiveSession[];
  readonly #sink: PipelineSink;
  readonly #incoming: Lane;
  readonly #outgoing: Lane;
  #isClosing = false;
  #isClosed = false;

  constructor(sessions: readonly ActiveSession[], sink: PipelineSink) {
    this.#sessions = sessions;
    this.#sink = sink;
    this.rsv = sessions.reduce((bits, { extension }) => bits | rsvOf(extension), 0);
    this.#incoming = this.#createLane('incoming', [...sessions].reverse());
    this.#outgoing = this.#createLane('outgoing', sessions);
  }

  /** Incoming messages on their way. */
  get pendingIncoming(): number {
    return this.#incoming.pending;
  }

  /** Outgoing messages on their way. */
  get pendingOutgoing(): number {
    return this.#outgoing.pending;
  }

  /**
   * Tells whether a frame may have its reserved bits, which are some that the extensions use. They belong on the first
   * frame of a message, as `websocket-extensions` has it; a session may be stricter.
   */
  isValidRsv(frame: ExtensionFrame): boolean {
    const isMarked = frame.rsv1 || frame.rsv2 || frame.rsv3;
    if (isMarked && frame.opcode === Opcode.CONTINUATION) return false;
    return this.#sessions.every(({ session }) => session.validFrameRsv?.(frame) ?? true);
  }

  /** Starts an incoming message on its way. */
  pushIncoming(message: ExtensionMessage): void {
    this.#incoming.push(message);
  }

  /** Starts an outgoing message on its way. */
  pushOutgoing(message: ExtensionMessage): void {
    this.#outgoing.push(message);
  }

  /** Closes the sessions, once nothing is on its way. */
  close(): void {
    this.#isClosing = true;
    this.#closeWhenIdle();
  }

  /** Drops what is on its way in a direction: its results go nowhere. */
  stop(direction: Direction): void {
    (direction === 'incoming' ? this.#incoming : this.#outgoing).stop();
  }

  #createLane(direction: Direction, sessions: readonly ActiveSession[]): Lane {
    return new Lane(PROCESS[direction], sessions, {
      deliver: (message) => {
        if (direction === 'incoming') this.#sink.onIncoming(message);
        else this.#sink.onOutgoing(message);
      },
      fail: (error) => this.#sink.onFailed(direction, error),
      idle: () => {
        this.#sink.onIdle();
        this.#closeWhenIdle();
      },
    });
  }

  #closeWhenIdle(): void {
    if (!this.#isClosing || this.#isClosed) return;
    if (this.#incoming.working + this.#outgoing.working > 0) return;
    this.#isClosed = true;
    for (const { session } of this.#sessions) {
      try {
        session.close();
      } catch {
        // The connection is over: there is nobody left to tell, and the other sessions are to be closed all the same.
      }
    }
  }
}

interface LaneOwner {
  deliver(message: ExtensionMessage): void;
  fail(error: Error): void;
  idle(): void;
}

/** One direction: the stages that its messages pass, one for each session. */
class Lane {
  /** Messages that went in and have not come out. */
  pending = 0;
  /** Calls of sessions that have not been answered, also of a lane that was stopped. */
  working = 0;
  readonly #owner: LaneOwner;
  readonly #process: Process;
  readonly #sessions: readonly ActiveSession[];
  /** What comes out of each session. */
  readonly #orders: readonly OrderedResults<Outcome>[];
  /** Whether an error is on its way behind the messages before it. */
  #hasFailed = false;
  #isStopped = false;

  constructor(process: Process, sessions: readonly ActiveSession[], owner: LaneOwner) {
    this.#owner = owner;
    this.#process = process;
    this.#sessions = sessions;
    this.#orders = sessions.map(
      (_, index) => new OrderedResults<Outcome>((outcome) => this.#pass(outcome, index + 1)),
    );
  }

  push(message: ExtensionMessage): void {
    if (this.#isStopped || this.#hasFailed) return;
    this.pending++;
    this.#pass({ message }, 0);
  }

  stop(): void {
    this.#isStopped = true;
    this.pending = 0;
    for (const order of this.#orders) order.clear();
  }

  /** Calls a session; its answer, its exception and a second answer are all dealt with here. */
  #run(stage: number, message: ExtensionMessage, done: (outcome: Outcome) => void): void {
    const { extension, session } = this.#sessions[stage]!;
    let isAnswered = false;
    let thrownByReceiver: { readonly error: unknown } | undefined;
    const answer = (outcome: Outcome): void => {
      if (isAnswered) return;
      isAnswered = true;
      this.working--;
      try {
        done(outcome);
      } catch (error) {
        thrownByReceiver = { error };
        throw error;
      } finally {
        if (this.pending === 0) this.#owner.idle();
      }
    };
    this.working++;
    try {
      this.#process(session, message, (error, result) =>
        answer(toOutcome(extension.name, error, result ?? message)),
      );
    } catch (error) {
      // A session that answers at once runs the receiver of the message, whose exceptions are none of the session's.
      if (thrownByReceiver !== undefined) throw thrownByReceiver.error;
      const outcome = { error: prefixed(extension.name, error) };
      if (isAnswered) this.#pass(outcome, stage + 1);
      else answer(outcome);
    }
  }

  #pass(outcome: Outcome, stage: number): void {
    if (this.#isStopped) return;
    const isError = 'error' in outcome;
    if (isError) this.#dropBehind(stage);
    const order = this.#orders[stage];
    if (order !== undefined) {
      order.run((done) => (isError ? done(outcome) : this.#run(stage, outcome.message, done)));
    } else if (isError) {
      this.stop();
      this.#owner.fail(outcome.error);
    } else {
      this.pending--;
      this.#owner.deliver(outcome.message);
    }
  }

  /** Drops what is behind an error that has passed some stages. */
  #dropBehind(stage: number): void {
    this.#hasFailed = true;
    for (const order of this.#orders.slice(0, stage)) order.clear();
  }
}

/** Makes sense of a session's answer, which may be anything. */
function toOutcome(name: string, error: unknown, message: unknown): Outcome {
  if (error) return { error: prefixed(name, error) };
  if (isMessage(message)) return { message };
  return { error: prefixed(name, new TypeError('The answer is not a message')) };
}

function isMessage(candidate: unknown): candidate is ExtensionMessage {
  if (typeof candidate !== 'object' || candidate === null) return false;
  const { data, opcode } = candidate as Partial<ExtensionMessage>;
  // Not by instanceof: bytes may come from another realm, such as that of a test runner.
  const isBytes = ArrayBuffer.isView(data) && data.length === data.byteLength;
  return isBytes && (opcode === Opcode.TEXT || opcode === Opcode.BINARY);
}

function prefixed(name: string, cause: unknown): Error {
  return new Error(`${name}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
}
