/**
 * The life of a connection as a literal table: event x state -> next state and effects
 * (RFC 6455 §4.1, §5.5.1, §7.1). Connections of RFC 6455 and of the older protocols run on it.
 *
 * What may be sent, what is still read, the ready state and whether to end the transport follow
 * from the state; nobody keeps a second copy. A pair that is not in the table changes nothing.
 * Within a row, our own effects come first and the application last (calls.ts).
 */

import { Calls } from '../calls.ts';
import type { WebSocketError } from '../errors.ts';
import type { CloseStatus } from '../frame/close-payload.ts';
import { ReadyState } from './ready-state.ts';

/** What follows from a state. */
interface StateFacts {
  readonly readyState: ReadyState;
  /** Whether messages are taken: to be sent now, or when the connection opens. */
  readonly sends: boolean;
  /** Whether incoming frames are processed. */
  readonly reads: boolean;
  /** Who ends the transport once the output is written, even if the peer has not. */
  readonly endsTransport: 'nobody' | 'server' | 'both';
}

const { CONNECTING, OPEN, CLOSING, CLOSED } = ReadyState;

export type State =
  | 'CONNECTING'
  | 'ACCEPTED'
  | 'OPEN'
  | 'CLOSING'
  | 'CLOSE_RECEIVED'
  | 'CLOSE_COMPLETE'
  | 'ENDED'
  | 'FAILED'
  | 'DROPPED'
  | 'CLOSED';

export const STATES: Readonly<Record<State, StateFacts>> = {
  /** The opening handshake is under way (RFC 6455 §4). */
  CONNECTING: { readyState: CONNECTING, sends: true, reads: false, endsTransport: 'nobody' },
  /** A server's handshake is done, and the application has not been told yet. */
  ACCEPTED: { readyState: CONNECTING, sends: true, reads: false, endsTransport: 'nobody' },
  /** Established (RFC 6455 §4.1). */
  OPEN: { readyState: OPEN, sends: true, reads: true, endsTransport: 'nobody' },
  /** We have started the closing handshake (RFC 6455 §7.1.2, §7.1.3). */
  CLOSING: { readyState: CLOSING, sends: false, reads: true, endsTransport: 'nobody' },
  /** The peer's Close has come; ours waits behind what was sent before (RFC 6455 §5.5.1). */
  CLOSE_RECEIVED: { readyState: CLOSING, sends: false, reads: false, endsTransport: 'nobody' },
  /** Both Close frames have gone: the server ends the transport first (RFC 6455 §7.1.1). */
  CLOSE_COMPLETE: { readyState: CLOSING, sends: false, reads: false, endsTransport: 'server' },
  /** The transport has ended without a Close; what came before is still read (§7.1.5). */
  ENDED: { readyState: CLOSING, sends: false, reads: true, endsTransport: 'both' },
  /** Failed (RFC 6455 §7.1.7). */
  FAILED: { readyState: CLOSING, sends: false, reads: false, endsTransport: 'both' },
  /** Dropped by the application, without a closing handshake. */
  DROPPED: { readyState: CLOSING, sends: false, reads: false, endsTransport: 'both' },
  /** Closed (RFC 6455 §7.1.4). */
  CLOSED: { readyState: CLOSED, sends: false, reads: false, endsTransport: 'nobody' },
};

/** What a row does: ours first; those that begin with "tell" are the application's. */
export interface Effects<Owner> {
  /** Gives up the opening handshake; whoever conducts it answers with `openingFailed`. */
  abandonOpening(owner: Owner): void;
  /** Queues our Close, behind what was sent before. */
  queueClose(owner: Owner): void;
  /** Sends the Close that tells the peer of the failure, ahead of what waits. */
  sendFailure(owner: Owner): void;
  /** Releases the brake's holders that do not outlast our Close. */
  easeBrake(owner: Owner): void;
  /** Throws away what was received and not delivered; nothing more is taken. */
  stopReading(owner: Owner): void;
  /** Drops a message in pieces that is not complete, and what waits behind it (§5.5.1). */
  dropUnfinished(owner: Owner): void;
  /** Drops what waits to be sent and is not in the output yet. */
  dropWaiting(owner: Owner): void;
  /** Drops everything unsent, and frees what the connection holds. */
  release(owner: Owner): void;
  /** Begins to send what was held back while connecting. */
  flushWaiting(owner: Owner): void;
  /** Starts closeTimeout, before the application hears of anything. */
  startCloseTimer(owner: Owner): void;
  /** Called after each event: the end may be due. */
  finishIfDone(owner: Owner): void;
  tellFailure(owner: Owner): void;
  tellClosing(owner: Owner): void;
  tellClosed(owner: Owner): void;
}

