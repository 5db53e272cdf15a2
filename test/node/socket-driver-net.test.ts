import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Role } from '../../src/connection/options.ts';
import type { DriverOptions } from '../../src/node/driver-options.ts';
import { nodePlatform } from '../../src/node/node-platform.ts';
import { describeFrames, frameTo } from '../support/frames.ts';
import { concat, utf8 } from '../support/hex.ts';
import { RecordingDriver, settle } from '../support/recording-driver.ts';
import { type SocketPair, socketPair } from '../support/socket-pair.ts';

const sockets: Socket[] = [];

async function pair(): Promise<SocketPair> {
  const connected = await socketPair();
  sockets.push(connected.client, connected.server);
  return connected;
}

function drive(socket: Socket, role: Role, options: Partial<DriverOptions> = {}): RecordingDriver {
  const driver = new RecordingDriver(socket, { role, platform: nodePlatform, ...options });
  driver.attach();
  driver.start(new Uint8Array(0));
  return driver;
}

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

/** Resolves when a driver has written a line. */
function lineOf(driver: RecordingDriver, wanted: string): Promise<void> {
  return new Promise((resolve) => {
    driver.record.react = (line) => {
      if (line === wanted) resolve();
    };
  });
}

/** Reads whole frames from a bare socket until there are so many bytes. */
function readBytes(socket: Socket, length: number): Promise<Uint8Array> {
  return new Promise((resolve) => {
    const chunks: Uint8Array[] = [];
    let received = 0;
    const onData = (chunk: Uint8Array): void => {
      chunks.push(chunk);
      received += chunk.length;
      if (received < length) return;
      socket.off('data', onData);
      resolve(concat(chunks));
    };
    socket.on('data', onData).resume();
  });
}

