/** The options of every WebSocket: types, ranges and defaults; a wrong one is named at the call. */

import { describe, expect, it } from 'vitest';
import {
  readProtocols,
  readSocketOptions,
  SOCKET_OPTION_NAMES,
} from '../../src/api/socket-options.ts';
import { LIMITS } from '../../src/limits.ts';

describe('readSocketOptions', () => {
  it('gives the defaults', () => {
    expect(readSocketOptions({})).toEqual({ closeTimeoutMs: 30_000 });
    expect(readSocketOptions({ ping: undefined })).toEqual({
      maxLength: 2 ** 26 - 1,
      maxFragments: Infinity,
      highWaterMark: 2 ** 20,
      maxBufferedAmount: Infinity,
      closeTimeoutMs: 30_000,
      heartbeat: undefined,
    });
  });

  it('gives every limit on', () => {
    const options = {
      maxLength: 1,
      maxFragments: 2,
      highWaterMark: 3,
      maxBufferedAmount: 4,
      closeTimeout: 5,
      ping: 6,
      pongTimeout: 7,
    };
    expect(readSocketOptions(options)).toEqual({
      maxLength: 1,
      maxFragments: 2,
      highWaterMark: 3,
      maxBufferedAmount: 4,
      closeTimeoutMs: 5,
      heartbeat: { intervalMs: 6000, pongTimeoutMs: 7000 },
    });
  });

  it('has no heartbeat with ping 0 or null, and one interval of patience by default', () => {
    expect(readSocketOptions({ ping: 0 }).heartbeat).toBe(undefined);
    expect(readSocketOptions({ ping: null }).heartbeat).toBe(undefined);
    expect(readSocketOptions({ ping: 0.5 }).heartbeat).toEqual({
      intervalMs: 500,
      pongTimeoutMs: 500,
    });
    expect(readSocketOptions({ ping: 1, pongTimeout: Infinity }).heartbeat).toEqual({
      intervalMs: 1000,
      pongTimeoutMs: Infinity,
    });
  });

  it('takes Infinity for no limit, where there may be none', () => {
    expect(readSocketOptions({ maxLength: Infinity }).maxLength).toBe(Infinity);
    expect(readSocketOptions({ maxLength: 0 }).maxLength).toBe(0);
    expect(readSocketOptions({ highWaterMark: 0 }).highWaterMark).toBe(0);
  });

  it.each([
    ['maxLength', -1, 'bytes'],
    ['maxLength', 1.5, 'bytes'],
    ['maxLength', Number.NaN, 'bytes'],
    ['maxFragments', 0, 'frames'],
    ['highWaterMark', -1, 'bytes'],
    ['maxBufferedAmount', -1, 'bytes'],
    ['ping', -1, 'seconds'],
    ['ping', LIMITS.ping.maximum + 1, 'seconds'],
    ['ping', Infinity, 'seconds'],
    ['pongTimeout', -1, 'seconds'],
    ['closeTimeout', -1, 'milliseconds'],
    ['closeTimeout', 2 ** 31, 'milliseconds'],
    ['closeTimeout', Infinity, 'milliseconds'],
  ])('refuses %s %d with a RangeError that names it and its unit', (name, value, unit) => {
    const read = () => readSocketOptions({ [name]: value });
    expect(read).toThrow(RangeError);
    expect(read).toThrow(name);
    expect(read).toThrow(unit);
  });

  it.each([
    'maxLength',
    'maxFragments',
    'highWaterMark',
    'maxBufferedAmount',
    'ping',
    'pongTimeout',
    'closeTimeout',
  ])('refuses %s when it is not a number, with a TypeError that names it', (name) => {
    for (const value of ['1', {}, true, [1]]) {
      const read = () => readSocketOptions({ [name]: value });
      expect(read).toThrow(TypeError);
      expect(read).toThrow(name);
    }
  });

  it('reads every option whose name is allowed', () => {
    expect([...SOCKET_OPTION_NAMES].sort()).toEqual([
      'closeTimeout',
      'extensions',
      'headers',
      'highWaterMark',
      'maxBufferedAmount',
      'maxFragments',
      'maxLength',
      'ping',
      'pongTimeout',
      'signal',
    ]);
  });
});

describe('readProtocols', () => {
  it('takes a list, one name, or nothing', () => {
    expect(readProtocols(['irc', 'amqp'])).toEqual(['irc', 'amqp']);
    expect(readProtocols(new Set(['irc']))).toEqual(['irc']);
    expect(readProtocols('irc')).toEqual(['irc']);
    expect(readProtocols('')).toEqual([]);
    expect(readProtocols(null)).toEqual([]);
    expect(readProtocols(undefined)).toEqual([]);
    expect(readProtocols([])).toEqual([]);
  });

  it('refuses anything that is not a list', () => {
    expect(() => readProtocols(7)).toThrow(TypeError);
    expect(() => readProtocols({ irc: true })).toThrow(TypeError);
  });
});
