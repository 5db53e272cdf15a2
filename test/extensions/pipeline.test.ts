import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ActiveSession } from '../../src/extensions/extension.ts';
import type { ExtensionFrame, ExtensionMessage } from '../../src/extensions/message.ts';
import { type Direction, Pipeline } from '../../src/extensions/pipeline.ts';
import { RSV1, RSV2 } from '../../src/frame/frame-header.ts';
import { Opcode } from '../../src/frame/opcode.ts';
import { utf8 } from '../support/hex.ts';
import { LatePlugIn, type PlugInSpec, plugIn } from './plug-ins.ts';

const DIRECTIONS: readonly Direction[] = ['incoming', 'outgoing'];

function message(text: string): ExtensionMessage {
  return { rsv1: false, rsv2: false, rsv3: false, opcode: Opcode.TEXT, data: utf8(text) };
}

function textOf({ data }: ExtensionMessage): string {
  return Buffer.from(data).toString();
}

/** A session of a plug-in that notes in the messages which way they passed it. */
function tagged(name: string, log: string[] = []): ActiveSession {
  return sessionOf({
    name,
    session: {
      processIncomingMessage: (each, callback) => {
        callback(null, Object.assign(each, { data: utf8(`${textOf(each)} <${name}`) }));
      },
      processOutgoingMessage: (each, callback) => {
        callback(null, Object.assign(each, { data: utf8(`${textOf(each)} >${name}`) }));
      },
      close: () => log.push(`close ${name}`),
    },
  });
}

function sessionOf(spec: PlugInSpec): ActiveSession {
  const extension = plugIn(spec);
  return { extension, session: extension.createServerSession([])! };
}

function lateSession(late: LatePlugIn): ActiveSession {
  return { extension: late, session: late.createServerSession() };
}

/** A pipeline, and a line for each thing that came out of it. */
function recordedPipeline(sessions: readonly ActiveSession[]) {
  const log: string[] = [];
  const pipeline: Pipeline = new Pipeline(sessions, {
    onIncoming: (each) => log.push(`incoming ${textOf(each)}`),
    onOutgoing: (each) => log.push(`outgoing ${textOf(each)}`),
    onFailed: (direction, error) => log.push(`${direction} failed: ${error.message}`),
    onIdle: () => {},
  });
  const push = (direction: Direction, text: string): void => {
    if (direction === 'incoming') pipeline.pushIncoming(message(text));
    else pipeline.pushOutgoing(message(text));
  };
  const pending = (direction: Direction): number =>
    direction === 'incoming' ? pipeline.pendingIncoming : pipeline.pendingOutgoing;
  return { pipeline, log, push, pending };
}

function reversed(text: string): string {
  return [...text].reverse().join('');
}

