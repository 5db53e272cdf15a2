/**
 * Carries the messages of one direction through the sessions of a connection (docs/extensions.md).
 *
 * - A session gets each message as soon as possible; the results keep the order of the messages.
 * - The first error stops the pipeline: the messages before it come out, those behind it do not.
 * - A session that throws, answers twice or answers nonsense causes such an error at most.
 */

import { isBytes } from '../bytes.ts';
import { isError } from '../errors.ts';
import { Opcode } from '../frame/opcode.ts';
import { Queue } from '../queue.ts';
import type { ActiveSession, Extension } from './extension.ts';
import type { ExtensionMessage } from './message.ts';

/** Takes what comes out of a pipeline. */
export interface PipelineReceiver {
  /** Takes a message that has passed all sessions. */
  deliver(message: ExtensionMessage): void;
  /** A session failed, and the pipeline is stopped. Called at most once. */
  failed(error: Error): void;
}

/** A message on its way, and the payload length that it is counted with. */
type PendingMessage = { message: ExtensionMessage; length: number };
type Outcome = PendingMessage | { readonly error: Error };

/** A message's place in the order of a session's results; filled once. */
type Place = { outcome: Outcome | undefined };

export class Pipeline {
  /** How many messages are on their way. Whoever pushes them bounds their number. */
  pendingCount = 0;
  /** Their payload bytes, as the sessions have left them. */
  pendingLength = 0;
  readonly #sessions: readonly ActiveSession[];
  readonly #method: 'processIncomingMessage' | 'processOutgoingMessage';
  readonly #receiver: PipelineReceiver;
  readonly #orders: readonly Queue<Place>[];
  /** Whether an error is on its way behind the messages before it. */
  #hasFailed = false;
  #isStopped = false;

  /** @param sessions - in the order in which the messages pass them */
  constructor(
    sessions: readonly ActiveSession[],
    method: 'processIncomingMessage' | 'processOutgoingMessage',
    receiver: PipelineReceiver,
  ) {
    this.#sessions = sessions;
    this.#method = method;
    this.#receiver = receiver;
    this.#orders = sessions.map(() => new Queue());
  }

  push(message: ExtensionMessage): void {
    if (this.#isStopped || this.#hasFailed) return;
    const { length } = message.data;
    this.pendingCount++;
    this.pendingLength += length;
    this.#pass({ message, length }, 0);
  }

  /** Drops everything on its way: nothing comes out any more. */
  stop(): void {
    this.#isStopped = true;
    this.pendingCount = 0;
    this.pendingLength = 0;
    for (const order of this.#orders) order.takeAll();
  }

  #pass(outcome: Outcome, stage: number): void {
    if (this.#isStopped) return;
    const isError = 'error' in outcome;
    if (isError) {
      this.#hasFailed = true;
      // What is behind the error is dropped.
      for (const order of this.#orders.slice(0, stage)) order.takeAll();
    }
    const order = this.#orders[stage];
    if (order !== undefined) {
      const place: Place = { outcome: undefined };
      order.push(place);
      if (isError) this.#fill(place, outcome, stage);
      else this.#run(place, outcome, stage);
    } else if (isError) {
      this.stop();
      this.#receiver.failed(outcome.error);
    } else {
      this.pendingCount--;
      this.pendingLength -= outcome.length;
      this.#receiver.deliver(outcome.message);
    }
  }

  /** Fills a place, and passes on what is ready. A place that was dropped goes nowhere. */
  #fill(place: Place, outcome: Outcome, stage: number): void {
    place.outcome = outcome;
    const order = this.#orders[stage]!;
    for (let next = order.first?.outcome; next !== undefined; next = order.first?.outcome) {
      order.take();
      this.#pass(next, stage + 1);
    }
  }

  /** Calls a session. Its answer, its exception and a second answer are all handled here. */
  #run(place: Place, pending: PendingMessage, stage: number): void {
    const { extension, session } = this.#sessions[stage]!;
    const { message } = pending;
    let thrownByReceiver: { readonly error: unknown } | undefined;
    const answer = (outcome: Outcome): void => {
      try {
        this.#fill(place, outcome, stage);
      } catch (error) {
        thrownByReceiver = { error };
        throw error;
      }
    };
    try {
      session[this.#method](message, (error, result) => {
        if (place.outcome !== undefined) return;
        if (error) answer(failure(extension, error));
        else answer(this.#replace(pending, result ?? message, extension));
      });
    } catch (error) {
      // If the session answered at once, this may be an exception of the message's receiver.
      if (thrownByReceiver !== undefined) throw thrownByReceiver.error;
      const outcome = failure(extension, error);
      if (place.outcome === undefined) answer(outcome);
      else this.#pass(outcome, stage);
    }
  }

  /** Puts a session's answer, which may be anything, in the place of the message. */
  #replace(pending: PendingMessage, answer: ExtensionMessage, extension: Extension): Outcome {
    // Copied: what the session does to its message after the answer changes nothing.
    const { rsv1, rsv2, rsv3, opcode, data } = answer;
    if (!isBytes(data) || (opcode !== Opcode.TEXT && opcode !== Opcode.BINARY)) {
      return failure(extension, new TypeError('The answer is not a message'));
    }
    if (!this.#isStopped) this.pendingLength += data.length - pending.length;
    pending.message = { rsv1, rsv2, rsv3, opcode, data };
    pending.length = data.length;
    return pending;
  }
}

function failure({ name }: Extension, cause: unknown): Outcome {
  const message = isError(cause) ? cause.message : String(cause);
  return { error: new Error(`${name}: ${message}`, { cause }) };
}
