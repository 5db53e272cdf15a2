import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Role } from '../../src/connection/options.ts';
import { InvalidStateError, WebSocketError } from '../../src/errors.ts';
import { LIMITS } from '../../src/limits.ts';
import type { DriverOptions } from '../../src/node/driver-options.ts';
import { nodePlatform } from '../../src/node/node-platform.ts';
import { closePayload, describeFrames, frameTo } from '../support/frames.ts';
import { concat, sameBytes, utf8 } from '../support/hex.ts';
import { MemoryDuplex } from '../support/memory-duplex.ts';
import { RecordingDriver, settle } from '../support/recording-driver.ts';

const ROLES: readonly Role[] = ['client', 'server'];

interface Driven {
  readonly socket: MemoryDuplex;
  readonly driver: RecordingDriver;
}

function attached(
  role: Role,
  options: Partial<DriverOptions> = {},
  prelude?: Uint8Array,
  socket = new MemoryDuplex(),
): Driven {
  const driver = new RecordingDriver(socket, { role, platform: nodePlatform, ...options });
  driver.attach(prelude);
  return { socket, driver };
}

function started(role: Role, options: Partial<DriverOptions> = {}): Driven {
  const driven = attached(role, options);
  driven.driver.start(new Uint8Array(0));
  return driven;
}

const framesOf = (role: Role, { socket }: Driven) => describeFrames(role, socket.written);
const text = (role: Role, payload: string) => frameTo(role, { opcode: 'text', payload });
const closeFrame = (role: Role) => frameTo(role, { opcode: 'close', payload: closePayload(1000) });

afterEach(() => {
  vi.useRealTimers();
});

describe.each(ROLES)('The writes of a %s', (role) => {
  it('are one for all that a read causes, at its end', async () => {
    const { socket, driver } = started(role);
    const pings = Array.from({ length: 100 }, (_, index) =>
      frameTo(role, { opcode: 'ping', payload: `${index}` }),
    );
    socket.deliver(concat(pings));
    await settle();
    expect(socket.writes.length).toBe(1);
    expect(describeFrames(role, socket.written).length).toBe(100);
    expect(driver.log.length).toBe(100);
  });

  it('are one for all that a turn sends, on the next tick, in order', async () => {
    const driven = started(role);
    const { connection } = driven.driver;
    connection.sendText('a');
    connection.sendBinary(new Uint8Array(8000).fill(0x62));
    connection.ping(utf8('c'));
    connection.sendText('d'.repeat(9000));
    expect(driven.socket.writes.length).toBe(0);
    await settle();
    expect(driven.socket.writes.length).toBe(1);
    expect(framesOf(role, driven)).toEqual([
      'text "a"',
      'binary "b" x 8000',
      'ping "c"',
      'text "d" x 9000',
    ]);
  });

  it('begin with the prelude, and with what is sent in the same turn', async () => {
    const { socket, driver } = attached(role, {}, utf8('HTTP/1.1 101\r\n\r\n'));
    driver.connection.sendText('first');
    await settle();
    expect(socket.writes.length).toBe(1);
    const [prelude, ...frames] = socket.writes[0] ?? [];
    expect(sameBytes(prelude, utf8('HTTP/1.1 101\r\n\r\n'))).toBe(true);
    expect(describeFrames(role, concat(frames))).toEqual(['text "first"']);
  });

  it('begin with the prelude, also when the application writes to the socket itself', async () => {
    const driven = attached(role, {}, utf8('101'));
    driven.socket.write(text(role === 'server' ? 'client' : 'server', 'raw'));
    await settle();
    expect(sameBytes(driven.socket.written.subarray(0, 3), utf8('101'))).toBe(true);
    expect(describeFrames(role, driven.socket.written.subarray(3))).toEqual(['text "raw"']);
  });

  it('are one at a time: what is sent meanwhile gathers', async () => {
    const driven = started(role);
    const { socket, driver } = driven;
    socket.isStuck = true;
    driver.connection.sendText('a');
    await settle();
    for (const each of ['b', 'c']) {
      driver.connection.sendText(each);
      await settle();
    }
    expect(socket.writes.length).toBe(1);
    socket.release();
    await settle();
    expect(socket.writes.length).toBe(2);
    expect(framesOf(role, driven)).toEqual(['text "a"', 'text "b"', 'text "c"']);
  });

  it('leave memory alone that a Duplex still refers to', async () => {
    const all = [started(role), started(role), started(role)];
    for (let round = 0; round < 50; round++) {
      for (const { driver } of all) driver.connection.sendText(`${round}`.padEnd(10));
      if (round % 3 === 0) await settle();
    }
    await settle();
    const wanted = Array.from({ length: 50 }, (_, round) => `text "${`${round}`.padEnd(10)}"`);
    for (const driven of all) expect(framesOf(role, driven)).toEqual(wanted);
  });
});

