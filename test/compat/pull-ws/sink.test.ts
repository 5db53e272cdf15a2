/**
 * sink(socket): a pull-stream as the messages of sockets of every make, how it ends them, and how
 * they end it.
 */

import { describe, expect, it } from 'vitest';
import { type End, type SentMessage, type SocketLike, sink } from '../../../src/pull-ws.ts';
import { settle, until } from '../../api/sockets.ts';
import { closePayload } from '../../support/frames.ts';
import {
  closeOf,
  face,
  MAKE_NAMES,
  MAKES,
  pull,
  silentSource,
  uncaughtExceptions,
} from './streams.ts';

/** What `onClose` was called with, one list for each call. */
function recordCloses(): { closes: unknown[][]; onClose: (...values: unknown[]) => void } {
  const closes: unknown[][] = [];
  return { closes, onClose: (...values) => void closes.push(values) };
}

describe.each(MAKE_NAMES)('sink() of a socket of %s', (make) => {
  it('sends what it reads, and closes with 1000 at its end', async () => {
    const { closes, onClose } = recordCloses();
    const { peer } = await face(make, (socket) => {
      const values: SentMessage[] = ['téxt', '', Uint8Array.of(65, 66), 12];
      pull(pull.values(values), sink(socket, { onClose }));
    });
    expect(await peer.untilFrame('close 1000')).toEqual([
      'text hex 74 C3 A9 78 74',
      'text ""',
      'binary "AB"',
      'text "12"',
      'close 1000',
    ]);
    expect(closes).toEqual([]);
    peer.send({ opcode: 'close', payload: closePayload(1000) });
    peer.socket.end();
    await until(() => closes.length > 0);
    await settle();
    expect(closes).toEqual([[]]);
  });

  it('closes with 1000 when there is nothing to send', async () => {
    const { peer } = await face(make, (socket) => pull(pull.empty(), sink(socket)));
    expect(await peer.untilFrame('close 1000')).toEqual(['close 1000']);
  });

  it('closes with 1011 when what it reads fails, and says so', async () => {
    const { closes, onClose } = recordCloses();
    const error = new Error('mine');
    const { peer } = await face(make, (socket) => {
      pull(pull.error(error), sink(socket, onClose));
    });
    await peer.untilFrame(closeOf(make, 1011));
    peer.socket.end();
    await until(() => closes.length > 0);
    expect(closes).toEqual([[error]]);
  });

  it('leaves the connection open with closeOnEnd: false, for the next sink', async () => {
    const { closes, onClose } = recordCloses();
    const options = { closeOnEnd: false, onClose };
    const { socket, peer } = await face(make, (opening) => {
      pull(pull.values(['a']), sink(opening, options));
    });
    await peer.untilFrame('text "a"');
    pull(pull.values(['b']), sink(socket, { closeOnEnd: false }));
    expect(await peer.untilFrame('text "b"')).toEqual(['text "a"', 'text "b"']);
    await settle();
    expect([socket.readyState, closes]).toEqual([1, []]);
    peer.send({ opcode: 'close', payload: closePayload(1000) });
    peer.socket.end();
    await until(() => closes.length > 0);
    expect(closes).toEqual([[]]);
  });

  it('aborts what it reads when the peer closes, also while it waits for an answer', async () => {
    const { closes, onClose } = recordCloses();
    const source = silentSource();
    const { peer } = await face(make, (socket) => pull(source.read, sink(socket, onClose)));
    await until(() => source.reads === 1);
    peer.send({ opcode: 'close', payload: closePayload(1000) });
    peer.socket.end();
    await until(() => closes.length > 0);
    expect([source.aborts, source.reads, closes]).toEqual([[true], 1, [[]]]);
  });

  it('aborts what it reads with the error of a connection that is lost', async () => {
    const { closes, onClose } = recordCloses();
    const source = silentSource();
    const { peer } = await face(make, (socket) => pull(source.read, sink(socket, onClose)));
    await until(() => source.reads === 1);
    peer.socket.destroy();
    await until(() => closes.length > 0);
    expect(source.aborts).toHaveLength(1);
    expect(source.aborts[0]).toBeInstanceOf(Error);
    expect(closes).toEqual([[source.aborts[0]]]);
  });

  it('aborts what it reads, unread, when the connection cannot be established', async () => {
    const { closes, onClose } = recordCloses();
    const source = silentSource();
    sink(MAKES[make]?.('ws://127.0.0.1:1/') as SocketLike, onClose)(source.read);
    await until(() => closes.length > 0);
    expect([source.reads, source.aborts.length]).toEqual([0, 1]);
    expect(closes).toEqual([[source.aborts[0]]]);
  });

  it('takes no answer that comes after the end, and none twice', async () => {
    const answers: ((end: End, data?: string) => void)[] = [];
    const { socket, peer } = await face(make, (opening) => {
      sink(opening)((end, callback) => {
        if (!end) answers.push(callback);
      });
    });
    await until(() => answers.length === 1);
    answers[0]?.(null, 'a');
    answers[0]?.(null, 'twice');
    await until(() => answers.length === 2);
    expect(await peer.untilFrame('text "a"')).toEqual(['text "a"']);
    peer.socket.destroy();
    await until(() => socket.readyState === 3);
    answers[1]?.(null, 'late');
    answers[1]?.(true);
    await settle();
    expect(answers).toHaveLength(2);
  });

  it('aborts a source at once when the socket has closed before', async () => {
    const { socket, peer } = await face(make);
    peer.send({ opcode: 'close', payload: closePayload(1000) });
    peer.socket.end();
    await until(() => socket.readyState === 3);
    const { closes, onClose } = recordCloses();
    const source = silentSource();
    sink(socket, onClose)(source.read);
    expect(source.aborts).toEqual([true]);
    await until(() => closes.length > 0);
    expect(closes).toEqual([[]]);
  });

  it('fails with 1011 when what it reads throws, which is an uncaught exception', async () => {
    const uncaught = uncaughtExceptions();
    const { closes, onClose } = recordCloses();
    const error = new Error('my bug');
    const { peer } = await face(make, (socket) => {
      sink(
        socket,
        onClose,
      )(() => {
        throw error;
      });
    });
    await peer.untilFrame(closeOf(make, 1011));
    peer.socket.end();
    await until(() => closes.length > 0);
    expect([uncaught, closes]).toEqual([[error], [[error]]]);
  });

  it('fails with 1011, and aborts its source, when it reads no message', async () => {
    const { closes, onClose } = recordCloses();
    const aborts: End[] = [];
    const { peer } = await face(make, (socket) => {
      sink(
        socket,
        onClose,
      )((end, callback) => {
        if (end) aborts.push(end);
        else callback(null, Symbol('no message') as unknown as string);
      });
    });
    await peer.untilFrame(closeOf(make, 1011));
    peer.socket.end();
    await until(() => closes.length > 0);
    expect(aborts).toEqual([expect.any(TypeError)]);
    expect(closes).toEqual([aborts]);
  });

  it('survives an onClose that throws, which is an uncaught exception', async () => {
    const uncaught = uncaughtExceptions();
    const { peer } = await face(make, (socket) => {
      pull(
        pull.empty(),
        sink(socket, () => {
          throw new Error('my bug');
        }),
      );
    });
    await peer.untilFrame('close 1000');
    peer.socket.destroy();
    await until(() => uncaught.length > 0);
    expect(uncaught).toMatchObject([{ message: 'my bug' }]);
  });

  it('sends 100,000 messages of a source that answers at once', async () => {
    const { peer } = await face(make, (socket) => {
      pull(
        pull.count(99_999),
        pull.map((count: number) => `${count % 10}`),
        sink(socket),
      );
    });
    // A masked message of one character takes 7 bytes; then the Close comes.
    const sent = 100_000 * 7;
    await until(() => peer.received.length > sent);
    expect(peer.received[sent]).toBe(0x88);
  }, 60_000);
});
