/**
 * An outgoing order with a life cycle whose effects are only written down: what the order does by
 * itself, without a connection around it.
 */

import { type Effects, LifeCycle } from '../../src/connection/life-cycle.ts';
import type { ConnectionOptions, Role } from '../../src/connection/options.ts';
import { OutgoingOrder } from '../../src/connection/outgoing-order.ts';
import { nodePlatform } from '../../src/node/node-platform.ts';
import { describeFrames } from './frames.ts';
import { concat } from './hex.ts';
import { RecordingHandler } from './recording-handler.ts';

type Write = (log: string[]) => void;
const write =
  (name: keyof Effects<unknown>): Write =>
  (log) =>
    void log.push(name);

const EFFECTS: Effects<string[]> = {
  abandonOpening: write('abandonOpening'),
  queueClose: write('queueClose'),
  sendFailure: write('sendFailure'),
  easeBrake: write('easeBrake'),
  stopReading: write('stopReading'),
  dropUnfinished: write('dropUnfinished'),
  dropWaiting: write('dropWaiting'),
  release: write('release'),
  flushWaiting: write('flushWaiting'),
  startCloseTimer: write('startCloseTimer'),
  finishIfDone: write('finishIfDone'),
  tellFailure: write('tellFailure'),
  tellClosing: write('tellClosing'),
  tellClosed: write('tellClosed'),
};

export class BareOrder {
  readonly handler = new RecordingHandler();
  /** The effects that the life cycle would have had. */
  readonly effects: string[] = [];
  readonly life: LifeCycle<unknown>;
  readonly options: ConnectionOptions;
  readonly order: OutgoingOrder;

  constructor(role: Role, options: Partial<ConnectionOptions> = {}) {
    const life = new LifeCycle<string[]>(this.effects, EFFECTS, 'OPEN');
    this.life = life as LifeCycle<unknown>;
    this.options = { platform: nodePlatform, role, handler: this.handler, ...options };
    this.order = new OutgoingOrder(this.options, this.life);
  }

  /** Takes all output, reports it written, and describes it, a line for each frame. */
  takeFrames(): string[] {
    const frames = describeFrames(this.options.role, concat(this.order.take(0)));
    this.order.settle(false);
    this.order.release()?.();
    return frames;
  }
}