describe('A net.Socket', () => {
  it('carries messages both ways, and a clean closing handshake', async () => {
    const { client, server } = await pair();
    const [ours, theirs] = [drive(client, 'client'), drive(server, 'server')];
    const arrived = [lineOf(ours, 'text "to the client"'), lineOf(theirs, 'text "to the server"')];
    ours.connection.sendText('to the server');
    theirs.connection.sendText('to the client');
    await Promise.all(arrived);
    ours.connection.sendBinary(new Uint8Array(1_000_000));
    ours.connection.close(4000, 'done');
    await Promise.all([ours.closed, theirs.closed]);
    expect(theirs.log.slice(1)).toEqual([
      expect.stringMatching(/^binary hex 00 x 1000000$/),
      'close 4000 "done" clean',
    ]);
    expect(ours.log.at(-1)).toMatch(/^close 4000.* clean$/);
  });

  it('gets one write for all that a turn sends, and one for what a read causes', async () => {
    const { client, server } = await pair();
    const driver = drive(client, 'client');
    const before = client.writeCount;
    for (let count = 0; count < 50; count++) driver.connection.sendText('small');
    driver.connection.sendBinary(new Uint8Array(100_000));
    driver.connection.sendText('last');
    await settle();
    // A second, empty one tells when a write is done that the system did not take at once.
    expect(client.writeCount - before).toBeLessThanOrEqual(2);

    driver.readChunk(
      concat(Array.from({ length: 20 }, () => frameTo('client', { opcode: 'ping' }))),
    );
    await readBytes(server, 50 * 11 + 100_014 + 10 + 20 * 6);
    expect(client.writeCount - before).toBeLessThanOrEqual(4);
  });

  it('keeps frames apart from those of other connections, whatever they share', async () => {
    const pairs = await Promise.all([pair(), pair(), pair()]);
    const drivers = pairs.map(({ server }) => drive(server, 'server'));
    const wanted = drivers.map((_, index) =>
      Array.from(
        { length: 300 },
        (__, round) => `text "${index}:${round.toString().padStart(4, '0')}"`,
      ),
    );
    for (let round = 0; round < 300; round++) {
      for (const [index, driver] of drivers.entries()) {
        driver.connection.sendText(`${index}:${round.toString().padStart(4, '0')}`);
      }
      if (round % 7 === 0) await settle();
    }
    const received = await Promise.all(pairs.map(({ client }) => readBytes(client, 300 * 8)));
    expect(received.map((bytes) => describeFrames('server', bytes))).toEqual(wanted);
  });

  it('may have a write of the application’s that holds bytes back', async () => {
    const { client, server } = await pair();
    const { write } = server;
    const held: (() => void)[] = [];
    server.write = (...args: unknown[]) => {
      held.push(() => Reflect.apply(write, server, args));
      return true;
    };
    const driver = drive(server, 'server');
    const calls: string[] = [];
    for (const text of ['first', 'other']) {
      driver.connection.sendText(text, () => calls.push(text));
      await settle();
    }
    expect(calls).toEqual([]);
    // The second waits for the first.
    for (let turn = 0; turn < 2; turn++) {
      for (const go of held.splice(0)) go();
      await settle();
    }
    const frames = describeFrames('server', await readBytes(client, 14));
    expect(frames).toEqual(['text "first"', 'text "other"']);
    expect(calls).toEqual(['first', 'other']);
  });

  it('calls back for what the system took, although what was sent behind it is stuck', async () => {
    const { server } = await pair();
    const driver = drive(server, 'server');
    const calls: string[] = [];
    driver.connection.sendText('first', () => calls.push('first'));
    const piece = new Uint8Array(8000);
    for (let count = 0; count < 2000; count++) driver.connection.sendBinary(piece);
    driver.connection.sendText('last', (error) => calls.push(`last ${error?.name}`));
    await settle();
    expect(calls).toEqual(['first']);
    server.destroy();
    await driver.closed;
    expect(calls).toEqual(['first', 'last InvalidStateError']);
  });

  it('calls back for what the system took, although the socket is gone since', async () => {
    const { server } = await pair();
    const driver = drive(server, 'server');
    const calls: string[] = [];
    driver.connection.sendText('first', () => calls.push('first'));
    server.destroy();
    driver.connection.sendText('last', (error) => calls.push(`last ${error?.name}`));
    await driver.closed;
    expect(calls).toEqual(['first', 'last InvalidStateError']);
  });

  it('calls back in a chain of sends without using up the stack', async () => {
    const { client, server } = await pair();
    const driver = drive(server, 'server');
    client.resume();
    const count = await new Promise<number>((resolve, reject) => {
      let sent = 0;
      const next = (error?: Error): void => {
        if (error !== undefined) reject(error);
        else if (++sent === 20_000) resolve(sent);
        else driver.connection.sendText('x', next);
      };
      driver.connection.sendText('x', next);
    });
    expect(count).toBe(20_000);
    expect(driver.log).toEqual([]);
  });

  it('emits no drain for a long message that the system takes at once', async () => {
    const { server } = await pair();
    const driver = drive(server, 'server');
    let drains = 0;
    server.on('drain', () => drains++);
    driver.connection.sendBinary(new Uint8Array(server.writableHighWaterMark));
    expect(server.writableLength).toBe(0);
    await settle();
    expect(drains).toBe(0);
  });

  it('keeps bufferedAmount while the peer does not read, and drains when it does', async () => {
    const { client, server } = await pair();
    const driver = drive(server, 'server');
    const message = new Uint8Array(1_000_000).fill(0x61);
    const count = 32;
    const calls: number[] = [];
    let isFlowing = true;
    for (let index = 0; index < count; index++) {
      isFlowing = driver.connection.sendBinary(message, () => calls.push(index));
    }
    // The system took some within the calls; what it did not take is counted.
    const total = count * message.length;
    const buffered = driver.connection.bufferedAmount;
    expect([isFlowing, buffered > total / 4, buffered < total]).toEqual([false, true, true]);
    await settle();
    expect(driver.connection.bufferedAmount).toBe(buffered);
    const drained = lineOf(driver, 'drain');
    const received = await readBytes(client, count * (message.length + 10));
    await drained;
    expect(driver.connection.bufferedAmount).toBe(0);
    expect(calls).toEqual(Array.from({ length: count }, (_, index) => index));
    expect(received.length).toBe(count * (message.length + 10));
  });

  it('that is reset is one error and 1006, and each callback gets the error', async () => {
    const { client, server } = await pair();
    const driver = drive(server, 'server');
    const calls: (Error | undefined)[] = [];
    // The reset is there before the write, which therefore fails at once.
    client.resetAndDestroy();
    driver.connection.sendText('a', (error) => calls.push(error));
    driver.connection.sendText('b', (error) => calls.push(error));
    await driver.closed;
    expect(driver.log).toEqual(['error WS_TRANSPORT_ERROR', 'close 1006 unclean']);
    expect(calls).toEqual([driver.connection.failure, driver.connection.failure]);
  });

  it('that the peer half-closes is ended, and 1006', async () => {
    const { client, server } = await pair();
    const driver = drive(server, 'server');
    client.end(frameTo('server', { opcode: 'text', payload: 'last words' }));
    client.resume();
    await driver.closed;
    expect(driver.log).toEqual(['text "last words"', 'close 1006 unclean']);
  });

  it('that the peer half-closes still gets what was sent before', async () => {
    const { client, server } = await pair();
    const driver = drive(server, 'server');
    const line = lineOf(driver, 'text "ask"');
    client.end(frameTo('server', { opcode: 'text', payload: 'ask' }));
    await line;
    driver.connection.sendText('answer');
    const bytes = await readBytes(client, 8);
    expect(describeFrames('server', bytes)).toEqual(['text "answer"']);
    await driver.closed;
  });

  it('has its idle timeout off', async () => {
    const { server } = await pair();
    server.setTimeout(1000);
    drive(server, 'server');
    expect(server.timeout).toBe(0);
  });

  it('sends pings of the application as frames', async () => {
    const { client, server } = await pair();
    const driver = drive(server, 'server');
    driver.connection.ping(utf8('hi'));
    expect(describeFrames('server', await readBytes(client, 4))).toEqual(['ping "hi"']);
  });
});
