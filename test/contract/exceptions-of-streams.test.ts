/**
 * What streams, plug-ins and pull-streams of the application throw: as exceptions.test.ts, where
 * the application's code is called by a stream, or between the wire and a listener.
 */

import { once } from 'node:events';
import type { Duplex, Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { connect as connectPull, source } from '../../src/pull-ws.ts';
import { toDuplex } from '../../src/streams.ts';
import { ROLES, settle } from '../api/sockets.ts';
import { faceUrl } from '../compat/pull-ws/streams.ts';
import { plugIn } from '../extensions/plug-ins.ts';
import { frameTo } from '../support/frames.ts';
import { concat } from '../support/hex.ts';
import { openMain, openWebSocketStream, openWs, type Subject } from '../support/subjects.ts';
import { bomb, expectOneClose, NEVER, reached, SOON } from '../support/thrower.ts';
import { collectUncaught } from '../support/uncaught-exceptions.ts';

type Provoke = (subject: Subject) => void;

const text: Provoke = ({ peer }) => peer.send({ opcode: 'text', payload: 'x' });
/** The peer's Close that follows is enough. */
const nothing: Provoke = () => {};

// ---- Streams ------------------------------------------------------------------------------------

describe.each(ROLES)('A stream at the %s', (role) => {
  it('whose readable strategy throws in size() fails for its reader, and ends once', async () => {
    const uncaught = collectUncaught();
    const thrower = bomb();
    const readableStrategy = { highWaterMark: 1, size: thrower };
    const subject = await openWebSocketStream(role, { closeTimeout: NEVER, readableStrategy });
    // Two in one piece: the first must not take the second with it into the engine's hands.
    const frames = ['1', '2'].map((payload) => frameTo(role, { opcode: 'text', payload }));
    subject.peer.write(concat(frames));
    await reached(() => thrower.count > 0);
    const reading = subject.readable.getReader().read();
    await expect(reading).rejects.toBe(thrower.error);
    await expectOneClose(subject);
    expect(thrower.count).toBe(1);
    expect(subject.peer.frames.filter((line) => line.startsWith('close'))).toHaveLength(1);
    expect(uncaught).toEqual(uncaught.map(() => thrower.error));
  });

  it('whose readable strategy closes it in size() ends once', async () => {
    const uncaught = collectUncaught();
    let close = (): void => {};
    const size = (): number => {
      close();
      return 1;
    };
    const readableStrategy = { highWaterMark: 5, size };
    const subject = await openWebSocketStream(role, { closeTimeout: NEVER, readableStrategy });
    close = () => subject.stream.close({ closeCode: 4000 });
    const frames = ['1', '2'].map((payload) => frameTo(role, { opcode: 'text', payload }));
    subject.peer.write(concat(frames));
    await expectOneClose(subject);
    expect(subject.peer.frames).toEqual(['close 4000']);
    expect(uncaught).toEqual([]);
  });

  it('whose writable strategy throws in size() fails for its writer alone', async () => {
    const uncaught = collectUncaught();
    const thrower = bomb();
    const writableStrategy = { highWaterMark: 1, size: thrower };
    const subject = await openWebSocketStream(role, { closeTimeout: NEVER, writableStrategy });
    await expect(subject.writer.write('x')).rejects.toBe(thrower.error);
    subject.peer.sendClose(1000);
    await expectOneClose(subject);
    expect(uncaught).toEqual([]);
  });

  it('whose data listener throws ends once', async () => {
    const uncaught = collectUncaught();
    const thrower = bomb();
    const subject = await openMain(role, { closeTimeout: NEVER });
    toDuplex(subject.socket)
      .on('error', () => {})
      .on('data', thrower);
    text(subject);
    await reached(() => thrower.count > 0);
    subject.peer.sendClose(1000);
    await expectOneClose(subject);
    expect(uncaught).toEqual([thrower.error]);
  });

  it.each([
    ['readable', (duplex: Duplex) => duplex.read() === null],
    ['prefinish', () => true],
  ])('whose %s listener throws at the end loses no close', async (type, isTime) => {
    const uncaught = collectUncaught();
    const thrower = bomb();
    const subject = await openMain(role, { closeTimeout: NEVER });
    const duplex = toDuplex(subject.socket);
    duplex.on(type, () => isTime(duplex) && thrower());
    const other = once(toDuplex(subject.socket).resume(), 'end');
    text(subject);
    await subject.log.until('message');
    duplex.end();
    await reached(() => subject.peer.frames.length > 0);
    subject.peer.sendClose(1000);
    await expectOneClose(subject);
    await other;
    expect(uncaught).toEqual([thrower.error]);
  });

  it('of a message whose data listener throws ends once', async () => {
    const uncaught = collectUncaught();
    const thrower = bomb();
    const subject = await openMain(role, { closeTimeout: NEVER }, (socket) => {
      socket.on('messagestream', (stream: Readable) =>
        stream.on('error', () => {}).on('data', thrower),
      );
    });
    text(subject);
    await reached(() => thrower.count > 0);
    subject.peer.sendClose(1000);
    await expectOneClose(subject);
    expect(uncaught).toEqual([thrower.error]);
  });
});

// ---- Plug-ins -----------------------------------------------------------------------------------

type Session = NonNullable<Parameters<typeof plugIn>[0]>['session'];

/** What a plug-in may do wrong, and what makes it. */
const PLUG_INS: Readonly<
  Record<string, { session(thrower: () => never): Session; provoke: Provoke }>
> = {
  'processIncomingMessage()': {
    session: (thrower) => ({ processIncomingMessage: thrower }),
    provoke: text,
  },
  'processOutgoingMessage()': {
    session: (thrower) => ({ processOutgoingMessage: thrower }),
    provoke: (subject) => void subject.isRefused(),
  },
  'validFrameRsv()': { session: (thrower) => ({ validFrameRsv: thrower }), provoke: text },
  'close()': { session: (thrower) => ({ close: thrower }), provoke: nothing },
};

describe.each(ROLES)('A plug-in at the %s', (role) => {
  it.each(Object.entries(PLUG_INS))(
    'that throws in %s loses no close',
    async (_, { session, provoke }) => {
      const uncaught = collectUncaught();
      const thrower = bomb();
      const extension = plugIn({ session: session(thrower) ?? {} });
      const subject = await openMain(role, { closeTimeout: NEVER, extension });
      provoke(subject);
      if (provoke !== nothing) await reached(() => thrower.count > 0);
      subject.peer.sendClose(1000);
      await expectOneClose(subject);
      expect(thrower.count).toBe(1);
      expect(uncaught).toEqual(uncaught.map(() => thrower.error));
    },
  );

  it('that answers later harms nothing when a listener of the message throws', async () => {
    const uncaught = collectUncaught();
    const thrower = bomb();
    const answers: (() => void)[] = [];
    const extension = plugIn({
      session: {
        processIncomingMessage: (message, callback) =>
          void answers.push(() => callback(null, message)),
      },
    });
    const options = { closeTimeout: NEVER, extension };
    const subject = await openMain(role, options, (socket) => socket.on('message', thrower));
    text(subject);
    text(subject);
    await reached(() => answers.length === 2);
    for (const answer of answers) expect(answer).not.toThrow();
    expect(subject.log.all('message')).toHaveLength(2);
    subject.peer.sendClose(1000);
    await expectOneClose(subject);
    expect(uncaught).toEqual([thrower.error, thrower.error]);
  });
});

// ---- Pull-streams -------------------------------------------------------------------------------

describe.each(ROLES)('A pull-stream of sanswire/pull-ws at the %s', (role) => {
  it('whose reader throws closes with 1011, once', async () => {
    const uncaught = collectUncaught();
    const thrower = bomb();
    const subject = await openWs(role, { closeTimeout: NEVER }, (socket) => {
      source(socket)(null, thrower);
    });
    text(subject);
    await subject.peer.untilFrame('close 1011');
    await expectOneClose(subject);
    expect([thrower.count, uncaught]).toEqual([1, [thrower.error]]);
  });
});

describe('A client of sanswire/pull-ws', () => {
  it.each(['onConnect', 'onClose'] as const)('whose %s throws ends once', async (name) => {
    const uncaught = collectUncaught();
    const thrower = bomb();
    const ends: unknown[] = [];
    const peer = await faceUrl((url) => {
      const stream = connectPull(url, { [name]: thrower, closeTimeout: SOON });
      stream.source(null, (end) => ends.push(end));
      stream.sink(() => {});
    });
    await settle();
    if (name === 'onClose') peer.send({ opcode: 'close' });
    else await peer.untilFrame('close 1011');
    peer.socket.end();
    await reached(() => ends.length > 0 && thrower.count > 0);
    await settle();
    expect(ends).toHaveLength(1);
    expect([thrower.count, uncaught]).toEqual([1, [thrower.error]]);
  });
});
