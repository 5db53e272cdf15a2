/** Pings and Pongs whose payload comes later: their place, and what becomes of them. */

import { describe, expect, it } from 'vitest';
import type { LatePayload } from '../../src/connection/late-control.ts';
import type { Role } from '../../src/connection/options.ts';
import { utf8 } from '../support/hex.ts';
import { recordedConnection, takeFrames } from '../support/recorded-connection.ts';

const ROLES: readonly Role[] = ['client', 'server'];

/** A payload that comes when it is told to. */
function held(text: string): { payload: LatePayload; give(error?: Error): void } {
  let done: Parameters<LatePayload['read']>[0] = () => {};
  const read: LatePayload['read'] = (callback) => {
    done = callback;
  };
  return { payload: { length: text.length, read }, give: (error) => done(error, utf8(text)) };
}

describe.each(ROLES)('A payload that comes later, at a %s', (role) => {
  it('keeps its place among messages and other control frames', () => {
    const { connection } = recordedConnection({ role });
    const [first, second] = [held('first'), held('second')];
    connection.sendText('a');
    expect(connection.ping(first.payload)).toBe(true);
    connection.ping(utf8('x'));
    connection.sendText('b');
    connection.pong(second.payload);
    connection.pong(utf8('y'));
    expect(takeFrames(connection)).toEqual(['text "a"']);
    first.give();
    expect(takeFrames(connection)).toEqual(['ping "first"', 'ping "x"', 'text "b"']);
    second.give();
    expect(takeFrames(connection)).toEqual(['pong "second"', 'pong "y"']);
    connection.ping(utf8('at once'));
    expect(takeFrames(connection)).toEqual(['ping "at once"']);
  });

  it('is passed by heartbeats, which keep no turn', () => {
    const { connection } = recordedConnection({ role });
    connection.ping(held('late').payload);
    connection.ping(utf8('heartbeat'), undefined, false);
    expect(takeFrames(connection)).toEqual(['ping "heartbeat"']);
  });

  it('goes ahead of the Close, and is called back when it is written', () => {
    const { connection } = recordedConnection({ role });
    const { payload, give } = held('late');
    const told: unknown[] = [];
    connection.ping(payload, (error) => told.push(error));
    connection.close(4000);
    give();
    expect(told).toEqual([]);
    expect(takeFrames(connection)).toEqual(['ping "late"', 'close 4000']);
    expect(told).toEqual([undefined]);
  });

  it('fails the connection when it cannot be read', () => {
    const { connection } = recordedConnection({ role });
    const { payload, give } = held('late');
    const told: string[] = [];
    const tell = (name: string) => (error?: Error) => void told.push(`${name} ${error?.name}`);
    connection.ping(payload, tell('ping'));
    connection.sendText('behind', tell('text'));
    give(new RangeError('unreadable'));
    expect(connection.failure).toMatchObject({ code: 'WS_INTERNAL' });
    expect(told.sort()).toEqual(['ping RangeError', 'text WebSocketError']);
    expect(takeFrames(connection)).toEqual(['close 1011']);
  });

  it('is refused once the connection is gone, and told so once', () => {
    const { connection } = recordedConnection({ role });
    const { payload, give } = held('late');
    const told: unknown[] = [];
    connection.ping(payload, (error) => told.push(error?.name));
    connection.transportClosed();
    give();
    expect(connection.ping(payload, (error) => told.push(error?.name))).toBe(false);
    expect(told).toEqual(['InvalidStateError', 'InvalidStateError']);
    expect(connection.hasOutput).toBe(false);
  });

  it('is refused at the call when it is longer than 125 bytes (RFC 6455 §5.5)', () => {
    const { connection } = recordedConnection({ role });
    expect(() => connection.ping(held('x'.repeat(126)).payload)).toThrow(RangeError);
    connection.ping(held('late').payload);
    expect(() => connection.ping(new Uint8Array(126))).toThrow(RangeError);
    expect(() => connection.ping([1] as unknown as Uint8Array)).toThrow(TypeError);
  });
});
