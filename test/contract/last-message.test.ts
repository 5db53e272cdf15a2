/**
 * A message sent just before the end arrives, and one sent before something that takes long is not
 * late: what is done to the socket itself does not overtake what was sent, and `send` writes within
 * the call where it can. What becomes of it when the process exits is in test/node/exits.test.ts.
 */

import type { Http2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { ROLES, type Role } from '../api/sockets.ts';
import { connectVia } from '../api/transports.ts';
import { frameTo } from '../support/frames.ts';
import { concat } from '../support/hex.ts';
import { openMain, openNodejs, openWs, type Subject } from '../support/subjects.ts';

interface Sender {
  readonly subject: Subject;
  send(text: string): void;
  /** Calls back at each message of the peer. */
  onMessage(listener: () => void): void;
}

const FACES: Readonly<Record<string, (role: Role) => Promise<Sender>>> = {
  sanswire: async (role) => {
    const subject = await openMain(role, {});
    return {
      subject,
      send: (text) => void subject.socket.send(text),
      onMessage: (listener) => void subject.socket.on('message', listener),
    };
  },
  'sanswire/ws': async (role) => {
    const subject = await openWs(role, {});
    return {
      subject,
      send: (text) => subject.socket.send(text),
      onMessage: (listener) => void subject.socket.on('message', listener),
    };
  },
  'sanswire/nodejs-websocket': async (role) => {
    const subject = await openNodejs(role, {});
    return {
      subject,
      send: (text) => void subject.socket.sendText(text),
      onMessage: (listener) => void subject.socket.on('text', listener),
    };
  },
};

/** What an application may do to the socket itself. */
const ENDS: Readonly<Record<string, (transport: Socket) => void>> = {
  'end()': (transport) => void transport.end(),
  'destroySoon()': (transport) => transport.destroySoon(),
  'destroy()': (transport) => void transport.destroy(),
  'destroy(null)': (transport) => void transport.destroy(null as unknown as undefined),
  'destroy(error)': (transport) => void transport.destroy(new Error('on purpose')),
};

const WANTED = ['text "a"', 'text "b"', 'text "c"'];

/** A Ping as bytes, for the peer of a side. */
const rawPing = (role: Role): Uint8Array =>
  frameTo(role === 'server' ? 'client' : 'server', { opcode: 'ping', payload: 'raw' });

describe.each(Object.keys(FACES))('%s', (name) => {
  describe.each(ROLES)('at the %s', (role) => {
    const open = (): Promise<Sender> => FACES[name]!(role);

    it.each(Object.keys(ENDS))('sends all that precedes %s of its socket', async (end) => {
      const { subject, send } = await open();
      for (const text of ['a', 'b', 'c']) send(text);
      ENDS[end]!(subject.transport);
      await subject.peer.untilFrame('text "c"');
      expect(subject.peer.frames).toEqual(WANTED);
    });

    it.each(Object.keys(ENDS))('sends it also when %s is called within a read', async (end) => {
      const { subject, send, onMessage } = await open();
      onMessage(() => {
        for (const text of ['a', 'b', 'c']) send(text);
        ENDS[end]!(subject.transport);
      });
      subject.peer.send({ opcode: 'text', payload: 'go' });
      await subject.peer.untilFrame('text "c"');
      expect(subject.peer.frames).toEqual(WANTED);
    });

    it('keeps the order of messages and raw writes', async () => {
      const { subject, send } = await open();
      const { transport, peer } = subject;
      send('a');
      send('b');
      transport.write(rawPing(role));
      send('c');
      await peer.untilFrame('text "c"');
      expect(peer.frames).toEqual(['text "a"', 'text "b"', 'ping "raw"', 'text "c"']);
    });

    it('has given the first message to the system when send returns', async () => {
      const { subject, send } = await open();
      const { transport } = subject;
      const before = transport.bytesWritten;
      send('a');
      expect([transport.bytesWritten > before, transport.writableLength]).toEqual([true, 0]);
      const between = transport.bytesWritten;
      send('b');
      expect(transport.bytesWritten).toBe(between);
      await subject.peer.untilFrame('text "b"');
    });

    it('has given the answers to a read to the system before its last listener ends', async () => {
      const { subject, send, onMessage } = await open();
      const { transport, peer } = subject;
      const before = transport.bytesWritten;
      const written: boolean[] = [];
      onMessage(() => {
        send('a');
        written.push(transport.bytesWritten > before);
      });
      const message = frameTo(role, { opcode: 'text', payload: 'go' });
      peer.socket.write(concat([message, message, message]));
      await peer.untilFrame('text "a"');
      // The answers to the first two wait for the third: three in one write.
      expect(written).toEqual([false, false, true]);
    });
  });
});

it('A stream of HTTP/2 sends what precedes its close(), and ends', async () => {
  const { client, server, serverTransport } = await connectVia('an HTTP/2 stream', {});
  const received: unknown[] = [];
  client.on('message', ({ data }) => received.push(data));
  const closed = Promise.all(
    [client, server].map((socket) => new Promise((resolve) => socket.on('close', resolve))),
  );
  for (const text of ['a', 'b', 'c']) server.send(text);
  (serverTransport as Http2Stream).close();
  await closed;
  expect(received).toEqual(['a', 'b', 'c']);
});
