/** permessage-deflate with `ws`, in both roles. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import { describe, expect, it } from 'vitest';
import { type PerMessageDeflateOptions, WebSocketServer, WebSocket as WsWebSocket } from 'ws';
import { Client } from '../../src/api/client.ts';
import { permessageDeflate } from '../../src/api/permessage-deflate.ts';
import { listen, next, serve, until } from '../api/sockets.ts';
import {
  AGREEMENTS,
  type Agreement,
  converse,
  describeAgreement,
  expectGranted,
  type Other,
  ownOptions,
} from './deflate-conversation.ts';

function otherOf(socket: WsWebSocket): Other {
  const messages: (string | Buffer)[] = [];
  socket.on('message', (data: Buffer, isBinary) => {
    messages.push(isBinary ? Buffer.from(data) : data.toString());
  });
  socket.on('error', () => {});
  return { messages, send: (data) => socket.send(data) };
}

function wsOptions(agreement: Agreement): PerMessageDeflateOptions {
  return { threshold: 0, ...agreement };
}

describe.each(AGREEMENTS.map((agreement) => [describeAgreement(agreement), agreement] as const))(
  'permessage-deflate with ws, agreeing on %s',
  (_, agreement) => {
    it('at their server', async () => {
      const server = new WebSocketServer({
        noServer: true,
        perMessageDeflate: wsOptions(agreement),
      });
      const http = createServer();
      http.on('upgrade', (request, socket, head) => {
        server.handleUpgrade(request, socket, head, (webSocket) => {
          server.emit('connection', webSocket, request);
        });
      });
      const port = await listen(http);
      const connected = once(server, 'connection');
      const ours = new Client(`ws://127.0.0.1:${port}/`, [], {
        extensions: [permessageDeflate.configure(ownOptions('client', agreement))],
      });
      const [theirs] = (await connected) as [WsWebSocket];
      const other = otherOf(theirs);
      await next(ours, 'open');
      expectGranted(ours.extensions, agreement);
      expect(theirs.extensions).toBe('permessage-deflate');
      await converse(ours, other);
    });

    it('at our server', async () => {
      const { url, accepted } = await serve({
        options: { extensions: [permessageDeflate.configure(ownOptions('server', agreement))] },
      });
      const theirs = new WsWebSocket(url, { perMessageDeflate: wsOptions(agreement) });
      const other = otherOf(theirs);
      await once(theirs, 'open');
      await until(() => accepted[0]?.readyState === 1);
      expectGranted(accepted[0]!.extensions, agreement);
      await converse(accepted[0]!, other);
    });
  },
);
