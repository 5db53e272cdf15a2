/**
 * Every connection ends, once: whatever holds its input, however it ends, in every class and face,
 * in both roles.
 *
 * - When the transport has ended, exactly one `close` comes: within closeTimeout when something
 *   holds input back, else at once. terminate(), an abort signal and a failure end it at once,
 *   whatever is held.
 * - From the end of the transport on, nothing can be sent and the connection is not OPEN. Nothing
 *   comes after `close`.
 *
 * "At once" means that closeTimeout, which is 12 days in these tests, takes no part in it. "In
 * time" means that closeTimeout, which is some milliseconds, is enough. A connection that waits for
 * anything else fails its test with the log.
 */

import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { ROLES, type Role, settle, until } from '../api/sockets.ts';
import { type EventLog, patiently } from '../support/event-log.ts';
import {
  FACES,
  type Face,
  type Held,
  type Holder,
  type Holding,
  type Means,
} from '../support/holders.ts';
import type { SubjectOptions } from '../support/subjects.ts';

// ---- How it ends --------------------------------------------------------------------------------

/** When `close` must have come. */
type Rule = 'at once' | 'in time' | 'when let go';

/** Says why there is no such case. */
interface NotApplicable {
  readonly why: string;
}
const NOBODY_HOLDS: NotApplicable = { why: 'nobody holds anything' };
const NEVER_LETS_GO: NotApplicable = { why: 'the plug-in never lets go' };
const UNSEEN: NotApplicable = {
  why: 'it lies unread behind what the plug-in has, and stays there',
};

interface Ending {
  end(holding: Holding, abort: () => void): void | Promise<void>;
  readonly needs?: Means;
  readonly options?: SubjectOptions;
  readonly rules: Readonly<Record<Held, Rule | NotApplicable>>;
}

const AT_ONCE: Ending['rules'] = {
  nothing: 'at once',
  socket: 'at once',
  read: 'at once',
  all: 'at once',
  sent: 'at once',
};
/** The peer's word is input, too, which comes behind what is held. */
const WORD_OF_THE_PEER: Ending['rules'] = {
  nothing: 'at once',
  socket: 'when let go',
  read: 'in time',
  all: UNSEEN,
  sent: 'in time',
};

async function destroy({ subject: { transport } }: Holding): Promise<void> {
  transport.destroy();
  await once(transport, 'close');
  await settle();
}

const ENDINGS: Readonly<Record<string, Ending>> = {
  'our transport is destroyed': {
    rules: {
      nothing: 'at once',
      socket: 'in time',
      read: 'in time',
      all: 'in time',
      sent: 'at once',
    },
    end: destroy,
  },
  'our transport is destroyed, and the holder lets go': {
    rules: {
      nothing: NOBODY_HOLDS,
      socket: 'when let go',
      read: NEVER_LETS_GO,
      all: NEVER_LETS_GO,
      sent: NEVER_LETS_GO,
    },
    end: destroy,
  },
  'our transport is destroyed, then terminate()': {
    rules: AT_ONCE,
    needs: 'terminate',
    async end(holding) {
      await destroy(holding);
      holding.subject.terminate?.();
    },
  },
  'our transport is destroyed, then the signal is aborted': {
    rules: AT_ONCE,
    needs: 'signal',
    async end(holding, abort) {
      await destroy(holding);
      abort();
    },
  },
  'our transport fails': {
    rules: AT_ONCE,
    end: ({ subject: { transport } }) => void transport.destroy(new Error('a broken wire')),
  },
  'the peer resets': {
    rules: AT_ONCE,
    async end({ subject: { peer, transport } }) {
      (peer.socket as Socket).resetAndDestroy();
      // A paused socket learns of it when it writes.
      await until(() => {
        if (!transport.destroyed && transport.isPaused()) transport.write('anything');
        return transport.destroyed;
      });
    },
  },
  'the peer ends its side without a Close': {
    rules: WORD_OF_THE_PEER,
    end: ({ subject: { peer } }) => void peer.socket.end(),
  },
  'the peer sends a Close': {
    rules: WORD_OF_THE_PEER,
    end: ({ subject: { peer } }) => peer.sendClose(1000),
  },
  'the peer breaks the protocol': {
    rules: { ...WORD_OF_THE_PEER, read: 'at once', sent: 'at once' },
    end: ({ subject: { peer } }) => peer.send({ opcode: 3 }),
  },
  'terminate()': {
    rules: AT_ONCE,
    needs: 'terminate',
    end: ({ subject }) => subject.terminate?.(),
  },
  'the signal is aborted': {
    rules: AT_ONCE,
    needs: 'signal',
    end: (_, abort) => abort(),
  },
  'more waits than maxBufferedAmount': {
    rules: AT_ONCE,
    needs: 'maxBufferedAmount',
    options: { maxBufferedAmount: 2 ** 16 },
    end({ subject }) {
      subject.peer.socket.pause();
      subject.overflow?.();
      subject.peer.socket.resume();
    },
  },
  'close(), which the peer never answers': {
    rules: {
      nothing: 'in time',
      socket: 'in time',
      read: 'in time',
      all: 'in time',
      sent: 'in time',
    },
    options: { isMute: true },
    end: ({ subject }) => subject.close(),
  },
};

