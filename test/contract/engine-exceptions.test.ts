/**
 * A handler of `sanswire/engine` that throws: whatever the call has to tell is told all the same,
 * each callback is called once, and then the first error comes out of the call. By then the
 * connection's state is settled: what it is to send can be taken, and a later call finds nothing
 * half done.
 */

import { describe, expect, it } from 'vitest';
import { ROLES, type Role } from '../api/sockets.ts';
import { closePayload, frameTo } from '../support/frames.ts';
import { concat } from '../support/hex.ts';
import { type Recorded, recordedConnection, takeFrames } from '../support/recorded-connection.ts';

/** A connection whose handler throws in some of its methods. */
interface Throwing extends Recorded {
  /** What was thrown, in order. */
  readonly thrown: Error[];
  /**
   * What the handler was told, with `closing` among it, and the callbacks that {@link
   * Throwing.callback} made.
   */
  readonly told: string[];
  /** Makes a callback that throws, or not. */
  callback(name: string, throws: boolean): (error?: Error | null) => void;
}

/**
 * @param events - the first words of the lines at which the handler throws (recording-handler.ts)
 */
function throwing(role: Role, events: readonly string[], options: object = {}): Throwing {
  const recorded = recordedConnection({ role, ...options });
  const thrown: Error[] = [];
  const told: string[] = [];
  const tell = (line: string, throws: boolean): void => {
    told.push(line);
    if (!throws) return;
    const error = new Error(line);
    thrown.push(error);
    throw error;
  };
  recorded.handler.react = (line) => {
    if (line === 'output') return;
    tell(line, events.includes(line.split(' ', 1)[0] ?? ''));
  };
  const callback = (name: string, throws: boolean) => (error?: Error | null) =>
    tell(`${name} ${error instanceof Error ? 'failed' : 'done'}`, throws);
  return { ...recorded, thrown, told, callback };
}

/** Makes a call from which the first error must come. */
function expectFirst({ thrown }: Throwing, call: () => unknown): void {
  const before = thrown.length;
  let caught: unknown = 'nothing';
  try {
    call();
  } catch (error) {
    caught = error;
  }
  expect(thrown.length, 'how many errors were thrown in the call').toBeGreaterThan(before);
  expect(caught).toBe(thrown[before]);
}

const FAULT = 'error WS_UNKNOWN_OPCODE';
const sorted = (lines: readonly string[]): string[] => [...lines].sort();

describe.each(ROLES)('A handler at the %s that throws', (role) => {
  const fault = (): Uint8Array => frameTo(role, { opcode: 3 });
  const text = (payload: string): Uint8Array => frameTo(role, { opcode: 'text', payload });
  const close = (): Uint8Array => frameTo(role, { opcode: 'close', payload: closePayload(1000) });

  it('in onError and onClosing hears of both, and the Close goes out', () => {
    const run = throwing(role, ['error', 'closing']);
    expectFirst(run, () => run.connection.receive(fault()));
    expect(sorted(run.told)).toEqual(['closing', FAULT]);
    expect(run.connection.isOpen).toBe(false);
    expect(takeFrames(run.connection)).toEqual(['close 1002']);
    run.connection.transportClosed();
    expect(run.told.slice(2)).toEqual(['close 1006 unclean']);
  });

  it.each(['error', 'closing'])('in %s alone hears of the other', (event) => {
    const run = throwing(role, [event]);
    expectFirst(run, () => run.connection.receive(fault()));
    expect(sorted(run.told)).toEqual(['closing', FAULT]);
    expect(takeFrames(run.connection)).toEqual(['close 1002']);
  });

  it('in onClose is told once, and finds the connection closed', () => {
    const run = throwing(role, ['close']);
    expectFirst(run, () => run.connection.transportClosed());
    expect(run.connection.isClosed).toBe(true);
    expect(() => run.connection.transportClosed()).not.toThrow();
    expect(run.told).toEqual(['closing', 'close 1006 unclean']);
  });

  it('in all of them is told of the loss of the transport to the end', () => {
    const run = throwing(role, ['error', 'closing', 'close']);
    expectFirst(run, () => run.connection.transportClosed(new Error('a broken wire')));
    expect(run.thrown).toHaveLength(3);
    expect(sorted(run.told)).toEqual(['close 1006 unclean', 'closing', 'error WS_TRANSPORT_ERROR']);
    expect(run.told.at(-1)).toBe('close 1006 unclean');
    expect(run.connection.isClosed).toBe(true);
  });

  it('in onClosing has begun the closing handshake', () => {
    const run = throwing(role, ['closing']);
    expectFirst(run, () => run.connection.close(1000));
    expect(run.connection.isOpen).toBe(false);
    expect(takeFrames(run.connection)).toEqual(['close 1000']);
    run.connection.receive(close());
    run.connection.receiveEnd();
    run.connection.transportClosed();
    expect(run.told).toEqual(['closing', 'close 1000 clean']);
  });

  it('in onClosing answers the Close of the peer', () => {
    const run = throwing(role, ['closing']);
    expectFirst(run, () => run.connection.receive(close()));
    expect(takeFrames(run.connection)).toEqual(['close 1000']);
    run.connection.transportClosed();
    expect(run.told.filter((line) => line === 'closing')).toHaveLength(1);
    expect(run.told.at(-1)).toMatch(/^close 1000/);
  });

  it('in onClosing is told of the peer’s end', () => {
    const run = throwing(role, ['closing']);
    expectFirst(run, () => run.connection.receiveEnd());
    expect(run.connection.shouldEnd).toBe(true);
    run.connection.transportClosed();
    expect(run.told).toEqual(['closing', 'close 1006 unclean']);
  });

  it('in onMessage fails the connection with 1011, and hears of it', () => {
    const run = throwing(role, ['text', 'error', 'closing']);
    const bytes = concat([text('1'), text('2')]);
    expectFirst(run, () => run.connection.receive(bytes));
    expect(run.thrown).toHaveLength(3);
    expect(run.told[0]).toBe('text "1"');
    expect(sorted(run.told)).toEqual(['closing', 'error WS_INTERNAL', 'text "1"']);
    expect(takeFrames(run.connection)).toEqual(['close 1011']);
    run.connection.transportClosed();
    expect(run.told.at(-1)).toBe('close 1006 unclean');
  });

  it('in onPing or onPong fails the connection with 1011, and hears of it', () => {
    for (const opcode of ['ping', 'pong'] as const) {
      const run = throwing(role, [opcode, 'error', 'closing']);
      expectFirst(run, () => run.connection.receive(frameTo(role, { opcode, payload: 'x' })));
      expect(run.thrown).toHaveLength(3);
      expect(takeFrames(run.connection)).toContain('close 1011');
    }
  });
});

