// Plays one case on a connection whose opening handshake is done, and gives the verdict. The same
// code for both roles.
//
// A case ends with TCP. It is broken off when its log cannot become a wanted one any more, and when
// the peer breaks the protocol. The patience of the case starts with its last step, and the
// connection limits what follows a Close: no peer can make a case hang, and none can make it throw.
import type { Socket } from 'node:net';
import { bytesOf, type ConformanceCase, lengthOf, type Step } from '../cases/case.ts';
import { Connection, type Role } from '../wire/connection.ts';
import type { NegotiationResult } from '../wire/deflate-negotiation.ts';
import { buildFrames, fragmentMessage, Opcode } from '../wire/frame.ts';
import type { ReceivedEvent } from '../wire/message-reader.ts';
import { startTimer } from '../wire/timer.ts';
import { describeFrame, type WireLog } from '../wire/wire-log.ts';
import { compressedSeries, type EchoSeries, plainSeries } from './echo-series.ts';
import { EventMatcher, type SeenEvent } from './event-matcher.ts';
import { type CaseResult, judge } from './verdict.ts';

/** Says how cases are played. */
export interface PlaySettings {
  /** Multiplies every time, for machines that are slow or busy. 1 is as in Autobahn. */
  readonly timeScale: number;
  /** How long a pause within a case is, in milliseconds before scaling. */
  readonly pauseMs: number;
  /** Caps the patience of each case and the opening handshake, in milliseconds after scaling. */
  readonly limitMs?: number;
}

/** Says what a case is played on. */
export interface PlayTarget {
  readonly role: Role;
  readonly socket: Socket;
  /** Octets that came with the HTTP head. */
  readonly rest: Buffer;
  readonly log: WireLog;
  /** What came of the negotiation, for a case that needs an extension. */
  readonly negotiation: NegotiationResult | null;
  /** When the case started, by `performance.now()`. */
  readonly startedAt: number;
}

/** How long the opening handshake may take, in milliseconds, as in Autobahn. */
export const OPENING_LIMIT_MS = 5_000;

/** A message may be longer than the longest that is sent by so many octets. */
const MESSAGE_SLACK = 65_536;

/** Scales a time, and caps it. */
export function scaleTime(ms: number, { timeScale, limitMs }: PlaySettings): number {
  return Math.min(ms * timeScale, limitMs ?? Number.POSITIVE_INFINITY);
}

function longestSent(steps: readonly Step[]): number {
  const lengths = steps.map((step) => {
    if (step.step === 'send') {
      return Math.max(...step.frames.map((frame) => lengthOf(frame.payload)));
    }
    if (step.step === 'parts') return lengthOf(step.frame.payload);
    if (step.step === 'pause') return 0;
    return step.step === 'compressed echoes' ? step.length : lengthOf(step.payload);
  });
  return Math.max(0, ...lengths);
}

/** Plays a case. Never throws on what the peer does. */
export async function playCase(
  conformanceCase: ConformanceCase,
  target: PlayTarget,
  settings: PlaySettings,
): Promise<CaseResult> {
  const player = new CasePlayer(conformanceCase, target, settings);
  return player.play();
}

class CasePlayer {
  readonly #case: ConformanceCase;
  readonly #target: PlayTarget;
  readonly #settings: PlaySettings;
  readonly #matcher: EventMatcher;
  readonly #connection: Connection;
  readonly #sendsOwnClose: boolean;
  #fault: string | null = null;
  #unimplemented: string | null = null;
  #isScriptOver = false;
  #stopTimer: () => void = () => {};
  #timeUpAfterMs: number | null = null;
  #series: EchoSeries | null = null;
  #seriesIndex = 0;
  #wakeUp: () => void = () => {};

