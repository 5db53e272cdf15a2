// Plays one case on a connection whose handshake is done, and gives the verdict. The same code for both roles.
//
// A case ends when TCP is over. It is broken off when its log cannot become a wanted one any more, when the peer breaks the
// protocol, and when its time is up: no peer can make it hang, and none can make it throw.
import type { Socket } from 'node:net';
import { bytesOf, type ConformanceCase, lengthOf, type Step } from '../cases/case.ts';
import { Connection, type Role, type TCP_END_WAIT_MS } from '../wire/connection.ts';
import type { NegotiationResult } from '../wire/deflate-negotiation.ts';
import { buildFrames, fragmentMessage, Opcode } from '../wire/frame.ts';
import type { ReceivedEvent } from '../wire/message-reader.ts';
import { describeFrame, type WireLog } from '../wire/wire-log.ts';
import { compressedSeries, type EchoSeries, plainSeries } from './echo-series.ts';
import { EventMatcher, type SeenEvent } from './event-matcher.ts';
import { type CaseResult, judge } from './verdict.ts';

/** Says how cases are played. */
export interface PlaySettings {
  /** How long a pause within a case is, in milliseconds. */
  readonly pauseMs: number;
  /** Caps the time limit of each case, in milliseconds; absent leaves the limits of the cases. */
  readonly limitMs?: number;
  /** How long a server may take to end TCP; absent means {@link TCP_END_WAIT_MS}. */
  readonly tcpEndWaitMs?: number;
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
  /** When the case started, by `performance.now()`: its time limit covers the handshake too. */
  readonly startedAt: number;
}

/** How many octets more than the longest wanted message are taken before the peer counts as flooding. */
const MESSAGE_SLACK = 65_536;

/** How many turns of the event loop a pause lasts at least after its time is over. */
const READING_TURNS = 8;

/** The time that a case may take, in milliseconds. */
export function limitOf(
  { limitMs }: Pick<ConformanceCase, 'limitMs'>,
  settings: PlaySettings,
): number {
  return Math.min(limitMs, settings.limitMs ?? limitMs);
}

function longestSent(steps: readonly Step[]): number {
  const lengths = steps.map((step) => {
    if (step.step === 'send')
      return Math.max(...step.frames.map((frame) => lengthOf(frame.payload)));
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
      ...(settings.tcpEndWaitMs !== undefined && { tcpEndWaitMs: settings.tcpEndWaitMs }),
      onEvent: (event) => this.#takeEvent(event),
      onDone: () => this.#wakeUp(),
    });
  }

  async play(): Promise<CaseResult> {
    const { startedAt, rest, log } = this.#target;
    const limitMs = limitOf(this.#case, this.#settings);
    const remaining = Math.max(0, limitMs - (performance.now() - startedAt));
    const timer = setTimeout(() => {
      this.#breakOff(`not over within the ${limitMs} ms that it may take`);
    }, remaining);
    this.#connection.receive(rest);
    await this.#runScript();
    await this.#connection.ended;
    clearTimeout(timer);
    const connection = this.#connection;
    const { remoteClose } = connection;
    const observation = {
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
    for (const step of this.#case.steps) {
      if (!this.#connection.isOpen) return;
      await this.#runStep(step);
    }
    this.#isScriptOver = true;
    this.#closeWhenDone();
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
    this.#connection.write(bytes);
  }

  /** Waits; a pause that passes with the connection still open is an event of its own. */
  async #pause(): Promise<void> {
    const { pauseMs } = this.#settings;
    this.#target.log.add('note', () => `a pause of ${pauseMs} ms`);
    await this.#sleepUnlessDone(pauseMs);
    // What has arrived meanwhile is read first: on a machine that was busy the timer comes before it.
    for (let turn = 0; turn < READING_TURNS && this.#connection.isOpen; turn += 1) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (this.#connection.isOpen) this.#addEvent({ type: 'pause' });
  }

  async #sleepUnlessDone(ms: number): Promise<void> {
    if (!this.#connection.isOpen) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wakeUp = () => {
        clearTimeout(timer);
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
