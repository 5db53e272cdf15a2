import { describe, expect, it } from 'vitest';
import { Connection } from '../../src/connection/connection.ts';
import type { Role } from '../../src/connection/options.ts';
import { nodePlatform } from '../../src/node/node-platform.ts';
import { utf8 } from '../support/hex.ts';
import { RecordingHandler } from '../support/recording-handler.ts';
import { sendFragment } from '../support/send-fragment.ts';
import { agree, extendedConnection, takeRawFrames } from './extended-connections.ts';
import { plugIn } from './plug-ins.ts';

const ROLES: readonly Role[] = ['client', 'server'];

describe.each(ROLES)('Messages in pieces through a pipeline at a %s', (role) => {
  const sessions = () => agree([plugIn()], [plugIn()])[role];
  const throwing = (): never => {
    throw new Error('of the application');
  };

  it('leave when the connection opens, though the callback of a piece throws', () => {
    const handler = new RecordingHandler();
    const options = { platform: nodePlatform, role, handler, isConnecting: true };
    const connection = new Connection(options);
    sendFragment(connection, 'pie', false, throwing);
    sendFragment(connection, 'ces', true);
    connection.sendText('whole');
    expect(() => connection.open(sessions())).toThrow('of the application');
    const texts = takeRawFrames(connection).map(({ payload }) => Buffer.from(payload).toString());
    expect(texts).toEqual(['pieces', 'whole']);
    connection.transportClosed();
    expect(handler.log).toEqual(['close 1006 unclean']);
  });

  it('do not keep what is behind them from leaving, though the callback of a piece throws', () => {
    const { connection, handler } = extendedConnection(role, sessions());
    let answer = (): void => {};
    const read = (done: (error: undefined, bytes: Uint8Array) => void): void => {
      answer = () => done(undefined, utf8('first'));
    };
    let callCount = 0;
    connection.sendLater(5, read, undefined, { isText: true });
    sendFragment(connection, 'pie', false, throwing);
    sendFragment(connection, 'ces', true, () => callCount++);
    connection.sendText('whole', () => callCount++);
    expect(answer).toThrow('of the application');
    const texts = takeRawFrames(connection).map(({ payload }) => Buffer.from(payload).toString());
    expect(texts).toEqual(['first', 'pieces', 'whole']);
    expect([callCount, handler.log]).toEqual([2, []]);
  });
});