describe.each(ROLES)('The callbacks of a %s', (role) => {
  it('are called once each, in order, when the socket is done with the bytes', async () => {
    const { socket, driver } = started(role);
    const calls: unknown[] = [];
    socket.isStuck = true;
    for (const name of ['a', 'b'])
      driver.connection.sendText(name, (error) => calls.push([name, error]));
    await settle();
    driver.connection.ping(utf8(''), (error) => calls.push(['c', error]));
    expect(calls).toEqual([]);
    socket.release();
    await settle();
    expect(calls).toEqual([
      ['a', undefined],
      ['b', undefined],
      ['c', undefined],
    ]);
    socket.destroy();
    await settle();
    expect(calls.length).toBe(3);
  });

  it('get an error once each, in order, when the socket dies', async () => {
    const { socket, driver } = started(role);
    const calls: unknown[] = [];
    socket.isStuck = true;
    driver.connection.sendText('a', (error) => calls.push(['a', error]));
    await settle();
    driver.connection.sendText('b', (error) => calls.push(['b', error]));
    socket.destroy(new Error('read ECONNRESET'));
    await settle();
    const { failure } = driver.connection;
    expect(failure?.code).toBe('WS_TRANSPORT_ERROR');
    expect(calls).toEqual([
      ['a', failure],
      ['b', failure],
    ]);
  });

  it('get an error when the write fails', async () => {
    const { socket, driver } = started(role);
    const calls: unknown[] = [];
    socket.isStuck = true;
    driver.connection.sendText('a', (error) => calls.push(error));
    await settle();
    socket.release(new Error('write EPIPE'));
    await settle();
    expect(calls).toEqual([driver.connection.failure]);
    expect(driver.log).toEqual(['error WS_TRANSPORT_ERROR', 'close 1006 unclean']);
  });

  it('get an error when the socket is dropped without one', async () => {
    const { socket, driver } = started(role);
    const calls: unknown[] = [];
    socket.isStuck = true;
    driver.connection.sendText('a', (error) => calls.push(error));
    driver.terminate();
    await settle();
    expect(calls).toEqual([new InvalidStateError('The connection is closed')]);
    expect(driver.log).toEqual(['close 1006 unclean']);
  });
});

describe.each(ROLES)('Backpressure at a %s', (role) => {
  it('shows in bufferedAmount while the socket is stuck, and in drain when it is not', async () => {
    const { socket, driver } = started(role, { highWaterMark: 1000 });
    const { connection } = driver;
    socket.isStuck = true;
    expect(connection.sendBinary(new Uint8Array(600))).toBe(true);
    await settle();
    expect(connection.bufferedAmount).toBe(600);
    expect(connection.sendBinary(new Uint8Array(600))).toBe(false);
    await settle();
    expect([connection.bufferedAmount, socket.writes.length]).toEqual([1200, 1]);
    expect(driver.log).toEqual([]);
    socket.release();
    await settle();
    expect([connection.bufferedAmount, driver.log]).toEqual([0, ['drain']]);
  });

  it('answers the newest Ping only, also behind the prelude (RFC 6455 §5.5.3)', async () => {
    const { socket, driver } = attached(role, {}, utf8('HTTP/1.1 101\r\n\r\n'));
    socket.isStuck = true;
    driver.start(new Uint8Array(0));
    await settle();
    for (let count = 0; count < 100; count++) {
      driver.readChunk(frameTo(role, { opcode: 'ping', payload: `${count}` }));
    }
    socket.release();
    await settle();
    const frames = concat(socket.writes.slice(1).flat());
    expect(describeFrames(role, frames)).toEqual(['pong "99"']);
  });
});