  constructor(conformanceCase: ConformanceCase, target: PlayTarget, settings: PlaySettings) {
    this.#case = conformanceCase;
    this.#target = target;
    this.#settings = settings;
    this.#matcher = new EventMatcher(conformanceCase);
    this.#sendsOwnClose = conformanceCase.steps.some(
      (step) => step.step === 'send' && step.frames.some(({ opcode }) => opcode === Opcode.close),
    );
    this.#connection = new Connection({
      socket: target.socket,
      role: target.role,
      log: target.log,
      allowsCompression: target.negotiation?.kind === 'agreed',
      maxMessageLength: longestSent(conformanceCase.steps) + MESSAGE_SLACK,
      timeScale: settings.timeScale,
      onEvent: (event) => this.#takeEvent(event),
      onDone: () => this.#wakeUp(),
    });
  }

  async play(): Promise<CaseResult> {
    const { startedAt, rest, log } = this.#target;
    this.#connection.receive(rest);
    await this.#runScript();
    await this.#connection.ended;
    this.#stopTimer();
    const connection = this.#connection;
    const { remoteClose } = connection;
    const observation = {
      suiteRole: this.#target.role,
      timeUpAfterMs: this.#timeUpAfterMs,
      events: this.#matcher.described,
      match: this.#matcher.match,
      fault: this.#fault ?? connection.violation,
      unimplemented: this.#unimplemented,
      closeStartedBy: connection.closeStartedBy,
      remoteCloseCode: remoteClose === null ? undefined : remoteClose.code,
      hasDroppedTcp: connection.hasDroppedTcp,
      wasReset: connection.wasReset,
    };
    return judge(this.#case, observation, performance.now() - startedAt, log.entries());
  }

  async #runScript(): Promise<void> {
    const { negotiation } = this.#target;
    if (negotiation?.kind === 'declined') {
      this.#unimplemented = negotiation.reason;
      this.#connection.close(1000);
      return;
    }
    const { steps } = this.#case;
    for (const [index, step] of steps.entries()) {
      if (!this.#connection.isOpen) return;
      // Parts have pauses of their own: patience starts with the last part.
      if (index === steps.length - 1 && step.step !== 'parts') this.#startPatience();
      await this.#runStep(step);
    }
    this.#isScriptOver = true;
    this.#closeWhenDone();
  }

  #startPatience(): void {
    const limitMs = scaleTime(this.#case.patience.ms, this.#settings);
    this.#stopTimer = startTimer(limitMs, () => this.#runOutOfPatience(limitMs));
  }

  #runOutOfPatience(limitMs: number): void {
    this.#timeUpAfterMs = limitMs;
    const reason = `not over within ${limitMs} ms`;
    if (this.#series !== null) this.#fault ??= reason;
    // Nothing can follow what is still being written, and a Close in the middle of a frame is none.
    const isWriting = !this.#isScriptOver && this.#series === null;
    if (this.#case.patience.end === 'drop' || isWriting) this.#connection.drop(reason);
    // Autobahn sends no code here; with one, the answer has a code that can be judged.
    else this.#connection.close(1000);
    this.#wakeUp();
  }

  async #runStep(step: Step): Promise<void> {
    if (step.step === 'send') {
      const frames = step.frames.map((frame) => ({ ...frame, payload: bytesOf(frame.payload) }));
      await this.#connection.send(frames, step.cut);
    } else if (step.step === 'fragments') {
      const { opcode, payload, fragmentLength } = step;
      const frames = fragmentMessage(opcode, bytesOf(payload), fragmentLength);
      await this.#connection.send(frames, 'in one go');
    } else if (step.step === 'pause') {
      await this.#pause();
    } else if (step.step === 'parts') {
      await this.#sendInParts(step);
    } else {
      await this.#playSeries(step);
    }
  }

  async #sendInParts({ frame, partLengths }: Extract<Step, { step: 'parts' }>): Promise<void> {
    const { role, log } = this.#target;
    const payload = bytesOf(frame.payload);
    log.add('suite', () => describeFrame({ ...frame, payload }));
    let bytes = buildFrames([{ ...frame, payload }], role === 'client');
    const headerLength = bytes.length - payload.length;
    for (const [index, length] of partLengths.entries()) {
      const end = index === 0 ? headerLength + length : length;
      log.add('note', () => `${length} octets of the payload are sent`);
      this.#connection.write(bytes.subarray(0, end));
      bytes = bytes.subarray(end);
      await this.#pause();
      if (!this.#connection.isOpen) return;
    }
    log.add('note', () => 'the rest of the payload is sent');
    this.#startPatience();
    this.#connection.write(bytes);
  }

  /** Waits; a pause that passes with the connection still open is an event of its own. */
  async #pause(): Promise<void> {
    const pauseMs = this.#settings.pauseMs * this.#settings.timeScale;
    this.#target.log.add('note', () => `a pause of ${pauseMs} ms`);
    await this.#sleepUnlessDone(pauseMs);
    if (this.#connection.isOpen) this.#addEvent({ type: 'pause' });
  }

  async #sleepUnlessDone(ms: number): Promise<void> {
    if (!this.#connection.isOpen) return;
    await new Promise<void>((resolve) => {
      const stop = startTimer(ms, resolve);
      this.#wakeUp = () => {
        stop();
        resolve();
      };
    });
  }

  async #playSeries(step: Extract<Step, { count: number }>): Promise<void> {
    const { negotiation } = this.#target;
    if (step.step === 'echoes') this.#series = plainSeries(step);
    else if (negotiation?.kind === 'agreed') {
      this.#series = compressedSeries(step, negotiation.agreement);
    } else throw new Error('a compressed series needs a negotiated extension');
    this.#connection.sendNow(this.#series.frames(0));
    await new Promise<void>((resolve) => {
      this.#wakeUp = resolve;
    });
  }

  #takeEvent(event: ReceivedEvent): void {
    if (this.#fault !== null) return;
    const series = this.#series;
    if (series === null) {
      this.#addEvent(event);
      return;
    }
    const fault = series.check(this.#seriesIndex, event);
    if (fault !== null) {
      this.#breakOff(fault);
      return;
    }
    this.#seriesIndex += 1;
    if (this.#seriesIndex < series.count) {
      this.#connection.sendNow(series.frames(this.#seriesIndex));
      return;
    }
    this.#series = null;
    this.#addEvent({ type: 'echoes', count: series.count });
    this.#wakeUp();
  }

  #addEvent(event: SeenEvent): void {
    if (this.#matcher.add(event) || this.#case.isInformational === true) {
      this.#closeWhenDone();
      return;
    }
    const last = this.#matcher.described.at(-1) ?? '';
    this.#breakOff(`unwanted event: ${last}`);
  }

  #closeWhenDone(): void {
    if (this.#case.close.startedBy !== 'suite' || this.#sendsOwnClose) return;
    if (this.#isScriptOver && this.#matcher.match === 'strict') this.#connection.close(1000);
  }

  #breakOff(reason: string): void {
    this.#fault ??= reason;
    this.#target.log.add('note', () => `broken off by the suite: ${reason}`);
    this.#connection.destroy();
    this.#wakeUp();
  }
}