describe('The pipeline', () => {
  it('carries outgoing messages through the sessions in order, incoming in reverse (RFC 6455 §9.1)', () => {
    const { log, push } = recordedPipeline([tagged('a'), tagged('b'), tagged('c')]);
    push('outgoing', 'm');
    push('incoming', 'm');
    expect(log).toEqual(['outgoing m >a >b >c', 'incoming m <c <b <a']);
  });

  it('has nothing on its way once a session has answered at once', () => {
    const { push, pending } = recordedPipeline([tagged('a')]);
    push('outgoing', 'm');
    expect(pending('outgoing')).toBe(0);
  });

  it('knows the reserved bits of its sessions', () => {
    const { pipeline } = recordedPipeline([
      sessionOf({ rsv1: true }),
      sessionOf({ name: 'x-2', rsv2: true }),
    ]);
    expect(pipeline.rsv).toBe(RSV1 | RSV2);
  });

  describe.each(DIRECTIONS)('with %s messages', (direction) => {
    it('keeps their order, whatever the order of the answers', () => {
      fc.assert(
        fc.property(fc.array(fc.nat(), { minLength: 4, maxLength: 12 }), (picks) => {
          const late = new LatePlugIn();
          const { log, push, pending } = recordedPipeline([
            tagged('a'),
            lateSession(late),
            tagged('c'),
          ]);
          for (const index of picks.keys()) push(direction, `${index}`);
          expect(pending(direction)).toBe(picks.length);
          for (const pick of picks) late.answer(pick % late.questions.length);
          const [near, far] = direction === 'incoming' ? [' <c', ' <a'] : [' >a', ' >c'];
          const expected = picks.map(
            (_, index) => `${direction} ${reversed(`${index}${near}`)}${far}`,
          );
          expect(log).toEqual(expected);
          expect(pending(direction)).toBe(0);
        }),
        { numRuns: 50 },
      );
    });

    it('gives a session the next message while it has not answered the last', () => {
      const late = new LatePlugIn();
      const { push } = recordedPipeline([lateSession(late)]);
      for (const text of ['1', '2', '3']) push(direction, text);
      expect(late.questions.map((question) => textOf(question.message))).toEqual(['1', '2', '3']);
    });

    it('lets the other direction pass while this one waits', () => {
      const late = new LatePlugIn();
      const { log, push } = recordedPipeline([lateSession(late)]);
      const other = direction === 'incoming' ? 'outgoing' : 'incoming';
      push(direction, 'waits');
      push(other, 'passes');
      late.answer(1);
      expect(log).toEqual([`${other} sessap`]);
    });

    it('counts an answer once', () => {
      const { log, push } = recordedPipeline([
        sessionOf({
          session: {
            processIncomingMessage: (each, callback) => {
              callback(null, each);
              callback(null, message('again'));
              callback(new Error('again'));
            },
            processOutgoingMessage: (each, callback) => {
              callback(null, each);
              callback(null, message('again'));
              callback(new Error('again'));
            },
          },
        }),
      ]);
      push(direction, 'once');
      expect(log).toEqual([`${direction} once`]);
    });

    it('takes an answer without a message for the message that was asked about', () => {
      const { log, push } = recordedPipeline([
        sessionOf({
          session: {
            processIncomingMessage: (_each, callback) => callback(null),
            processOutgoingMessage: (_each, callback) => callback(undefined, null),
          },
        }),
      ]);
      push(direction, 'm');
      expect(log).toEqual([`${direction} m`]);
    });

    it('stops at the first error: what is before it comes out, what is behind it does not', () => {
      const late = new LatePlugIn();
      const { log, push, pending } = recordedPipeline([lateSession(late)]);
      for (const text of ['1', '2', '3', '4']) push(direction, text);
      late.answer(3);
      late.answer(1, new Error('broken'));
      expect(log).toEqual([]);
      late.answer(0);
      expect(log).toEqual([`${direction} 1`, `${direction} failed: x-late: broken`]);
      late.answerAll();
      push(direction, '5');
      expect(log.length).toBe(2);
      expect(pending(direction)).toBe(0);
    });

    it('lets an error wait for the messages before it that have passed its session', () => {
      const first = new LatePlugIn('x-first');
      const second = new LatePlugIn('x-second');
      const sessions = [lateSession(first), lateSession(second)];
      const inOrder = direction === 'outgoing' ? sessions : sessions.toReversed();
      const { log, push } = recordedPipeline(inOrder);
      for (const text of ['1', '2', '3']) push(direction, text);
      first.answer(0);
      expect(second.questions.length).toBe(1);
      first.answer(0, new Error('broken'));
      first.answer(0);
      expect(second.questions.length).toBe(1);
      expect(log).toEqual([]);
      second.answer(0);
      expect(log).toEqual([`${direction} 1`, `${direction} failed: x-first: broken`]);
    });

    it('leaves the other direction alone when this one has failed', () => {
      const late = new LatePlugIn();
      const { log, push } = recordedPipeline([lateSession(late)]);
      const other = direction === 'incoming' ? 'outgoing' : 'incoming';
      push(direction, 'm');
      late.answer(0, new Error('broken'));
      push(other, 'm');
      late.answerAll();
      expect(log).toEqual([`${direction} failed: x-late: broken`, `${other} m`]);
    });

    const throwing = (error: unknown) => (): never => {
      throw error;
    };
    it.each<
      [string, (each: ExtensionMessage, callback: (...rest: unknown[]) => void) => void, string]
    >([
      ['throws', throwing(new Error('broken')), 'broken'],
      ['throws what is no error', throwing('broken'), 'broken'],
      ['answers a string as its error', (_, callback) => callback('broken'), 'broken'],
      ['answers a number', (_, callback) => callback(null, 42), 'The answer is not a message'],
      ['answers an object', (_, callback) => callback(null, {}), 'The answer is not a message'],
      [
        'answers text where bytes belong',
        (_, callback) => callback(null, { opcode: 1, data: 'text' }),
        'The answer is not a message',
      ],
      [
        'answers wide numbers where bytes belong',
        (_, callback) => callback(null, { opcode: 1, data: new Uint16Array(2) }),
        'The answer is not a message',
      ],
      [
        'answers a control frame',
        (each, callback) => callback(null, { ...each, opcode: Opcode.CLOSE }),
        'The answer is not a message',
      ],
      [
        'spoils the message it was given',
        (each, callback) => {
          Object.assign(each, { data: undefined });
          callback(null);
        },
        'The answer is not a message',
      ],
    ])('fails when a session %s', (_, process, detail) => {
      const own = process as never;
      const session = { processIncomingMessage: own, processOutgoingMessage: own };
      const { log, push } = recordedPipeline([sessionOf({ name: 'x-bad', session })]);
      push(direction, 'm');
      push(direction, 'n');
      expect(log).toEqual([`${direction} failed: x-bad: ${detail}`]);
    });

    it('fails when a session has no such method', () => {
      const session = {
        processIncomingMessage: undefined,
        processOutgoingMessage: undefined,
      } as never;
      const { log, push } = recordedPipeline([sessionOf({ name: 'x-bad', session })]);
      push(direction, 'm');
      expect(log.length).toBe(1);
      expect(log[0]).toMatch(`${direction} failed: x-bad: `);
    });

    it('fails when a session throws after it has answered, behind the message', () => {
      const process = (each: ExtensionMessage, callback: (...rest: unknown[]) => void): void => {
        callback(null, each);
        throw new Error('late');
      };
      const session = { processIncomingMessage: process, processOutgoingMessage: process };
      const { log, push } = recordedPipeline([sessionOf({ session: session as never })]);
      push(direction, 'm');
      expect(log).toEqual([`${direction} m`, `${direction} failed: x-plain: late`]);
    });

    it('does not take what the receiver of a message throws for an error of a session', () => {
      const failed: string[] = [];
      const receive = (): void => {
        throw new Error('of the receiver');
      };
      const pipeline = new Pipeline([tagged('a'), tagged('b')], {
        onIncoming: receive,
        onOutgoing: receive,
        onFailed: (_, error) => failed.push(error.message),
        onIdle: () => {},
      });
      const push = (): void =>
        direction === 'incoming'
          ? pipeline.pushIncoming(message('m'))
          : pipeline.pushOutgoing(message('m'));
      expect(push).toThrow('of the receiver');
      expect(failed).toEqual([]);
    });

    it('forgets what is on its way when it is stopped', () => {
      const late = new LatePlugIn();
      const { pipeline, log, push, pending } = recordedPipeline([lateSession(late)]);
      push(direction, 'm');
      pipeline.stop(direction);
      expect(pending(direction)).toBe(0);
      late.answerAll();
      push(direction, 'n');
      expect(late.questions).toEqual([]);
      expect(log).toEqual([]);
    });
  });
});