describe.each(ROLES)('Pausing at a %s', (role) => {
  const input = () => concat([text(role, 'one'), text(role, 'two')]);

  it('stops the socket and the delivery, and resume goes on with the next tick', async () => {
    const { socket, driver } = started(role);
    driver.record.react = () => driver.pause();
    socket.deliver(input());
    await settle();
    expect([driver.log, socket.isPaused()]).toEqual([['text "one"'], true]);
    driver.resume();
    expect(driver.log).toEqual(['text "one"']);
    await settle();
    expect(driver.log).toEqual(['text "one"', 'text "two"']);
  });

  it('undoes a resume of the same turn', async () => {
    const { socket, driver } = started(role);
    driver.pause();
    driver.readChunk(input());
    driver.resume();
    driver.pause();
    await settle();
    expect([driver.log, socket.isPaused(), driver.connection.isPaused]).toEqual([[], true, true]);
  });

  it('within a message that two resumes let through stops the delivery again', async () => {
    const { driver } = started(role);
    driver.pause();
    driver.readChunk(input());
    driver.record.react = () => driver.pause();
    driver.resume();
    driver.resume();
    await settle();
    expect(driver.log).toEqual(['text "one"']);
  });

  it('before the start keeps what came with the handshake', async () => {
    const { socket, driver } = attached(role);
    driver.pause();
    driver.start(text(role, 'head'));
    socket.deliver(text(role, 'next'));
    await settle();
    expect(driver.log).toEqual([]);
    driver.resume();
    await settle();
    expect(driver.log).toEqual(['text "head"', 'text "next"']);
  });

  it('keeps no timer and loses no message when the peer is gone meanwhile', async () => {
    const { socket, driver } = started(role);
    driver.pause();
    driver.readChunk(input());
    socket.destroy();
    await settle();
    expect(driver.log).toEqual([]);
    driver.resume();
    await settle();
    expect(driver.log).toEqual(['text "one"', 'text "two"', 'close 1006 unclean']);
  });
});

describe('The end', () => {
  it('comes from the server once both Close frames went (RFC 6455 §7.1.1)', async () => {
    const { socket, driver } = started('server');
    socket.deliver(closeFrame('server'));
    await settle();
    expect(describeFrames('server', socket.written)).toEqual(['close 1000']);
    expect([socket.writableEnded, driver.log]).toEqual([true, []]);
    socket.deliverEnd();
    await driver.closed;
    expect(driver.log).toEqual(['close 1000 clean']);
  });

  it('is waited for by the client, and followed (RFC 6455 §7.1.1)', async () => {
    const { socket, driver } = started('client');
    socket.deliver(closeFrame('client'));
    await settle();
    expect([socket.writableEnded, driver.log]).toEqual([false, []]);
    socket.deliverEnd();
    await driver.closed;
    expect(socket.writableEnded).toBe(true);
    expect(driver.log).toEqual(['close 1000 clean']);
  });

  it.each(ROLES)(
    'of the peer’s side alone ends ours after what is queued: 1006 at a %s',
    async (role) => {
      const { socket, driver } = started(role);
      const calls: unknown[] = [];
      socket.isStuck = true;
      driver.connection.sendText('stuck');
      await settle();
      driver.connection.sendText('queued', (error) => calls.push(error));
      socket.deliverEnd();
      await settle();
      expect(socket.writableEnded).toBe(false);
      socket.release();
      await driver.closed;
      expect(describeFrames(role, socket.written)).toEqual(['text "stuck"', 'text "queued"']);
      expect([calls, driver.log]).toEqual([[undefined], ['close 1006 unclean']]);
    },
  );

  it.each(ROLES)(
    'follows the Close that tells of a failure, at a %s (RFC 6455 §7.1.7)',
    async (role) => {
      const { socket, driver } = started(role);
      socket.deliver(concat([frameTo(role, { opcode: 3 }), text(role, 'late')]));
      await settle();
      expect(describeFrames(role, socket.written)).toEqual(['close 1002']);
      expect(socket.writableEnded).toBe(true);
      socket.deliverEnd();
      await driver.closed;
      expect(driver.log).toEqual(['error WS_UNKNOWN_OPCODE', 'close 1006 unclean']);
    },
  );

  it.each(ROLES)('comes with the Close 1011 when a handler of a %s throws', async (role) => {
    const { socket, driver } = started(role);
    const bug = new Error('in the application');
    driver.record.react = (line) => {
      if (line.startsWith('text')) throw bug;
    };
    expect(() => driver.readChunk(text(role, 'one'))).toThrow(bug);
    await settle();
    expect(describeFrames(role, socket.written)).toEqual(['close 1011']);
    expect(socket.writableEnded).toBe(true);
  });
});

