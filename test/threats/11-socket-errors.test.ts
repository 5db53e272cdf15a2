/** THREATS 11: a socket 'error' in each state with no listener; close in each state, twice. */

import { describe, expect, it } from 'vitest';
import type { Role } from '../../src/connection/options.ts';
import { nodePlatform } from '../../src/node/node-platform.ts';
import { closePayload, frameTo } from '../support/frames.ts';
import { MemoryDuplex } from '../support/memory-duplex.ts';
import { RecordingDriver, settle } from '../support/recording-driver.ts';

const ROLES: readonly Role[] = ['client', 'server'];

/** Brings a driver to a state; what it has been told until then is not looked at. */
type State = (driver: RecordingDriver, socket: MemoryDuplex, role: Role) => Promise<void> | void;

const closeFrame = (role: Role) => frameTo(role, { opcode: 'close', payload: closePayload(1000) });

/** The states, and whether both Close frames went, after which no error is one. */
const STATES: Record<
  string,
  { readonly enter: State; readonly isClean?: true; readonly hasFailed?: true }
> = {
  'before it reads': { enter: () => {} },
  open: { enter: (driver) => driver.start(new Uint8Array(0)) },
  'in mid-message': {
    enter: (driver, _, role) =>
      driver.start(frameTo(role, { opcode: 'text', fin: false, payload: 'half' })),
  },
  paused: {
    enter: (driver, _, role) => {
      driver.pause();
      driver.start(frameTo(role, { opcode: 'text', payload: 'held' }));
    },
  },
  'while a write is stuck': {
    enter: async (driver, socket) => {
      driver.start(new Uint8Array(0));
      socket.isStuck = true;
      driver.connection.sendText('stuck');
      await settle();
      driver.connection.sendText('queued');
    },
  },
  'after our Close': {
    enter: (driver) => {
      driver.start(new Uint8Array(0));
      driver.connection.close(1000);
    },
  },
  'after the peer’s Close': {
    isClean: true,
    enter: (driver, _, role) => driver.start(closeFrame(role)),
  },
  'after both Closes, ours first': {
    isClean: true,
    enter: (driver, socket, role) => {
      driver.start(new Uint8Array(0));
      driver.connection.close(1000);
      socket.deliver(closeFrame(role));
      return settle();
    },
  },
  'after a failure': {
    hasFailed: true,
    enter: (driver, _, role) => driver.start(frameTo(role, { opcode: 3 })),
  },
  'after the peer’s end': {
    enter: (driver, socket) => {
      driver.start(new Uint8Array(0));
      socket.isStuck = true;
      driver.connection.sendText('stuck');
      driver.endReading();
    },
  },
  'after terminate': {
    enter: (driver) => {
      driver.start(new Uint8Array(0));
      driver.connection.abandon();
    },
  },
};

async function enter(role: Role, name: string) {
  const socket = new MemoryDuplex();
  const driver = new RecordingDriver(socket, { role, platform: nodePlatform });
  driver.attach();
  await STATES[name]?.enter(driver, socket, role);
  await settle();
  return { socket, driver, state: STATES[name] };
}

const isEnd = (line: string): boolean => /^(error|close)/.test(line);

describe.each(ROLES)('A socket of a %s that fails', (role) => {
  it.each(Object.keys(STATES))('%s, is one error and one close, and no crash', async (name) => {
    const { socket, driver, state } = await enter(role, name);
    socket.destroy(new Error('read ECONNRESET'));
    await driver.closed;
    await settle();
    const error =
      state?.hasFailed === true ? 'error WS_UNKNOWN_OPCODE' : 'error WS_TRANSPORT_ERROR';
    const wanted = state?.isClean ? ['close 1000 clean'] : [error, 'close 1006 unclean'];
    expect(driver.log.filter(isEnd)).toEqual(wanted);
  });

  it.each(Object.keys(STATES))('%s, and says so twice, is told once', async (name) => {
    const { socket, driver } = await enter(role, name);
    socket.emit('error', new Error('first'));
    socket.emit('error', new Error('second'));
    socket.destroy(new Error('third'));
    await driver.closed;
    await settle();
    socket.emit('error', new Error('fourth'));
    expect(driver.log.filter((line) => line.startsWith('error')).length).toBeLessThanOrEqual(1);
    expect(driver.log.filter((line) => line.startsWith('close')).length).toBe(1);
  });
});

describe.each(ROLES)('Closing a connection of a %s twice', (role) => {
  it.each(Object.keys(STATES))('%s, tells one close', async (name) => {
    const { socket, driver } = await enter(role, name);
    driver.connection.close(1000);
    driver.connection.close(4000, 'again');
    await settle();
    driver.terminate();
    driver.terminate();
    await driver.closed;
    driver.connection.close(1000);
    driver.terminate();
    await settle();
    expect(driver.log.filter((line) => line.startsWith('close')).length).toBe(1);
    expect(socket.destroyed).toBe(true);
  });
});