describe('The sessions of a pipeline', () => {
  it('are closed at once when nothing is on its way, once each', () => {
    const log: string[] = [];
    const { pipeline } = recordedPipeline([tagged('a', log), tagged('b', log)]);
    pipeline.close();
    pipeline.close();
    expect(log).toEqual(['close a', 'close b']);
  });

  it('are closed when they have answered everything, also what nobody wants any more', () => {
    const late = new LatePlugIn();
    const { pipeline, push } = recordedPipeline([lateSession(late)]);
    push('incoming', '1');
    push('outgoing', '2');
    pipeline.close();
    expect(late.closeCount).toBe(0);
    pipeline.stop('incoming');
    pipeline.stop('outgoing');
    late.answer(0);
    expect(late.closeCount).toBe(0);
    late.answer(0);
    expect(late.closeCount).toBe(1);
  });

  it('are all closed, though one of them throws', () => {
    const log: string[] = [];
    const broken = sessionOf({
      session: {
        close: () => {
          throw new Error('broken');
        },
      },
    });
    const { pipeline } = recordedPipeline([tagged('a', log), broken, tagged('c', log)]);
    expect(() => pipeline.close()).not.toThrow();
    expect(log).toEqual(['close a', 'close c']);
  });
});

describe('The reserved bits of a data frame in a pipeline', () => {
  const frame = (more: Partial<ExtensionFrame>): ExtensionFrame => ({
    final: true,
    rsv1: false,
    rsv2: false,
    rsv3: false,
    opcode: Opcode.TEXT,
    masked: true,
    length: 0,
    ...more,
  });

  it('belong on the first frame of a message', () => {
    const { pipeline } = recordedPipeline([sessionOf({ rsv1: true })]);
    expect(pipeline.isValidRsv(frame({ rsv1: true }))).toBe(true);
    expect(pipeline.isValidRsv(frame({ rsv1: true, opcode: Opcode.CONTINUATION }))).toBe(false);
    expect(pipeline.isValidRsv(frame({ opcode: Opcode.CONTINUATION }))).toBe(true);
  });

  it('are judged by every session that has an opinion', () => {
    const seen: ExtensionFrame[] = [];
    const strict = sessionOf({
      session: {
        validFrameRsv: (each) => {
          seen.push(each);
          return each.length < 10;
        },
      },
    });
    const { pipeline } = recordedPipeline([sessionOf({}), strict]);
    expect(pipeline.isValidRsv(frame({ rsv3: true, length: 9 }))).toBe(true);
    expect(pipeline.isValidRsv(frame({ rsv3: true, length: 10 }))).toBe(false);
    expect(seen[0]).toEqual(frame({ rsv3: true, length: 9 }));
  });
});
