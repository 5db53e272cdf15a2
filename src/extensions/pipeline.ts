/**
 * The pipeline: carries messages through the sessions of a connection, in both directions (docs/extensions.md).
 *
 * - An outgoing message passes the sessions in their order, an incoming one in reverse (RFC 6455 §9.1).
 * - A session gets its messages in order, as soon as it can; what comes out keeps the order, whoever answers first.
 * - The first error stops its direction: nothing behind it comes out.
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

type Process = (session: ExtensionSession) => ExtensionSession['processIncomingMessage'];
type Outcome = { readonly message: ExtensionMessage } | { readonly error: Error };

const PROCESS: { readonly [direction in Direction]: Process } = {
  incoming: (session) => session.processIncomingMessage.bind(session),
  outgoing: (session) => session.processOutgoingMessage.bind(session),
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
    for (const { session } of this.#sessions) session.close();
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
  readonly #stages: ((message: ExtensionMessage) => void)[] = [];
  readonly #orders: OrderedResults<Outcome>[] = [];
  #isStopped = false;

  constructor(process: Process, sessions: readonly ActiveSession[], owner: LaneOwner) {
    this.#owner = owner;
    sessions.forEach(({ extension, session }, index) => {
      const order = new OrderedResults<Outcome>((outcome) => this.#pass(outcome, index + 1));
      this.#orders.push(order);
      this.#stages.push((message) => this.#run(order, process(session), extension.name, message));
    });
  }

  push(message: ExtensionMessage): void {
    if (this.#isStopped) return;
    this.pending++;
    this.#pass({ message }, 0);
  }

  stop(): void {
    this.#isStopped = true;
    this.pending = 0;
    for (const order of this.#orders) order.clear();
  }

  /** Calls a session; its answer, its exception and a second answer are all dealt with here. */
  #run(
    order: OrderedResults<Outcome>,
    process: ExtensionSession['processIncomingMessage'],
    name: string,
    message: ExtensionMessage,
  ): void {
    this.working++;
    order.run((done) => {
      let isAnswered = false;
      const answer: MessageCallback = (error, result) => {
        if (isAnswered) return;
        isAnswered = true;
        this.working--;
        if (error) done({ error: prefixed(name, error) });
        else done({ message: result ?? message });
        if (this.pending === 0) this.#owner.idle();
      };
      try {
        process(message, answer);
      } catch (error) {
        answer(error instanceof Error ? error : new Error(String(error)));
      }
    });
  }

  #pass(outcome: Outcome, stage: number): void {
    if (this.#isStopped) return;
    if ('error' in outcome) {
      this.stop();
      this.#owner.fail(outcome.error);
      return;
    }
    const next = this.#stages[stage];
    if (next !== undefined) {
      next(outcome.message);
    } else {
      this.pending--;
      this.#owner.deliver(outcome.message);
    }
  }
}

function prefixed(name: string, error: Error): Error {
  return new Error(`${name}: ${error.message}`, { cause: error });
}
