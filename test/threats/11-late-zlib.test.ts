/**
 * THREATS 11: zlib that answers, or fails, after its connection has closed; on real sockets, with
 * zlib's own threads.
 */

import { describe, expect, it } from 'vitest';
import { permessageDeflate } from '../../src/api/permessage-deflate.ts';
import { endsOf, logEvents, openPair, ROLES, settle, until } from '../api/sockets.ts';
import { noise, records } from '../extensions/sample-data.ts';

const EXTENSIONS = { extensions: [permessageDeflate] };
const PAIR = { options: EXTENSIONS, clientOptions: EXTENSIONS };

describe.each(ROLES)(
  'Messages that the thread pool compresses when the connection of a %s ends',
  (role) => {
    it.each(['terminate', 'close', 'peer terminates'] as const)(
      'have their callbacks called once each, and disturb nobody: %s',
      async (how) => {
        const [near, far] = endsOf(await openPair(PAIR), role);
        const log = logEvents(near);
        const calls = new Array<number>(10).fill(0);
        for (const index of calls.keys()) {
          near.send(index % 2 === 0 ? records(300_000) : Buffer.from(noise(300_000)), () => {
            calls[index]!++;
          });
        }
        if (how === 'terminate') near.terminate();
        if (how === 'close') near.close();
        if (how === 'peer terminates') far.terminate();
        await until(() => log.some((line) => line.startsWith('close')));
        // What zlib still has to say comes within these turns.
        while (calls.some((count) => count === 0)) await settle();
        await settle();
        expect(calls).toEqual(new Array(10).fill(1));
        expect(log.filter((line) => line.startsWith('close')).length).toBe(1);
      },
    );
  },
);

describe.each(ROLES)('Messages before the Close of a %s', (role) => {
  it('all come, long and short, in their order', async () => {
    const [near, far] = endsOf(await openPair(PAIR), role);
    const sent = Array.from({ length: 40 }, (_, index) =>
      records(index % 4 === 0 ? 200_000 : 100, `${index}`),
    );
    const received: unknown[] = [];
    far.on('message', ({ data }) => received.push(data));
    for (const text of sent) near.send(text);
    near.close(1000, 'done');
    const log = logEvents(far);
    await until(() => log.some((line) => line.startsWith('close')));
    expect(received.length).toBe(sent.length);
    expect(received.every((text, index) => text === sent[index])).toBe(true);
    expect(log.at(-1)).toBe('close 1000 "done" clean');
  });
});
