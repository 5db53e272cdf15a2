// The peer `undici`: an echo client with the WHATWG interface (undici has no server).
import { WebSocket } from 'undici';
import { type Peer, versionOf } from './peer.ts';

/** The library as a peer. */
export const peer: Peer = {
  name: 'undici',
  version: versionOf('undici'),
  echo: async (url) => {
    const socket = new WebSocket(url);
    socket.binaryType = 'arraybuffer';
    let lastText: string | null = null;
    socket.addEventListener('message', ({ data }: { readonly data: string | ArrayBuffer }) => {
      if (typeof data === 'string') lastText = data;
      socket.send(data);
    });
    await new Promise((resolve) => socket.addEventListener('close', resolve));
    return lastText;
  },
};
