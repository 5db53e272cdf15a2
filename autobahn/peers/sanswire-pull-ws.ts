// The peer `sanswire/pull-ws`: a stream pulled into itself.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import pull from 'pull-stream';
import { type Peer, versionOf } from './peer.ts';

type EchoStream = pull.Duplex<string | Uint8Array, string | Uint8Array>;

interface EchoServer extends NodeJS.EventEmitter {
  listen(options: { readonly host: string; readonly port: number }): unknown;
  address(): unknown;
}

interface PullModule {
  readonly createServer: (
    options: { readonly perMessageDeflate: boolean },
    onStream: (stream: EchoStream) => void,
  ) => EchoServer;
  readonly connect: (
    url: string,
    options: { readonly perMessageDeflate: boolean; readonly onClose: () => void },
  ) => EchoStream;
}

const loaded: unknown = await import('sanswire/pull-ws');
const { connect, createServer } = loaded as PullModule;

function echoOn(stream: EchoStream, onText: (text: string) => void): void {
  const watch = pull.through<string | Uint8Array>((message) => {
    if (typeof message === 'string') onText(message);
  });
  pull(stream, watch, stream);
}

/** The library as a peer. */
export const peer: Peer = {
  name: 'sanswire/pull-ws',
  version: versionOf('sanswire'),
  serve: async (host, port) => {
    const server = createServer({ perMessageDeflate: true }, (stream) => echoOn(stream, () => {}));
    server.listen({ host, port });
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  },
  echo: async (url) => {
    let lastText: string | null = null;
    await new Promise<void>((resolve) => {
      const stream = connect(url, { perMessageDeflate: true, onClose: resolve });
      echoOn(stream, (text) => {
        lastText = text;
      });
    });
    return lastText;
  },
};
