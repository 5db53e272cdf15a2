/**
 * Our side of a connection against a bare peer that behaves: it answers a Close with a Close, and
 * as a server it ends the transport then (RFC 6455 §5.5.1, §7.1.1). Or against one that never does.
 */

import { createServer as createHttpServer, type IncomingMessage } from 'node:http';
import { createServer as createTcpServer, type Socket } from 'node:net';
import {
  connectRaw,
  listen,
  RawPeer,
  type Role,
  readHead,
  upgradeRequest,
  upgradeResponse,
  withResolvers,
} from '../api/sockets.ts';
import { closePayload } from './frames.ts';

/** What the peer is to be. */
export interface PeerOptions {
  /** An extension that the peer speaks. */
  readonly extension?: { readonly name: string };
  /** Whether it leaves its side of the transport open for ever, and no Close is answered. */
  readonly isMute?: boolean;
}

/** The other end of a connection under test. */
export class Peer extends RawPeer {
  #hasSentClose = false;

  constructor(socket: Socket, role: Role, head: string, rest: Buffer, isMute = false) {
    super(socket, role, head, rest);
    socket.setNoDelay(true);
    if (isMute) return;
    whenClosed(socket, () => {
      this.sendClose(1000);
      if (role === 'client') socket.end();
    });
  }

  /** Begins the closing handshake, or answers it; once. */
  sendClose(code?: number): void {
    if (this.#hasSentClose) return;
    this.#hasSentClose = true;
    this.send({ opcode: 'close', ...(code === undefined ? {} : { payload: closePayload(code) }) });
  }
}

const CLOSE = 8;
const NOTHING = Buffer.alloc(0);

/** Calls back at a Close frame. It keeps nothing of the frames before, which may be long. */
function whenClosed(socket: Socket, callback: () => void): void {
  let pending = NOTHING;
  let skipped = 0;
  socket.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk.subarray(skipped)]);
    skipped = Math.max(0, skipped - chunk.length);
    for (let end = frameEnd(pending); end > 0; end = frameEnd(pending)) {
      if (pending.readUInt8(0) % 16 === CLOSE) {
        callback();
        return;
      }
      skipped = Math.max(0, end - pending.length);
      pending = pending.subarray(end);
    }
  });
}

/** Returns where the first frame ends; 0 while its header has not come. */
function frameEnd(bytes: Buffer): number {
  if (bytes.length < 2) return 0;
  const second = bytes.readUInt8(1);
  const short = second % 128;
  const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
  const headerEnd = 2 + lengthBytes + (second >= 128 ? 4 : 0);
  if (bytes.length < headerEnd) return 0;
  if (lengthBytes === 0) return headerEnd + short;
  return (
    headerEnd +
    Number(
      bytes
        .subarray(2, 2 + lengthBytes)
        .readUIntBE(lengthBytes === 8 ? 2 : 0, lengthBytes === 8 ? 6 : 2),
    )
  );
}

/** Our side of a connection, and the bare peer. */
export interface Linked<Face> {
  readonly face: Face;
  readonly transport: Socket;
  readonly peer: Peer;
}

/** Connects a bare client to a server that makes its end of an upgrade. */
export async function acceptFrom<Face>(
  accept: (request: IncomingMessage, transport: Socket, head: Buffer) => Face,
  { isMute, extension }: PeerOptions,
): Promise<Linked<Face>> {
  let linked: { face: Face; transport: Socket } | undefined;
  const server = createHttpServer();
  server.on('upgrade', (request, transport, head) => {
    const socket = transport as Socket;
    linked = { face: accept(request, socket, head), transport: socket };
  });
  const raw = await connectRaw(await listen(server), isMute);
  raw.write(upgradeRequest({ 'Sec-WebSocket-Extensions': extension?.name }));
  const peer = new Peer(raw, 'server', ...(await readHead(raw)), isMute);
  if (linked === undefined) throw new Error('The server saw no upgrade');
  return { ...linked, peer };
}

/** Connects a client under test to a bare server, which has answered when this resolves. */
export async function dialTo<Face>(
  dial: (url: string) => Face,
  { isMute, extension }: PeerOptions,
): Promise<{ face: Face; peer: Peer }> {
  const { promise, resolve } = withResolvers<Peer>();
  const answer = async (raw: Socket): Promise<void> => {
    const [head, rest] = await readHead(raw);
    const fields = extension === undefined ? '' : `Sec-WebSocket-Extensions: ${extension.name}\r\n`;
    raw.write(upgradeResponse(head, fields));
    resolve(new Peer(raw, 'client', head, rest, isMute));
  };
  const server = createTcpServer({ allowHalfOpen: isMute === true }, (raw) => {
    answer(raw).catch(() => raw.destroy());
  });
  const face = dial(`ws://127.0.0.1:${await listen(server)}/`);
  return { face, peer: await promise };
}