type Effect = Exclude<keyof Effects<unknown>, 'finishIfDone'>;
type Row = readonly [next: State, ...effects: readonly Effect[]];

const GIVE_UP: Row = ['FAILED', 'dropWaiting', 'abandonOpening'];
const CLOSE: Row = ['CLOSING', 'startCloseTimer', 'queueClose', 'easeBrake', 'tellClosing'];
const ANSWER: Row = [
  'CLOSE_RECEIVED',
  'startCloseTimer',
  'stopReading',
  'dropUnfinished',
  'queueClose',
  'tellClosing',
];
const END: Row = ['ENDED', 'startCloseTimer', 'tellClosing'];
const DROP: Row = ['DROPPED', 'startCloseTimer', 'stopReading', 'dropWaiting'];
const FAIL: Row = [
  'FAILED',
  'startCloseTimer',
  'stopReading',
  'dropWaiting',
  'sendFailure',
  'tellFailure',
  'tellClosing',
];
const FINISH: Row = [
  'CLOSED',
  'stopReading',
  'release',
  'tellFailure',
  'tellClosing',
  'tellClosed',
];

export type LifeEvent =
  | 'accepted'
  | 'opened'
  | 'close'
  | 'closeSent'
  | 'closeWaits'
  | 'closeReceived'
  | 'fail'
  | 'drop'
  | 'transportEnded'
  | 'finished';

/** The table. */
export const LIFE_CYCLE: Readonly<Record<LifeEvent, { readonly [state in State]?: Row }>> = {
  /** A server has accepted the handshake (RFC 6455 §4.2.2). */
  accepted: { CONNECTING: ['ACCEPTED'] },
  /** The connection is established (RFC 6455 §4.1). */
  opened: {
    CONNECTING: ['OPEN', 'flushWaiting'],
    ACCEPTED: ['OPEN', 'flushWaiting'],
    CLOSING: ['CLOSING', 'flushWaiting'],
  },
  /** The application starts the closing handshake (RFC 6455 §7.1.2; WHATWG WebSockets §3.1). */
  close: { CONNECTING: GIVE_UP, ACCEPTED: CLOSE, OPEN: CLOSE },
  /** Our Close is in the output (RFC 6455 §7.1.3). */
  closeSent: { CLOSE_RECEIVED: ['CLOSE_COMPLETE'] },
  /** The peer's Close has come, behind messages that extensions still have. */
  closeWaits: { OPEN: ['OPEN', 'startCloseTimer'], CLOSING: ['CLOSING', 'startCloseTimer'] },
  /** The peer's Close has been taken (RFC 6455 §5.5.1, §7.1.3). */
  closeReceived: { OPEN: ANSWER, CLOSING: ANSWER, ENDED: ANSWER },
  /** _Fail the WebSocket Connection_ (RFC 6455 §7.1.7). */
  fail: {
    CONNECTING: GIVE_UP,
    ACCEPTED: FAIL,
    OPEN: FAIL,
    CLOSING: FAIL,
    CLOSE_RECEIVED: FAIL,
    CLOSE_COMPLETE: FAIL,
    ENDED: FAIL,
  },
  /** The application drops the connection. */
  drop: {
    CONNECTING: GIVE_UP,
    ACCEPTED: DROP,
    OPEN: DROP,
    CLOSING: DROP,
    CLOSE_RECEIVED: DROP,
    CLOSE_COMPLETE: DROP,
    ENDED: DROP,
  },
  /** The peer has ended its side of the transport, or both sides are gone (RFC 6455 §7.1.5). */
  transportEnded: { ACCEPTED: END, OPEN: END, CLOSING: END },
  /** The transport is gone and what came before is read; or closeTimeout has passed (§7.1.4). */
  finished: {
    CONNECTING: FINISH,
    ACCEPTED: FINISH,
    OPEN: FINISH,
    CLOSING: FINISH,
    CLOSE_RECEIVED: FINISH,
    CLOSE_COMPLETE: FINISH,
    ENDED: FINISH,
    FAILED: FINISH,
    DROPPED: FINISH,
  },
};

