import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Role } from '../../src/connection/options.ts';
import type { WebSocketError } from '../../src/errors.ts';
import type {
  Extension,
  ExtensionSession,
  MessageCallback,
} from '../../src/extensions/extension.ts';
import type { ExtensionMessage } from '../../src/extensions/message.ts';
import { PreparedMessage } from '../../src/extensions/prepared-message.ts';
import { nodePlatform } from '../../src/node/node-platform.ts';
import { frameTo } from '../support/frames.ts';
import { hex, utf8 } from '../support/hex.ts';
import { sendFragment } from '../support/send-fragment.ts';
import { CountingCodec } from './counting-codec.ts';
import {
  agree,
  type ExtendedPair,
  extendedConnection,
  extendedPair,
  ownDeflate,
  RSV1,
  RSV2,
  RSV3,
  shuttle,
  takeRawFrames,
} from './extended-connections.ts';
import { LatePlugIn, plugIn } from './plug-ins.ts';
import { noise, records } from './sample-data.ts';

const ROLES: readonly Role[] = ['client', 'server'];
const faye = createRequire(import.meta.url)('permessage-deflate') as Extension;

/** faye's plug-in under another name and on RSV3, as if it were an extension of its own. */
const fayeOnRsv3: Extension = {
  name: 'x-faye',
  type: 'permessage',
  rsv1: false,
  rsv2: false,
  rsv3: true,
  createClientSession: () => onRsv3(faye.createClientSession()!),
  createServerSession: (offers) => onRsv3(faye.createServerSession(offers)!),
};

/** Shows a session that works on RSV1 the RSV3 of each message in its place. */
function onRsv3<Session extends ExtensionSession>(session: Session): Session {
  const translated =
    (method: 'processIncomingMessage' | 'processOutgoingMessage') =>
    (message: ExtensionMessage, callback: MessageCallback): void => {
      const { rsv1, rsv3 } = message;
      message.rsv1 = rsv3;
      session[method](message, (error, result) => {
        Object.assign(message, { rsv1, rsv3: message.rsv1 });
        callback(error, result);
      });
    };
  return Object.assign(Object.create(session) as Session, {
    processIncomingMessage: translated('processIncomingMessage'),
    processOutgoingMessage: translated('processOutgoingMessage'),
  });
}

