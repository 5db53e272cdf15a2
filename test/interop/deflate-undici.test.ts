/** permessage-deflate with undici's client, and with Node's own WebSocket where there is one. */

import { Agent, WebSocket as UndiciWebSocket } from 'undici';
import { describe, expect, it, onTestFinished } from 'vitest';
import { permessageDeflate } from '../../src/api/permessage-deflate.ts';
import { serve, until } from '../api/sockets.ts';
import {
  AGREEMENTS,
  converse,
  describeAgreement,
  type Other,
  ownOptions,
} from './deflate-conversation.ts';
import { toMessage } from './peers.ts';

interface WhatwgSocket {
  binaryType: string;
  readonly extensions: string;
  addEventListener(type: string, listener: (event: { readonly data: unknown }) => void): void;
  send(data: string | Uint8Array): void;
}

type Connect = (url: string) => WhatwgSocket;

const CLIENTS: [string, Connect][] = [
  [
    'undici',
    (url) => {
      const dispatcher = new Agent();
      onTestFinished(() => dispatcher.destroy());
      return new UndiciWebSocket(url, { dispatcher }) as unknown as WhatwgSocket;
    },
  ],
];
const GlobalWebSocket: unknown = Reflect.get(globalThis, 'WebSocket');
if (typeof GlobalWebSocket === 'function') {
  const Global = GlobalWebSocket as new (url: string) => WhatwgSocket;
  CLIENTS.push(['Node', (url) => new Global(url)]);
}

describe.each(CLIENTS)(
  'permessage-deflate with %s, which sends nothing compressed itself',
  (_, connect) => {
    it.each(AGREEMENTS.map((agreement) => [describeAgreement(agreement), agreement] as const))(
      'at our server, wishing for %s',
      async (_name, agreement) => {
        const { url, accepted } = await serve({
          options: { extensions: [permessageDeflate.configure(ownOptions('server', agreement))] },
        });
        const theirs = connect(url);
        theirs.binaryType = 'arraybuffer';
        const messages: (string | Buffer)[] = [];
        theirs.addEventListener('message', ({ data }) => messages.push(toMessage(data)));
        theirs.addEventListener('error', () => {});
        const other: Other = { messages, send: (data) => theirs.send(data) };
        await until(() => accepted[0]?.readyState === 1 && theirs.extensions !== '');
        expect(accepted[0]!.extensions).toMatch(/^permessage-deflate/);
        await converse(accepted[0]!, other);
      },
    );
  },
);