// ---- The matrix ---------------------------------------------------------------------------------

/** Milliseconds: longer than any test, and short. */
const CLOSE_TIMEOUT: Readonly<Record<Rule, number>> = {
  'at once': 2 ** 30,
  'when let go': 2 ** 30,
  'in time': 10,
};

/** The logs of all connections that have ended. */
const logs: EventLog[] = [];

/** What can be done once the transport is gone. */
interface AtTheEnd {
  readyState: number | undefined;
  isRefused: Promise<boolean>;
}

async function check(
  role: Role,
  face: Face,
  holder: Holder,
  ending: Ending,
  rule: Rule,
): Promise<void> {
  const { fixedCloseTimeout } = face;
  if (fixedCloseTimeout !== undefined) {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  }
  const controller = new AbortController();
  const holding = await holder.hold(role, {
    closeTimeout: CLOSE_TIMEOUT[rule],
    ...(ending.needs === 'signal' ? { signal: controller.signal } : {}),
    ...ending.options,
  });
  const { subject } = holding;
  const { log, transport } = subject;
  const atTheEnd = new Promise<AtTheEnd>((resolve) => {
    transport.once('close', () => {
      const isRefused = subject.isRefused();
      // Looked at below, unless the test fails first.
      isRefused.catch(() => {});
      resolve({ readyState: subject.readyState, isRefused });
    });
  });

  await ending.end(holding, () => controller.abort());
  if (rule === 'when let go') {
    await settle();
    holding.letGo?.();
  }
  if (rule === 'in time' && fixedCloseTimeout !== undefined) {
    await settle();
    vi.advanceTimersByTime(fixedCloseTimeout);
  }

  await log.until('close');
  const { readyState, isRefused } = await patiently(atTheEnd, () => 'the transport has not ended');
  expect(readyState, 'readyState when the transport has ended').not.toBe(1);
  expect(await isRefused, 'whether a message is refused when the transport has ended').toBe(true);
  // Whatever is still asked of it, and whoever lets go late, nothing comes any more.
  subject.close();
  subject.terminate?.();
  holding.letGo?.();
  controller.abort();
  await settle();
  checkLog(log);
  logs.push(log);
  expect([undefined, 3]).toContain(subject.readyState);
}

function checkLog({ lines }: EventLog): void {
  const closes = lines.filter((line) => line.startsWith('close'));
  expect(closes.length, JSON.stringify(lines)).toBe(1);
  expect(lines.at(-1), JSON.stringify(lines)).toMatch(/^close/);
}

afterEach(() => {
  vi.useRealTimers();
});

describe.each(Object.entries(FACES))('Every connection of %s ends, once', (_, face) => {
  for (const [holderName, holder] of Object.entries(face.holders)) {
    describe.each(ROLES)(`at the %s, held by ${holderName}`, (role) => {
      for (const [endingName, ending] of Object.entries(ENDINGS)) {
        const rule = ending.rules[holder.held];
        const isLacking = ending.needs !== undefined && face.lacks[ending.needs] !== undefined;
        if (typeof rule !== 'string' || isLacking) continue;
        it(`${endingName}: ${rule}`, () => check(role, face, holder, ending, rule));
      }
    });
  }

  // A timer that was forgotten has had the time of all the tests since.
  afterAll(() => {
    for (const { lines } of logs) {
      const after = lines.slice(lines.findIndex((line) => line.startsWith('close')) + 1);
      expect(after, `after the close in ${JSON.stringify(lines)}`).toEqual([]);
    }
  });
});
