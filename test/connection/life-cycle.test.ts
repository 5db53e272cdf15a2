/**
 * The life of a connection, row by row. The tables here were written from RFC 6455 §5.5.1 and §7,
 * not from the source: a row that only one side has is a failure.
 */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Effects,
  LIFE_CYCLE,
  LifeCycle,
  type LifeEvent,
  STATES,
  type State,
} from '../../src/connection/life-cycle.ts';
import { ReadyState } from '../../src/connection/ready-state.ts';
import { ProtocolError, WebSocketError } from '../../src/errors.ts';

/** What follows from each state: ready state, sends, reads, who ends the transport, given up. */
const FACTS = {
  CONNECTING: [0, true, false, 'nobody', false],
  ACCEPTED: [0, true, false, 'nobody', false],
  OPEN: [1, true, true, 'nobody', false],
  // RFC 6455 §5.5.1: nothing is sent after a Close, and messages may come until the answer.
  CLOSING: [2, false, true, 'nobody', false],
  // RFC 6455 §1.4: data behind the peer's Close means nothing.
  CLOSE_RECEIVED: [2, false, false, 'nobody', false],
  // RFC 6455 §7.1.1: the server ends the connection first.
  CLOSE_COMPLETE: [2, false, false, 'server', false],
  ENDED: [2, false, true, 'both', false],
  // RFC 6455 §7.1.7
  FAILED: [2, false, false, 'both', true],
  DROPPED: [2, false, false, 'both', true],
  CLOSED: [3, false, false, 'nobody', true],
} as const;

const STATE_NAMES = Object.keys(FACTS) as State[];

/** Every row: event, state, next state, our effects, what the application is told. */
const ROWS: readonly (readonly [LifeEvent, State, State, string, string])[] = [
  // RFC 6455 §4.2.2
  ['accepted', 'CONNECTING', 'ACCEPTED', '', ''],
  // RFC 6455 §4.1
  ['opened', 'CONNECTING', 'OPEN', 'flushWaiting', ''],
  ['opened', 'ACCEPTED', 'OPEN', 'flushWaiting', ''],
  // Closed between the two: the Close waits with what was sent before it.
  ['opened', 'CLOSING', 'CLOSING', 'flushWaiting', ''],
  // RFC 6455 §7.1.2; WHATWG WebSockets §3.1: close() while connecting fails the connection.
  ['close', 'CONNECTING', 'FAILED', 'dropWaiting abandonOpening', ''],
  ['close', 'ACCEPTED', 'CLOSING', 'startCloseTimer queueClose easeBrake', 'tellClosing'],
  ['close', 'OPEN', 'CLOSING', 'startCloseTimer queueClose easeBrake', 'tellClosing'],
  // RFC 6455 §7.1.3: both have sent a Close.
  ['closeSent', 'CLOSE_RECEIVED', 'CLOSE_COMPLETE', '', ''],
  // RFC 6455 §5.5.1: it means something once what came before it has been taken.
  ['closeWaits', 'OPEN', 'OPEN', 'startCloseTimer', ''],
  ['closeWaits', 'CLOSING', 'CLOSING', 'startCloseTimer', ''],
  // RFC 6455 §5.5.1: answered behind what was sent; a message in pieces is left off.
  ...(['OPEN', 'CLOSING', 'ENDED'] as const).map(
    (state) =>
      [
        'closeReceived',
        state,
        'CLOSE_RECEIVED',
        'startCloseTimer stopReading dropUnfinished queueClose',
        'tellClosing',
      ] as const,
  ),
  // RFC 6455 §7.1.7
  ['fail', 'CONNECTING', 'FAILED', 'dropWaiting abandonOpening', ''],
  ...(
    ['ACCEPTED', 'OPEN', 'CLOSING', 'CLOSE_RECEIVED', 'CLOSE_COMPLETE', 'ENDED'] as const
  ).flatMap(
    (state) =>
      [
        [
          'fail',
          state,
          'FAILED',
          'startCloseTimer stopReading dropWaiting sendFailure',
          'tellFailure tellClosing',
        ],
        ['drop', state, 'DROPPED', 'startCloseTimer stopReading dropWaiting', ''],
      ] as const,
  ),
  ['drop', 'CONNECTING', 'FAILED', 'dropWaiting abandonOpening', ''],
  // RFC 6455 §7.1.5: an end without a Close. With a Close, the handshake goes on as it is.
  ['transportEnded', 'ACCEPTED', 'ENDED', 'startCloseTimer', 'tellClosing'],
  ['transportEnded', 'OPEN', 'ENDED', 'startCloseTimer', 'tellClosing'],
  ['transportEnded', 'CLOSING', 'ENDED', 'startCloseTimer', 'tellClosing'],
  // RFC 6455 §7.1.4: from everywhere, and only once.
  ...STATE_NAMES.filter((state) => state !== 'CLOSED').map(
    (state) =>
      [
        'finished',
        state,
        'CLOSED',
        'stopReading release',
        'tellFailure tellClosing tellClosed',
      ] as const,
  ),
];