describe.each(ROLES)('Callbacks of writes at the %s that throw', (role) => {
  it('are all called when the output is written', () => {
    const run = throwing(role, []);
    run.connection.sendText('1', run.callback('1', true));
    run.connection.sendBinary(Uint8Array.of(2), run.callback('2', false));
    run.connection.ping(Uint8Array.of(3), run.callback('3', true));
    run.connection.sendText('4', run.callback('4', false));
    run.connection.takeOutput();
    expectFirst(run, () => run.connection.outputWritten());
    expect(run.told).toEqual(['1 done', '2 done', '3 done', '4 done']);
    expect(run.connection.bufferedAmount).toBe(0);
    run.connection.sendText('5', run.callback('5', false));
    expect(takeFrames(run.connection)).toEqual(['text "5"']);
    expect(run.told.at(-1)).toBe('5 done');
  });

  it('are all called before onDrain, which is, too', () => {
    const run = throwing(role, ['drain'], { highWaterMark: 1 });
    run.connection.sendText('1', run.callback('1', true));
    run.connection.sendText('2', run.callback('2', true));
    run.connection.takeOutput();
    expectFirst(run, () => run.connection.outputWritten());
    expect(run.told).toEqual(['1 done', '2 done', 'drain']);
  });

  it('are all called with an error when the transport is lost, and onClose is', () => {
    const run = throwing(role, ['error', 'closing', 'close']);
    run.connection.sendText('1', run.callback('1', true));
    run.connection.sendText('2', run.callback('2', false));
    run.connection.takeOutput();
    run.connection.sendText('3', run.callback('3', true));
    run.connection.sendText('4', run.callback('4', false));
    expectFirst(run, () => run.connection.transportClosed(new Error('a broken wire')));
    expect(run.told.filter((line) => /failed/.test(line))).toEqual([
      '1 failed',
      '2 failed',
      '3 failed',
      '4 failed',
    ]);
    expect(sorted(run.told.filter((line) => !/failed/.test(line)))).toEqual([
      'close 1006 unclean',
      'closing',
      'error WS_TRANSPORT_ERROR',
    ]);
    expect(run.told.at(-1)).toBe('close 1006 unclean');
    expect(run.connection.isClosed).toBe(true);
  });

  it('are each called once when more waits than maxBufferedAmount', () => {
    const run = throwing(role, ['error', 'closing'], { maxBufferedAmount: 100 });
    run.connection.sendText('12345', run.callback('1', true));
    run.connection.sendText('12345', run.callback('2', false));
    // Output that is in flight is not to be had back.
    run.connection.takeOutput();
    expectFirst(run, () => run.connection.sendText('x'.repeat(200), run.callback('3', true)));
    expect(run.told).toContain('closing');
    expect(run.told).toContain('error WS_BUFFERED_AMOUNT_EXCEEDED');
    try {
      run.connection.transportClosed();
    } catch (error) {
      expect(run.thrown).toContain(error);
    }
    for (const name of ['1', '2', '3']) {
      expect(run.told.filter((line) => line.startsWith(`${name} `))).toHaveLength(1);
    }
    expect(run.told.at(-1)).toBe('close 1006 unclean');
  });

  it('find the connection closed when it has ended', () => {
    const run = throwing(role, []);
    const states: boolean[] = [];
    run.connection.sendText('1', () => {
      states.push(run.connection.isOpen);
      // Too late: nothing is sent, and no error of it comes out of the call.
      states.push(run.connection.sendText('2'));
    });
    run.connection.transportClosed();
    expect(states).toEqual([false, false]);
    expect(run.told.at(-1)).toBe('close 1006 unclean');
  });
});
