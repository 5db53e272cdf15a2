import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ActiveSession } from '../../src/extensions/extension.ts';
import type { ExtensionMessage } from '../../src/extensions/message.ts';
import { Pipeline, type PipelineReceiver } from '../../src/extensions/pipeline.ts';
import { Opcode } from '../../src/frame/opcode.ts';
import { utf8 } from '../support/hex.ts';
import { LatePlugIn, type PlugInSpec, plugIn } from './plug-ins.ts';

type Direction = 'incoming' | 'outgoing';
const DIRECTIONS: readonly Direction[] = ['incoming', 'outgoing'];
const METHODS = { incoming: 'processIncomingMessage', outgoing: 'processOutgoingMessage' } as const;

function message(text: string): ExtensionMessage {
  return { rsv1: false, rsv2: false, rsv3: false, opcode: Opcode.TEXT, data: utf8(text) };
}

function textOf({ data }: ExtensionMessage): string {
  return Buffer.from(data).toString();
}

/** A session of a plug-in that notes in the messages which way they passed it. */
function tagged(name: string): ActiveSession {
  return sessionOf({
    name,
    session: {
      processIncomingMessage: (each, callback) => {
        callback(null, Object.assign(each, { data: utf8(`${textOf(each)} <${name}`) }));
      },
      processOutgoingMessage: (each, callback) => {
        callback(null, Object.assign(each, { data: utf8(`${textOf(each)} >${name}`) }));
      },
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

function pipelineOf(
  direction: Direction,
  sessions: readonly ActiveSession[],
  receiver: PipelineReceiver,
): Pipeline {
  const inOrder = direction === 'incoming' ? sessions.toReversed() : sessions;
  return new Pipeline(inOrder, METHODS[direction], receiver);
}

/** A pipeline in each direction, and a line for each thing that came out of them. */
function recordedPipelines(sessions: readonly ActiveSession[]) {
  const log: string[] = [];
  const recorded = (direction: Direction): Pipeline =>
    pipelineOf(direction, sessions, {
      deliver: (each) => log.push(`${direction} ${textOf(each)}`),
      failed: (error) => log.push(`${direction} failed: ${error.message}`),
    });
  const pipelines = { incoming: recorded('incoming'), outgoing: recorded('outgoing') };
  const push = (direction: Direction, text: string): void =>
    pipelines[direction].push(message(text));
  const pending = (direction: Direction): number => pipelines[direction].pendingCount;
  return { ...pipelines, pipelines, log, push, pending };
}

function reversed(text: string): string {
  return [...text].reverse().join('');
}

describe('The pipeline', () => {
  it('carries messages through its sessions in their order', () => {
    const { log, push } = recordedPipelines([tagged('a'), tagged('b'), tagged('c')]);
    push('outgoing', 'm');
    push('incoming', 'm');
    expect(log).toEqual(['outgoing m >a >b >c', 'incoming m <c <b <a']);
  });

  it('has nothing on its way once a session has answered at once', () => {
    const { push, pending } = recordedPipelines([tagged('a')]);
    push('outgoing', 'm');
    expect(pending('outgoing')).toBe(0);
  });

  describe('counts the payload bytes on their way in', () => {
    const resizing = (change: (text: string) => string): ActiveSession =>
      sessionOf({
        session: {
          processIncomingMessage: (each, callback) =>
            callback(null, { ...each, data: utf8(change(textOf(each))) }),
        },
      });

    it('from the push until they come out', () => {
      const late = new LatePlugIn();
      const { incoming, push } = recordedPipelines([lateSession(late)]);
      push('incoming', 'four');
      push('incoming', 'sixsix');
      push('outgoing', 'not counted');
      expect(incoming.pendingLength).toBe(10);
      late.answer(1);
      expect(incoming.pendingLength).toBe(10);
      late.answer(0);
      expect(incoming.pendingLength).toBe(0);
    });

    it('as each session leaves them, also behind one that is not answered', () => {
      const late = new LatePlugIn();
      const longer = resizing((text) => text.repeat(100));
      const shorter = resizing((text) => text.slice(0, 1));
      const { incoming, push } = recordedPipelines([lateSession(late), longer]);
      push('incoming', 'ab');
      expect(incoming.pendingLength).toBe(200);

      const second = recordedPipelines([shorter, lateSession(late)]);
      second.push('incoming', 'abc');
      second.push('incoming', 'abc');
      late.answer(2);
      expect(second.incoming.pendingLength).toBe(6);
      late.answer(1);
      expect(second.incoming.pendingLength).toBe(0);
    });

    it('not when they are dropped, nor when an answer comes too late', () => {
      const late = new LatePlugIn();
      const { incoming, push } = recordedPipelines([lateSession(late)]);
      for (const text of ['1', '22', '333']) push('incoming', text);
      late.answer(0, new Error('broken'));
      expect(incoming.pendingLength).toBe(0);
      late.answerAll();
      push('incoming', '4444');
      expect(incoming.pendingLength).toBe(0);

      const other = recordedPipelines([
        sessionOf({
          session: {
            processIncomingMessage: (each, callback) => {
              other.incoming.stop();
              callback(null, { ...each, data: utf8('longer') });
            },
          },
        }),
      ]);
      other.push('incoming', 'm');
      expect(other.incoming.pendingLength).toBe(0);
    });

    it('by the first answer only', () => {
      const { incoming, push } = recordedPipelines([
        lateSession(new LatePlugIn()),
        sessionOf({
          session: {
            processIncomingMessage: (each, callback) => {
              callback(null, each);
              callback(null, { ...each, data: utf8('a longer one') });
            },
          },
        }),
      ]);
      push('incoming', 'four');
      expect(incoming.pendingLength).toBe(4);
    });
  });

  describe.each(DIRECTIONS)('with %s messages', (direction) => {
    it('keeps their order, whatever the order of the answers', () => {
      fc.assert(
        fc.property(fc.array(fc.nat(), { minLength: 4, maxLength: 12 }), (picks) => {
          const late = new LatePlugIn();
          const { log, push, pending } = recordedPipelines([
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
      const { push } = recordedPipelines([lateSession(late)]);
      for (const text of ['1', '2', '3']) push(direction, text);
      expect(late.questions.map((question) => textOf(question.message))).toEqual(['1', '2', '3']);
    });

    it('takes new messages while it delivers', () => {
      const late = new LatePlugIn();
      const log: string[] = [];
      const pipeline: Pipeline = pipelineOf(direction, [lateSession(late)], {
        deliver: (each) => {
          log.push(textOf(each));
          if (log.length > 1) return;
          pipeline.push(message('3'));
          late.answer(-1);
        },
        failed: () => {},
      });
      for (const text of ['1', '2']) pipeline.push(message(text));
      late.answer(1);
      late.answer(0);
      expect(log).toEqual(['1', '2', '3']);
    });

    it('may be stopped from within a delivery', () => {
      const late = new LatePlugIn();
      const log: string[] = [];
      const pipeline: Pipeline = pipelineOf(direction, [lateSession(late)], {
        deliver: (each) => {
          log.push(textOf(each));
          pipeline.stop();
        },
        failed: () => {},
      });
      for (const text of ['1', '2', '3']) pipeline.push(message(text));
      for (const index of [2, 1, 0]) late.answer(index);
      expect(log).toEqual(['1']);
      expect([pipeline.pendingCount, pipeline.pendingLength]).toEqual([0, 0]);
    });

    it('takes no longer for each message, however many wait', () => {
      const answers: (() => void)[] = [];
      const process = (each: ExtensionMessage, callback: (...rest: unknown[]) => void): void =>
        void answers.push(() => callback(null, each));
      const own = process as never;
      const session = { processIncomingMessage: own, processOutgoingMessage: own };
      let count = 0;
      const pipeline = pipelineOf(direction, [sessionOf({ session })], {
        deliver: () => count++,
        failed: () => {},
      });
      for (let index = 0; index < 200_000; index++) pipeline.push(message(''));
      for (let answer = answers.pop(); answer !== undefined; answer = answers.pop()) answer();
      expect([count, pipeline.pendingCount]).toEqual([200_000, 0]);
    });

    it('lets the other direction pass while this one waits', () => {
      const late = new LatePlugIn();
      const { log, push } = recordedPipelines([lateSession(late)]);
      const other = direction === 'incoming' ? 'outgoing' : 'incoming';
      push(direction, 'waits');
      push(other, 'passes');
      late.answer(1);
      expect(log).toEqual([`${other} sessap`]);
    });

    it('counts an answer once', () => {
      const { log, push } = recordedPipelines([
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
      const { log, push } = recordedPipelines([
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
      const { log, push, pending } = recordedPipelines([lateSession(late)]);
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
      const { log, push } = recordedPipelines(inOrder);
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
      const { log, push } = recordedPipelines([lateSession(late)]);
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
      ['throws a string', throwing('broken'), 'broken'],
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
        'answers numbers with a sign where bytes belong',
        (_, callback) => callback(null, { opcode: 1, data: new Int8Array(2) }),
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
      const { log, push } = recordedPipelines([sessionOf({ name: 'x-bad', session })]);
      push(direction, 'm');
      push(direction, 'n');
      expect(log).toEqual([`${direction} failed: x-bad: ${detail}`]);
    });

    it('fails when a session has no such method', () => {
      const session = {
        processIncomingMessage: undefined,
        processOutgoingMessage: undefined,
      } as never;
      const { log, push } = recordedPipelines([sessionOf({ name: 'x-bad', session })]);
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
      const { log, push } = recordedPipelines([sessionOf({ session: session as never })]);
      push(direction, 'm');
      expect(log).toEqual([`${direction} m`, `${direction} failed: x-plain: late`]);
    });

    it('lets that error wait for the messages before it, too', () => {
      let answerFirst = (): void => {};
      const process = (each: ExtensionMessage, callback: (...rest: unknown[]) => void): void => {
        if (textOf(each) === '1') {
          answerFirst = () => callback(null, each);
        } else {
          callback(null, each);
          throw new Error('late');
        }
      };
      const session = { processIncomingMessage: process, processOutgoingMessage: process };
      const { log, push } = recordedPipelines([sessionOf({ session: session as never })]);
      for (const text of ['1', '2', '3']) push(direction, text);
      expect(log).toEqual([]);
      answerFirst();
      expect(log).toEqual([
        `${direction} 1`,
        `${direction} 2`,
        `${direction} failed: x-plain: late`,
      ]);
    });

    it('takes a message as it is when a session answers, whatever becomes of it then', () => {
      const late = new LatePlugIn();
      const { pipelines, log, push } = recordedPipelines([lateSession(late)]);
      for (const text of ['1', '22']) push(direction, text);
      const [, second] = late.questions;
      late.answer(1);
      Object.assign(second!.message, { data: undefined, opcode: Opcode.CLOSE });
      expect(pipelines[direction].pendingLength).toBe(3);
      late.answer(0);
      expect(log).toEqual([`${direction} 1`, `${direction} 22`]);
      expect(pipelines[direction].pendingLength).toBe(0);
    });

    it('does not take what the receiver of a message throws for an error of a session', () => {
      const failed: string[] = [];
      const receive = (): void => {
        throw new Error('of the receiver');
      };
      const pipeline = pipelineOf(direction, [tagged('a'), tagged('b')], {
        deliver: receive,
        failed: (error) => failed.push(error.message),
      });
      const push = (): void => pipeline.push(message('m'));
      expect(push).toThrow('of the receiver');
      expect(failed).toEqual([]);
    });

    it('forgets what is on its way when it is stopped', () => {
      const late = new LatePlugIn();
      const { pipelines, log, push, pending } = recordedPipelines([lateSession(late)]);
      push(direction, 'm');
      pipelines[direction].stop();
      expect(pending(direction)).toBe(0);
      late.answerAll();
      push(direction, 'n');
      expect(late.questions).toEqual([]);
      expect(log).toEqual([]);
    });
  });
});