/** Carries everything between two ends whose extensions answer later, until something is so. */
async function settle(pair: ExtendedPair, isDone: () => boolean): Promise<void> {
  while (!isDone() && pair.near.handler.errors.length + pair.far.handler.errors.length === 0) {
    shuttle(pair);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('linkExtensions', () => {
  const codecOf = (): CountingCodec => new CountingCodec();

  it('joins permessage-deflate alone directly: messages may be streamed and fragmented', () => {
    const extension = ownDeflate(codecOf());
    const pair = extendedPair({ client: [extension], server: [extension] });
    sendFragment(pair.near.connection, 'a', false);
    sendFragment(pair.near.connection, 'b', true);
    expect(takeRawFrames(pair.near.connection).length).toBe(2);
  });

  it('puts any other, and several, into a pipeline: fragments leave as one frame', () => {
    for (const extensions of [[plugIn()], [ownDeflate(codecOf()), plugIn()]]) {
      const pair = extendedPair({ client: extensions, server: extensions });
      let callCount = 0;
      for (const isLast of [false, false, true]) {
        sendFragment(pair.near.connection, 'piece ', isLast, () => callCount++);
      }
      expect(takeRawFrames(pair.near.connection).length).toBe(1);
      expect(callCount).toBe(3);
    }
  });

  it('carries outgoing messages in order, incoming ones in reverse (RFC 6455 §9.1)', () => {
    const tag = (message: ExtensionMessage, text: string): ExtensionMessage =>
      Object.assign(message, { data: utf8(`${Buffer.from(message.data)}${text}`) });
    const tagged = (name: string): Extension =>
      plugIn({
        name,
        session: {
          processIncomingMessage: (each, callback) => callback(null, tag(each, ` <${name}`)),
          processOutgoingMessage: (each, callback) => callback(null, tag(each, ` >${name}`)),
        },
      });
    const extensions = ['a', 'b', 'c'].map(tagged);
    const pair = extendedPair({ client: extensions, server: extensions });
    pair.near.connection.sendText('m');
    shuttle(pair);
    expect(pair.far.handler.log).toEqual(['text "m >a >b >c <c <b <a"']);
  });

  it('closes all sessions at once, once each, though one throws and one never answers', () => {
    const log: string[] = [];
    const late = new LatePlugIn();
    const closing = (name: string, close: () => void): Extension =>
      plugIn({ name, session: { close } });
    const extensions = [
      closing('x-a', () => log.push('close a')),
      closing('x-broken', () => {
        throw new Error('broken');
      }),
      late,
      closing('x-c', () => log.push('close c')),
    ];
    const sessions = agree(extensions, extensions).server;
    const { connection, handler } = extendedConnection('server', sessions);
    connection.receive(frameTo('server', { opcode: 'text', rsv: RSV2, payload: 'm' }));
    connection.sendText('m');
    connection.transportClosed();
    expect(log).toEqual([]);
    connection.expire();
    connection.expire();
    expect([log, late.closeCount]).toEqual([['close a', 'close c'], 1]);
    late.answerAll();
    expect(handler.log).toEqual(['close 1006 unclean']);
    expect([log.length, late.closeCount]).toEqual([2, 1]);
  });

  it('is nothing without extensions', () => {
    const pair = extendedPair({ client: [plugIn()], server: [] });
    pair.near.connection.sendText('m');
    shuttle(pair);
    expect(pair.far.handler.log).toEqual(['text "m"']);
    pair.near.connection.receive(frameTo(pair.near.connection.role, { opcode: 'text', rsv: RSV1 }));
    expect(pair.near.handler.log).toEqual(['error WS_RESERVED_BIT']);
  });
});

describe.each(ROLES)('A plug-in that answers later, at both ends, seen from a %s', (role) => {
  const latePair = () => {
    const near = new LatePlugIn();
    const far = new LatePlugIn();
    const [client, server] = role === 'client' ? [near, far] : [far, near];
    return { ...extendedPair({ role, client: [client], server: [server] }), plugs: { near, far } };
  };

  it('gets every message, the order of each direction is kept, and both Closes wait', () => {
    fc.assert(
      fc.property(
        fc.infiniteStream(fc.nat()),
        fc.nat(12),
        fc.nat(12),
        (picks, fromNear, fromFar) => {
          const { plugs, ...pair } = latePair();
          const pick = (): number => picks.next().value ?? 0;
          const textsOf = (name: string, count: number): string[] =>
            Array.from({ length: count }, (_, index) => `${name} ${index}`);
          const [nearTexts, farTexts] = [textsOf('near', fromNear), textsOf('far', fromFar)];
          for (const text of nearTexts) pair.near.connection.sendText(text);
          for (const text of farTexts) pair.far.connection.sendText(text);
          pair.near.connection.close(1000, 'done');
          while (plugs.near.questions.length + plugs.far.questions.length > 0) {
            const plug = plugs.near.questions.length > 0 ? plugs.near : plugs.far;
            plug.answer(pick() % plug.questions.length);
            if (pick() % 2 === 0) shuttle(pair);
          }
          shuttle(pair);
          while (plugs.near.questions.length + plugs.far.questions.length > 0) {
            plugs.near.answerAll();
            plugs.far.answerAll();
            shuttle(pair);
          }
          expect(pair.far.handler.log).toEqual(nearTexts.map((text) => `text "${text}"`));
          expect(pair.near.handler.log).toEqual(farTexts.map((text) => `text "${text}"`));
          for (const { connection, handler } of [pair.near, pair.far]) {
            connection.transportClosed();
            expect(handler.log.at(-1)).toBe('close 1000 "done" clean');
          }
          expect([plugs.near.closeCount, plugs.far.closeCount]).toEqual([1, 1]);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('counts what it holds as buffered, and holds the sender back', () => {
    const { near, plugs } = latePair();
    near.connection.sendText('x'.repeat(600_000));
    expect(near.connection.sendText('x'.repeat(600_000))).toBe(false);
    expect(near.connection.bufferedAmount).toBe(1_200_000);
    plugs.near.answerAll();
    takeRawFrames(near.connection);
    expect(near.connection.bufferedAmount).toBe(0);
    expect(near.handler.log).toEqual(['drain']);
  });

  it('has callbacks called once each, in order, also at an unexpected end', () => {
    for (const ends of [false, true]) {
      const { near, plugs } = latePair();
      const called: string[] = [];
      for (const name of ['1', '2', '3']) {
        near.connection.sendText(name, (error) => called.push(error ? `${name} lost` : name));
      }
      plugs.near.answer(0);
      if (ends) {
        near.connection.transportClosed();
        expect(near.connection.bufferedAmount).toBe(3);
      }
      plugs.near.answerAll();
      takeRawFrames(near.connection);
      expect(called).toEqual(ends ? ['1 lost', '2 lost', '3 lost'] : ['1', '2', '3']);
    }
  });

  it('fails the connection when it cannot send a message: one error, 1011', () => {
    const { near, plugs } = latePair();
    const errors: (Error | undefined)[] = [];
    for (const text of ['1', '2', '3'])
      near.connection.sendText(text, (error) => errors.push(error));
    plugs.near.answer(1, new Error('cannot be turned'));
    expect(near.handler.log).toEqual([]);
    plugs.near.answer(0);
    expect(near.handler.log).toEqual(['error WS_INTERNAL']);
    const frames = takeRawFrames(near.connection);
    expect(frames.map(({ opcode, rsv }) => [opcode, rsv])).toEqual([
      [1, RSV2],
      [8, 0],
    ]);
    expect(frames[1]!.payload.slice(0, 2)).toEqual(hex('03 F3'));
    expect(errors.map((error) => (error as WebSocketError | undefined)?.code)).toEqual([
      'WS_INTERNAL',
      'WS_INTERNAL',
      undefined,
    ]);
    near.connection.transportClosed();
    plugs.near.answerAll();
    expect(plugs.near.closeCount).toBe(1);
  });

  it('shares a pipeline with permessage-deflate, in both directions', () => {
    const near = new LatePlugIn();
    const far = new LatePlugIn();
    const deflate = ownDeflate(new CountingCodec());
    const [client, server] = role === 'client' ? [near, far] : [far, near];
    const pair = extendedPair({ role, client: [deflate, client], server: [server, deflate] });
    expect(pair.answer).toBe('x-late; turned, permessage-deflate');
    const texts = Array.from({ length: 12 }, (_, index) => records(300 + index, `${index % 3}`));
    for (const text of texts) pair.near.connection.sendText(text);
    while (near.questions.length > 0) near.answer(near.questions.length - 1);
    const frames = takeRawFrames(pair.near.connection);
    expect(frames.every(({ rsv }) => rsv === RSV1 + RSV2)).toBe(true);
    for (const { opcode, rsv, payload } of frames) {
      pair.far.connection.receive(frameTo(pair.far.connection.role, { opcode, rsv, payload }));
    }
    while (far.questions.length > 0) far.answer(far.questions.length - 1);
    expect(pair.far.handler.log).toEqual(texts.map((text) => `text ${JSON.stringify(text)}`));
  });
});

describe.each(ROLES)('faye’s permessage-deflate as a plug-in, seen from a %s', (role) => {
  const texts = Array.from({ length: 20 }, (_, index) =>
    index % 7 === 3 ? records(80_000, `${index}`) : records(index * 50, `${index % 4}`),
  );
  const lines = texts.map((text) => `text ${JSON.stringify(text)}`);

  it.each<[string, (codec: CountingCodec) => [Extension[], Extension[]]]>([
    ['at both ends', () => [[faye], [faye]]],
    ['at the client, against ours', (codec) => [[faye], [ownDeflate(codec)]]],
    ['at the server, against ours', (codec) => [[ownDeflate(codec)], [faye]]],
    [
      'with another plug-in',
      () => [
        [faye, plugIn()],
        [plugIn(), faye],
      ],
    ],
    [
      'under another bit, with ours in the same pipeline',
      (codec) => [
        [ownDeflate(codec), fayeOnRsv3],
        [fayeOnRsv3, ownDeflate(codec)],
      ],
    ],
  ])('carries messages both ways: %s', async (_, extensionsOf) => {
    const [client, server] = extensionsOf(new CountingCodec());
    const pair = extendedPair({ role, client, server });
    for (const text of texts) {
      pair.near.connection.sendText(text);
      pair.far.connection.sendText(text);
    }
    pair.near.connection.sendPrepared(new PreparedMessage(nodePlatform, 'prepared'));
    pair.near.connection.sendBinary(noise(500));
    pair.near.connection.close(1000);
    await settle(pair, () => pair.near.connection.closeReceived !== undefined);
    expect(pair.far.handler.log.slice(0, texts.length + 1)).toEqual([...lines, 'text "prepared"']);
    expect(pair.far.handler.log.length).toBe(texts.length + 2);
    expect(pair.near.handler.log).toEqual(lines);
  });
});

describe('Two extensions that claim the same bit', () => {
  it('are not both used: a server passes the second over, ours or another’s', () => {
    const deflate = ownDeflate(new CountingCodec());
    const rival = plugIn({ name: 'x-rival', rsv1: true });
    expect(agree([deflate, rival], [deflate, rival]).answer).toBe('permessage-deflate');
    expect(agree([deflate, rival], [rival, deflate]).answer).toBe('x-rival');
  });

  it('would confuse nobody: a bit that no extension in use has is an error, 1002', () => {
    const sessions = agree([plugIn({ rsv2: true })], [plugIn({ rsv2: true })]).server;
    for (const rsv of [RSV1, RSV3, RSV1 + RSV2]) {
      const { connection, handler } = extendedConnection('server', sessions);
      connection.receive(frameTo('server', { opcode: 'text', rsv }));
      expect(handler.log).toEqual(['error WS_RESERVED_BIT']);
    }
  });
});
