/**
 * permessage-deflate with faye-websocket and its plug-in, in both roles; and that plug-in in our
 * own sockets.
 */

import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { Duplex } from 'node:stream';
import { describe, it } from 'vitest';
import { Client } from '../../src/api/client.ts';
import { permessageDeflate } from '../../src/api/permessage-deflate.ts';
import type { Extension } from '../../src/index.ts';
import { listen, next, openPair, serve, until } from '../api/sockets.ts';
import { LatePlugIn } from '../extensions/plug-ins.ts';
import {
  AGREEMENTS,
  collect,
  converse,
  describeAgreement,
  expectGranted,
  fayeDeflate,
  type Other,
  ownOptions,
  withoutUndefined,
} from './deflate-conversation.ts';
import { toMessage } from './peers.ts';

interface FayeSocket {
  on(event: string, listener: (event: { readonly data: unknown }) => void): unknown;
  send(data: string | Buffer): unknown;
}

interface FayeWebSocket {
  new (
    request: object,
    socket: Duplex,
    head: Buffer,
    protocols: readonly string[],
    options: object,
  ): FayeSocket;
  readonly Client: new (url: string, protocols: readonly string[], options: object) => FayeSocket;
}

const Faye = createRequire(import.meta.url)('faye-websocket') as FayeWebSocket;

function otherOf(socket: FayeSocket): Other {
  const messages: (string | Buffer)[] = [];
  socket.on('message', ({ data }) => messages.push(toMessage(data)));
  socket.on('error', () => {});
  return { messages, send: (data) => void socket.send(data) };
}

describe.each(AGREEMENTS.map((agreement) => [describeAgreement(agreement), agreement] as const))(
  'permessage-deflate with faye-websocket, agreeing on %s',
  (_, agreement) => {
    const theirExtension = (role: 'client' | 'server'): Extension =>
      fayeDeflate.configure(withoutUndefined(ownOptions(role, agreement)));

    it('at their server', async () => {
      const http = createServer();
      const connected = new Promise<Other>((resolve) => {
        http.on('upgrade', (request, socket, head) => {
          const options = { extensions: [theirExtension('server')] };
          resolve(otherOf(new Faye(request, socket, head, [], options)));
        });
      });
      const port = await listen(http);
      const ours = new Client(`ws://127.0.0.1:${port}/`, [], {
        extensions: [permessageDeflate.configure(ownOptions('client', agreement))],
      });
      const other = await connected;
      await next(ours, 'open');
      expectGranted(ours.extensions, agreement);
      await converse(ours, other);
    });

    it('at our server', async () => {
      const { url, accepted } = await serve({
        options: { extensions: [permessageDeflate.configure(ownOptions('server', agreement))] },
      });
      const theirs = new Faye.Client(url, [], { extensions: [theirExtension('client')] });
      const other = otherOf(theirs);
      await once(theirs as unknown as NodeJS.EventEmitter, 'open');
      await until(() => accepted[0]?.readyState === 1);
      expectGranted(accepted[0]!.extensions, agreement);
      await converse(accepted[0]!, other);
    });
  },
);

describe('The npm package permessage-deflate as a plug-in of ours', () => {
  const PLUG_INS: [string, Extension[], Extension[]][] = [
    ['at both ends', [fayeDeflate], [fayeDeflate]],
    ['at the client, against ours', [fayeDeflate], [permessageDeflate]],
    ['at the server, against ours', [permessageDeflate], [fayeDeflate]],
  ];

  it.each(PLUG_INS)('carries everything: %s', async (_, clientExtensions, extensions) => {
    const { client, server } = await openPair({
      options: { extensions },
      clientOptions: { extensions: clientExtensions },
    });
    await converse(client, {
      messages: collect(server),
      send: (data) => void server.send(data),
    });
  });

  it('carries everything together with a plug-in that answers later', async () => {
    /** Answers each question in a later turn, and not in the order of the questions. */
    class LaterPlugIn extends LatePlugIn {
      constructor() {
        super();
        const push = this.questions.push.bind(this.questions);
        this.questions.push = (...questions) => {
          setImmediate(() => this.answer(this.questions.length >> 1));
          return push(...questions);
        };
      }
    }
    const { client, server } = await openPair({
      options: { extensions: [fayeDeflate, new LaterPlugIn()] },
      clientOptions: { extensions: [new LaterPlugIn(), fayeDeflate] },
    });
    await converse(client, {
      messages: collect(server),
      send: (data) => void server.send(data),
    });
  });
});