describe.each(ROLES)('The close timeout of a %s', (role) => {
  const beginnings: Record<string, (driven: Driven) => void> = {
    'our Close is not answered': ({ driver }) => driver.connection.close(1000),
    'the peer does not end the transport': ({ driver }) => driver.readChunk(closeFrame(role)),
    'the connection failed': ({ driver }) => driver.readChunk(frameTo(role, { opcode: 3 })),
    'our end is not read': ({ socket, driver }) => {
      socket.isStuck = true;
      driver.connection.sendText('stuck');
      driver.endReading();
    },
  };

  it.each(Object.entries(beginnings))('destroys the socket when %s', async (_, begin) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const driven = started(role);
    begin(driven);
    await settle();
    vi.advanceTimersByTime(LIMITS.closeTimeout.default - 1);
    await settle();
    expect(driven.socket.destroyed).toBe(false);
    vi.advanceTimersByTime(1);
    await driven.driver.closed;
    expect(driven.socket.destroyed).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is no more when the connection is closed', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { socket, driver } = started(role, { closeTimeoutMs: 5 });
    driver.connection.close(1000);
    expect(vi.getTimerCount()).toBe(1);
    socket.destroy();
    await driver.closed;
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe.each(ROLES)('The heartbeat of a %s', (role) => {
  it('pings, keeps its Pongs to itself, and drops a dead peer with 1006', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
    const driven = started(role, { heartbeat: { intervalMs: 1000, pongTimeoutMs: 1000 } });
    const { socket, driver } = driven;
    expect(driver.roundTripTimeMs).toBeUndefined();
    vi.advanceTimersByTime(1000);
    await settle();
    const [ping = ''] = framesOf(role, driven);
    const payload = JSON.parse(ping.replace('ping ', '')) as string;
    socket.deliver(frameTo(role, { opcode: 'pong', payload }));
    socket.deliver(frameTo(role, { opcode: 'pong', payload: 'mine' }));
    await settle();
    expect(driver.log).toEqual(['pong "mine"']);
    expect(driver.roundTripTimeMs).toBeGreaterThanOrEqual(0);
    vi.advanceTimersByTime(2000);
    await driver.closed;
    expect(driver.log.slice(1)).toEqual(['error WS_PONG_TIMEOUT', 'close 1006 unclean']);
    expect([socket.destroyed, vi.getTimerCount()]).toEqual([true, 0]);
  });

  it('stops with the closing handshake', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
    const { socket, driver } = started(role, { heartbeat: { intervalMs: 10, pongTimeoutMs: 10 } });
    driver.connection.close(1000);
    vi.advanceTimersByTime(1000);
    await settle();
    expect([describeFrames(role, socket.written), driver.log]).toEqual([['close 1000'], []]);
  });
});

describe.each(ROLES)('A socket of a %s that is gone already', (role) => {
  const attachTo = async (socket: MemoryDuplex): Promise<RecordingDriver> => {
    const { driver } = attached(role, {}, undefined, socket);
    driver.start(new Uint8Array(0));
    await driver.closed;
    return driver;
  };

  it('with an error is that error, then 1006', async () => {
    const socket = new MemoryDuplex();
    socket.on('error', () => {});
    socket.destroy(new Error('read ECONNRESET'));
    await settle();
    const { log } = await attachTo(socket);
    expect(log).toEqual(['error WS_TRANSPORT_ERROR', 'close 1006 unclean']);
  });

  it('without an error is 1006', async () => {
    const socket = new MemoryDuplex();
    socket.destroy();
    expect((await attachTo(socket)).log).toEqual(['close 1006 unclean']);
  });

  it('at the peer’s side is 1006', async () => {
    const socket = new MemoryDuplex();
    socket.resume();
    socket.deliverEnd();
    await settle();
    expect(socket.readableEnded).toBe(true);
    expect((await attachTo(socket)).log).toEqual(['close 1006 unclean']);
    expect(socket.writableEnded).toBe(true);
  });

  it('at our side takes no message, and is 1006 once what ended it is out', async () => {
    const socket = new MemoryDuplex();
    socket.isStuck = true;
    socket.end('HTTP/1.1 404 \r\n\r\n');
    const { driver } = attached(role, {}, undefined, socket);
    driver.start(new Uint8Array(0));
    const calls: unknown[] = [];
    driver.connection.sendText('nowhere', (error) => calls.push(error));
    await settle();
    expect(socket.destroyed).toBe(false);
    // The peer need not end, which it may never do.
    socket.release();
    await driver.closed;
    expect(driver.log).toEqual(['close 1006 unclean']);
    expect(calls).toEqual([new InvalidStateError('The connection is closed')]);
  });
});

describe.each(ROLES)('Dropping a connection of a %s', (role) => {
  it('by terminate tells 1006 and nothing of what was read', async () => {
    const { socket, driver } = started(role);
    driver.record.react = () => driver.terminate();
    socket.deliver(concat([text(role, 'one'), text(role, 'two')]));
    await driver.closed;
    expect(driver.log).toEqual(['text "one"', 'close 1006 unclean']);
  });

  it('by abort tells why', async () => {
    const { driver } = started(role);
    driver.abort(new WebSocketError('WS_ABORTED'));
    driver.abort(new WebSocketError('WS_PONG_TIMEOUT'));
    await driver.closed;
    expect(driver.log).toEqual(['error WS_ABORTED', 'close 1006 unclean']);
  });
});

describe.each(ROLES)(
  'Where the owner ends the transport after the closing handshake, a %s',
  (role) => {
    it('ends the transport as soon as both Close frames went', async () => {
      const { socket, driver } = started(role);
      driver.onCloseComplete = () => driver.driver.end();
      driver.connection.close(1000);
      await settle();
      expect(socket.writableEnded).toBe(false);
      socket.deliver(closeFrame(role));
      await settle();
      expect(socket.writableEnded).toBe(true);
    });

    it('ends it behind the answer to the Close of the peer, also when that waits', async () => {
      const driven = started(role);
      const { socket, driver } = driven;
      driver.onCloseComplete = () => driver.driver.end();
      socket.isStuck = true;
      socket.deliver(closeFrame(role));
      await settle();
      expect(socket.writableEnded).toBe(false);
      socket.release();
      await settle();
      expect(framesOf(role, driven)).toEqual(['close 1000']);
      expect(socket.writableEnded).toBe(true);
    });
  },
);

it('A client leaves the end of the transport to the server (RFC 6455 §7.1.1)', async () => {
  const { socket } = started('client');
  socket.deliver(closeFrame('client'));
  await settle();
  expect(socket.writableEnded).toBe(false);
});

describe.each(ROLES)('A Duplex whose write throws, at a %s', (role) => {
  it('is a transport that has failed', async () => {
    const { socket, driver } = started(role);
    const error = new Error('of the Duplex');
    socket._write = () => {
      throw error;
    };
    driver.connection.sendText('lost');
    await settle();
    expect(driver.log).toEqual(['error WS_TRANSPORT_ERROR', 'close 1006 unclean']);
    expect([driver.connection.isClosed, socket.destroyed]).toEqual([true, true]);
  });
});