const EVENT_NAMES: readonly LifeEvent[] = [
  'accepted',
  'opened',
  'close',
  'closeSent',
  'closeWaits',
  'closeReceived',
  'fail',
  'drop',
  'transportEnded',
  'finished',
];

const words = (text: string): string[] => text.split(' ').filter((word) => word !== '');
const rowOf = (event: LifeEvent, state: State) =>
  ROWS.find(([each, from]) => each === event && from === state);

/** Every event in every state, with the row that it has here. */
const PAIRS = EVENT_NAMES.flatMap((event) =>
  STATE_NAMES.map((state) => ({ event, state, row: rowOf(event, state) })),
);

interface Run {
  readonly life: LifeCycle<string[]>;
  readonly log: string[];
  /** Does something within an effect, after its line is written. */
  readonly within: Partial<Record<keyof Effects<unknown>, () => void>>;
}

/** A life whose effects write their names down. */
function begin(state: State = 'OPEN'): Run {
  const log: string[] = [];
  const within: Run['within'] = {};
  const write = (name: keyof Effects<unknown>) => (owner: string[]) => {
    owner.push(name);
    within[name]?.();
  };
  const effects: Effects<string[]> = {
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
  const life = new LifeCycle<string[]>(log, effects, 'OPEN');
  life.state = state;
  return { life, log, within };
}

const fault = (): WebSocketError => new ProtocolError('WS_INVALID_TEXT');

describe('The table of states', () => {
  it('has the states of RFC 6455 §4 and §7, and no others', () => {
    expect(Object.keys(STATES).sort()).toEqual([...STATE_NAMES].sort());
  });

  it.each(STATE_NAMES)('says what follows from %s', (state) => {
    const { life } = begin(state);
    const [readyState, sends, reads, endsTransport, isGivenUp] = FACTS[state];
    expect(STATES[state]).toEqual({ readyState, sends, reads, endsTransport });
    expect(life).toMatchObject({ readyState, sends, reads, isGivenUp });
    expect(life.endsTransport('server')).toBe(endsTransport !== 'nobody');
    expect(life.endsTransport('client')).toBe(endsTransport === 'both');
  });

  it.each(STATE_NAMES)('ends the transport of a peer that has ended its side, in %s', (state) => {
    const { life } = begin(state);
    life.hasPeerEnded = true;
    expect([life.endsTransport('client'), life.endsTransport('server')]).toEqual([true, true]);
  });
});

describe('The table of events', () => {
  it('has these events, and no others', () => {
    expect(Object.keys(LIFE_CYCLE).sort()).toEqual([...EVENT_NAMES].sort());
  });

  it('has each row here once', () => {
    expect(new Set(ROWS.map(([event, state]) => `${event} ${state}`)).size).toBe(ROWS.length);
  });

  describe.each(EVENT_NAMES)('for %s', (event) => {
    it.each(STATE_NAMES)('has the row of %s, or none', (state) => {
      const row = rowOf(event, state);
      if (row === undefined) {
        expect(LIFE_CYCLE[event][state]).toBeUndefined();
        return;
      }
      const [, , next, effects, tells] = row;
      expect(LIFE_CYCLE[event][state]).toEqual([next, ...words(effects), ...words(tells)]);
    });
  });

  it.each(STATE_NAMES)('has no way back to %s', (start) => {
    const nextOf = (from: State): State[] =>
      EVENT_NAMES.map((event) => LIFE_CYCLE[event][from]?.[0]).filter((to) => to !== undefined);
    const reached = new Set(nextOf(start).filter((state) => state !== start));
    for (const state of reached) for (const next of nextOf(state)) reached.add(next);
    expect(reached).not.toContain(start);
  });
});

describe('An event', () => {
  it.each(PAIRS)('$event in $state moves on, has each effect once, then tells', (pair) => {
    const { event, state, row } = pair;
    const { life, log } = begin(state);
    life.failure = fault();
    life.apply(event);
    if (row === undefined) {
      expect([life.state, log]).toEqual([state, []]);
      return;
    }
    const [, , next, effects, tells] = row;
    expect(life.state).toBe(next);
    expect(log).toEqual([...words(effects), 'finishIfDone', ...words(tells)]);
  });

  it.each(PAIRS)('$event in $state tells no failure where there is none', (pair) => {
    const { life, log } = begin(pair.state);
    life.apply(pair.event);
    expect(log).not.toContain('tellFailure');
    expect(log.includes('tellClosed')).toBe(pair.row?.[2] === 'CLOSED');
  });

  it('has moved on before its first effect', () => {
    const { life, within } = begin();
    const seen: unknown[] = [];
    within.startCloseTimer = () => seen.push(life.state, life.readyState, life.sends);
    life.apply('close');
    expect(seen).toEqual(['CLOSING', ReadyState.CLOSING, false]);
  });

  it('may come within an effect: its effects follow at once, and the calls stay last', () => {
    const { life, log, within } = begin();
    // As our Close does, when nothing waits before it.
    within.queueClose = () => life.apply('closeSent');
    life.apply('closeReceived');
    expect(life.state).toBe('CLOSE_COMPLETE');
    expect(log).toEqual([
      'startCloseTimer',
      'stopReading',
      'dropUnfinished',
      'queueClose',
      'finishIfDone',
      'tellClosing',
    ]);
  });

  it('may fail within an effect of another, and the failure is told first', () => {
    const { life, log, within } = begin();
    within.queueClose = () => life.fail(fault());
    life.apply('close');
    expect(life.state).toBe('FAILED');
    expect(log).toEqual([
      'startCloseTimer',
      'queueClose',
      'startCloseTimer',
      'stopReading',
      'dropWaiting',
      'sendFailure',
      'easeBrake',
      'finishIfDone',
      'tellFailure',
      'tellClosing',
    ]);
  });

  it('may be the last one within finishIfDone, and everything is told in order', () => {
    const { life, log, within } = begin();
    within.finishIfDone = () => life.apply('finished');
    life.fail(fault());
    expect(life.state).toBe('CLOSED');
    expect(log.filter((name) => name.startsWith('tell'))).toEqual([
      'tellFailure',
      'tellClosing',
      'tellClosed',
    ]);
    expect(log.indexOf('release')).toBeLessThan(log.indexOf('tellFailure'));
  });

  it('may come within a call of the application, whose turn ends first', () => {
    const { life, log, within } = begin();
    within.tellClosing = () => {
      life.apply('finished');
      log.push('returned');
    };
    life.apply('close');
    expect(log.slice(-5)).toEqual([
      'stopReading',
      'release',
      'finishIfDone',
      'returned',
      'tellClosed',
    ]);
  });
});

describe('An effect that throws', () => {
  it('keeps none of the others back, and the exception comes out last', () => {
    const { life, log, within } = begin();
    const bug = new Error('in a callback');
    within.startCloseTimer = () => {
      throw bug;
    };
    within.sendFailure = () => {
      throw new Error('second');
    };
    expect(() => life.fail(fault())).toThrow(bug);
    expect(log).toEqual([
      'startCloseTimer',
      'stopReading',
      'dropWaiting',
      'sendFailure',
      'finishIfDone',
      'tellFailure',
      'tellClosing',
    ]);
  });

  it('leaves a life that goes on to its end', () => {
    for (const effect of ['flushWaiting', 'finishIfDone'] as const) {
      const { life, log, within } = begin('CONNECTING');
      within[effect] = () => {
        throw new Error('in a callback');
      };
      expect(() => life.apply('opened')).toThrow('in a callback');
      expect(life.state).toBe('OPEN');
      delete within[effect];
      life.apply('finished');
      expect(log.slice(-2)).toEqual(['tellClosing', 'tellClosed']);
    }
  });
});

describe('What the application is told', () => {
  it('comes once, whatever is to come twice', () => {
    const { life, log } = begin();
    for (const event of ['close', 'transportEnded', 'closeReceived', 'finished'] as const) {
      life.apply(event);
    }
    life.apply('finished');
    expect(log.filter((name) => name.startsWith('tell'))).toEqual(['tellClosing', 'tellClosed']);
  });

  it('is the failure of an opening handshake only when it ends', () => {
    const { life, log } = begin('CONNECTING');
    life.fail(fault());
    expect(log).toEqual(['dropWaiting', 'abandonOpening', 'finishIfDone']);
    life.apply('finished');
    expect(log.slice(3)).toEqual([
      'stopReading',
      'release',
      'finishIfDone',
      'tellFailure',
      'tellClosing',
      'tellClosed',
    ]);
  });

  it('is one failure at most, one closing and one close, the close last, in any order', () => {
    const anyEvent = fc.constantFrom(...EVENT_NAMES);
    const anyStart = fc.constantFrom<State>('CONNECTING', 'OPEN');
    fc.assert(
      fc.property(anyStart, fc.array(anyEvent, { maxLength: 12 }), (start, events) => {
        const { life, log } = begin(start);
        for (const event of events) {
          if (event === 'fail') life.fail(fault());
          else life.apply(event);
        }
        life.apply('finished');
        const tells = log.filter((name) => name.startsWith('tell'));
        expect(new Set(tells).size).toBe(tells.length);
        expect(tells).toContain('tellClosing');
        expect(tells.at(-1)).toBe('tellClosed');
        expect(tells.includes('tellFailure')).toBe(life.failure !== undefined);
        expect(log.filter((name) => name === 'release')).toEqual(['release']);
      }),
      { numRuns: 500 },
    );
  });

  it('is told to the end when one call throws, and the first exception reaches the caller', () => {
    const { life, log, within } = begin();
    const first = new Error('first');
    within.finishIfDone = () => life.apply('finished');
    within.tellFailure = () => {
      throw first;
    };
    within.tellClosing = () => {
      throw new Error('second');
    };
    expect(() => life.fail(fault())).toThrow(first);
    expect(log.slice(-3)).toEqual(['tellFailure', 'tellClosing', 'tellClosed']);
    expect(life.state).toBe('CLOSED');
  });
});

describe('fail', () => {
  it('keeps the first failure', () => {
    const { life, log } = begin();
    const first = fault();
    life.fail(first);
    const { length } = log;
    life.fail(new WebSocketError('WS_ABORTED'));
    expect(life.failure).toBe(first);
    expect(log.length).toBe(length);
  });

  it('is kept where it changes nothing any more: after a drop', () => {
    const { life, log } = begin();
    life.apply('drop');
    const { length } = log;
    life.fail(fault());
    expect([life.state, log.length]).toEqual(['DROPPED', length]);
  });

  it('comes too late when the connection is closed', () => {
    const { life, log } = begin();
    life.apply('finished');
    const { length } = log;
    life.fail(fault());
    expect([life.failure, log.length]).toEqual([undefined, length]);
  });
});

describe('tell', () => {
  it('calls at once while nothing is being applied', () => {
    const { life, log } = begin();
    life.tell(() => log.push('told'));
    expect(log).toEqual(['told']);
  });

  it('waits within an effect, behind what waits already', () => {
    const { life, log, within } = begin();
    within.sendFailure = () => life.tell(() => log.push('told'));
    life.fail(fault());
    expect(log.slice(-4)).toEqual(['finishIfDone', 'told', 'tellFailure', 'tellClosing']);
  });

  it('waits within another call until it has returned', () => {
    const { life, log } = begin();
    life.tell(() => {
      life.tell(() => log.push('inner'));
      log.push('outer');
    });
    expect(log).toEqual(['outer', 'inner']);
  });
});

describe('wasClean', () => {
  const status = { code: 1000, reason: '' };

  it.each([
    [true, true, false, true],
    [true, false, false, false],
    [false, true, false, false],
    [false, false, false, false],
    [true, true, true, false],
  ])('Close sent %s, received %s, failed %s: %s (RFC 6455 §7.1.4)', (...row) => {
    const [isSent, isReceived, hasFailed, wasClean] = row;
    const { life } = begin();
    life.closeSent = isSent ? status : undefined;
    life.closeReceived = isReceived ? status : undefined;
    life.failure = hasFailed ? fault() : undefined;
    expect(life.wasClean).toBe(wasClean);
  });
});