/** What the application is told once, a bit each. */
const TOLD_ONCE: Readonly<Partial<Record<keyof Effects<unknown>, number>>> = {
  tellFailure: 1,
  tellClosing: 2,
  tellClosed: 4,
};

/** One connection's place in the table. */
export class LifeCycle<Owner> {
  state: State;
  /** What our Close frame says, from when it is in the output. */
  closeSent: CloseStatus | undefined;
  /** What the peer's Close frame said. */
  closeReceived: CloseStatus | undefined;
  /** Why the connection failed. */
  failure: WebSocketError | undefined;
  /** Whether the peer has ended its side of the transport. */
  hasPeerEnded = false;
  /** Whether the transport is gone, in both directions. */
  isTransportGone = false;
  readonly #owner: Owner;
  readonly #effects: Effects<Owner>;
  #calls: Calls | undefined;
  /** What the application has been told: bits of {@link TOLD_ONCE}. */
  #told = 0;
  /** How many events are being applied: an effect may bring the next one about. */
  #depth = 0;

  constructor(owner: Owner, effects: Effects<Owner>, state: 'CONNECTING' | 'OPEN') {
    this.state = state;
    this.#owner = owner;
    this.#effects = effects;
  }

  get readyState(): ReadyState {
    return STATES[this.state].readyState;
  }

  /** Whether messages are taken from the application. */
  get sends(): boolean {
    return this.state === 'OPEN' || STATES[this.state].sends;
  }

  /** Whether incoming frames are processed. */
  get reads(): boolean {
    return this.state === 'OPEN' || STATES[this.state].reads;
  }

  /** Whether no more messages are delivered: failed, dropped or closed. */
  get isGivenUp(): boolean {
    return this.state === 'FAILED' || this.state === 'DROPPED' || this.state === 'CLOSED';
  }

  /** Whether the closing handshake is complete and nothing failed (RFC 6455 §7.1.4). */
  get wasClean(): boolean {
    return (
      this.closeSent !== undefined && this.closeReceived !== undefined && this.failure === undefined
    );
  }

  /** Whether we end the transport once the output is written. */
  endsTransport(role: 'client' | 'server'): boolean {
    const { endsTransport } = STATES[this.state];
    return endsTransport === 'both' || endsTransport === role || this.hasPeerEnded;
  }

  /** Fails the connection; only the first failure counts. */
  fail(error: WebSocketError): void {
    if (this.failure !== undefined || this.state === 'CLOSED') return;
    this.failure = error;
    this.apply('fail');
  }

  /** Applies an event: moves on, has the effects, and tells the application last. */
  apply(event: LifeEvent): void {
    const row = LIFE_CYCLE[event][this.state];
    if (row === undefined) return;
    this.state = row[0];
    this.#depth++;
    for (let index = 1; index < row.length; index++) this.#have(row[index] as Effect);
    this.#depth--;
    if (this.#depth > 0) return;
    this.#have('finishIfDone');
    this.#calls?.run();
  }

  /** Has a call of the application made once the state is settled, behind those that wait. */
  tell(call: () => void): void {
    this.#calls ??= new Calls();
    this.#calls.add(call);
    if (this.#depth === 0) this.#calls.run();
  }

  #have(effect: Effect | 'finishIfDone'): void {
    const bit = TOLD_ONCE[effect];
    if (bit !== undefined) {
      if (effect === 'tellFailure' && this.failure === undefined) return;
      if ((this.#told & bit) !== 0) return;
      this.#told |= bit;
      this.tell(() => this.#effects[effect](this.#owner));
      return;
    }
    try {
      this.#effects[effect](this.#owner);
    } catch (error) {
      // Of a callback within the effect: the life goes on without it.
      this.tell(() => {
        throw error;
      });
    }
  }
}
