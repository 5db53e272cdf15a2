// An echo peer that is right in every case of sections 1 to 7 and 10, and wrong in one point of
// choice: the tests of the runner break it and want exactly the cases to fail that should.
//
// It shares no code with the suite. Slow and simple on purpose; it knows no extension. A fault of
// time delays what it names by `lateMs`.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** Names the ways in which the peer can be broken. */
export type Fault =
  | 'answers after the Close'
  | 'answers late'
  | 'answers pings when the message is over'
  | 'breaks no masks'
  | 'chooses a subprotocol'
  | 'chooses an extension'
  | 'closes late'
  | 'closes with another code'
  | 'closes without a code'
  | 'drops TCP in place of a Close'
  | 'ends TCP late'
  | 'fails with another code'
  | 'fails without a Close'
  | 'forgets what it has not sent when it fails'
  | 'ignores RSV'
  | 'ignores reserved opcodes'
  | 'ignores stray continuations'
  | 'keeps TCP up'
  | 'knows no UTF-8'
  | 'masks the wrong way round'
  | 'never pongs'
  | 'opens late'
  | 'reads late'
  | 'refuses fragments'
  | 'sends a wrong accept value'
  | 'takes any close code'
  | 'takes any control frame'
  | 'validates UTF-8 at the end of a frame'
  | 'validates UTF-8 at the end of a message'
  | 'writes long lengths';

interface Frame {
  readonly fin: boolean;
  readonly rsv: number;
  readonly opcode: number;
  readonly length: number;
  readonly key: Buffer;
  payload: Buffer;
}

/** Tells that the rules of the peer do not let it go on. */
class Violation extends Error {
  readonly code: number;

  constructor(code: number) {
    super();
    this.code = code;
  }
}

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

function isValidCode(code: number): boolean {
  const isDefined = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011].includes(code);
  return isDefined || (code >= 3000 && code <= 4999);
}

class ModelPeer {
  readonly #socket: Socket;
  readonly #role: 'client' | 'server';
  readonly #fault: Fault | null;
  readonly #lateMs: number;
  #received = Buffer.alloc(0);
  #frame: Frame | null = null;
  #messageOpcode = 0;
  #message: Buffer[] = [];
  #decoder = new TextDecoder('utf-8', { fatal: true });
  #queue: Buffer[] = [];
  #latePongs: Buffer[] = [];
  #hasClosed = false;
  lastText = '';

  constructor(socket: Socket, role: 'client' | 'server', fault: Fault | null, lateMs: number) {
    this.#socket = socket;
    this.#role = role;
    this.#fault = fault;
    this.#lateMs = lateMs;
    socket.on('end', () => socket.end());
  }

  take(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    try {
      while (this.#step());
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      this.#fail(error.code);
    }
    if (this.#fault !== 'forgets what it has not sent when it fails') this.#flush();
    else setImmediate(() => this.#flush());
  }

  /** Takes the next header or the next octets of a payload; false when more has to arrive. */
  #step(): boolean {
    if (this.#hasClosed && this.#fault !== 'answers after the Close') return false;
    if (this.#frame === null) {
      if (!this.#readHeader()) return false;
    }
    const frame = this.#frame;
    if (frame === null) return false;
    const missing = frame.length - frame.payload.length;
    const octets = Buffer.from(this.#received.subarray(0, missing));
    this.#received = this.#received.subarray(octets.length);
    if (this.#fault !== 'breaks no masks' && frame.key.length > 0) {
      for (let index = 0; index < octets.length; index += 1) {
        octets[index] = octets[index]! ^ frame.key[(frame.payload.length + index) % 4]!;
      }
    }
    frame.payload = Buffer.concat([frame.payload, octets]);
    const isComplete = frame.payload.length === frame.length;
    if (frame.opcode < 3) this.#validate(frame, octets, isComplete);
    if (!isComplete) return false;
    this.#frame = null;
    this.#takeFrame(frame);
    return true;
  }

  #readHeader(): boolean {
    const octets = this.#received;
    if (octets.length < 2) return false;
    const short = octets[1]! & 0x7f;
    const isMasked = octets[1]! >= 0x80;
    const start = 2 + (short < 126 ? 0 : short === 126 ? 2 : 8);
    const end = start + (isMasked ? 4 : 0);
    if (octets.length < end) return false;
    const length =
      short < 126
        ? short
        : short === 126
          ? octets.readUInt16BE(2)
          : Number(octets.readBigUInt64BE(2));
    const frame: Frame = {
      fin: octets[0]! >= 0x80,
      rsv: (octets[0]! >> 4) & 7,
      opcode: octets[0]! & 15,
      length,
      key: octets.subarray(start, end),
      payload: Buffer.alloc(0),
    };
    this.#received = octets.subarray(end);
    if (isMasked !== (this.#role === 'server')) throw new Violation(1002);
    this.#checkHeader(frame);
    this.#frame = frame;
    return true;
  }

  #checkHeader({ fin, rsv, opcode, length }: Frame): void {
    const isControl = opcode >= 8;
    const isReserved = (opcode > 2 && opcode < 8) || opcode > 10;
    if (rsv !== 0 && this.#fault !== 'ignores RSV') throw new Violation(1002);
    if (isReserved) {
      if (this.#fault !== 'ignores reserved opcodes') throw new Violation(1002);
      return;
    }
    if (isControl) {
      const isWellFormed = fin && length < 126;
      if (!isWellFormed && this.#fault !== 'takes any control frame') throw new Violation(1002);
      return;
    }
    const isInMessage = this.#messageOpcode !== 0;
    if (opcode !== 0 && isInMessage) throw new Violation(1002);
    if (opcode === 0 && !isInMessage && this.#fault !== 'ignores stray continuations') {
      throw new Violation(1002);
    }
    if (!fin && this.#fault === 'refuses fragments') throw new Violation(1003);
    if (opcode !== 0) this.#messageOpcode = opcode;
  }

  #validate(frame: Frame, octets: Buffer, isFrameComplete: boolean): void {
    if (this.#messageOpcode !== 1 || this.#fault === 'knows no UTF-8') return;
    const isMessageComplete = isFrameComplete && frame.fin;
    try {
      if (this.#fault === 'validates UTF-8 at the end of a message') {
        if (!isMessageComplete) return;
        const all = Buffer.concat([...this.#message, frame.payload]);
        this.#decoder.decode(all);
      } else if (this.#fault === 'validates UTF-8 at the end of a frame') {
        if (isFrameComplete) this.#decoder.decode(frame.payload, { stream: !isMessageComplete });
      } else {
        this.#decoder.decode(octets, { stream: !isMessageComplete });
      }
    } catch {
      throw new Violation(1007);
    }
  }

  #takeFrame(frame: Frame): void {
    const { opcode, payload, fin } = frame;
    if (opcode === 8) this.#takeClose(payload);
    else if (opcode === 9) this.#takePing(payload);
    else if (opcode < 3 && this.#messageOpcode !== 0) {
      this.#message.push(payload);
      if (fin) this.#takeMessage();
    }
  }

  #takePing(payload: Buffer): void {
    if (this.#fault === 'never pongs') return;
    const isLate =
      this.#fault === 'answers pings when the message is over' && this.#messageOpcode !== 0;
    if (isLate) this.#latePongs.push(payload);
    else this.#answer(10, payload);
  }

  #answer(opcode: number, payload: Buffer): void {
    if (this.#fault !== 'answers late') {
      this.#send(opcode, payload);
      return;
    }
    setTimeout(() => {
      if (this.#hasClosed) return;
      this.#send(opcode, payload);
      this.#flush();
    }, this.#lateMs);
  }

  #takeMessage(): void {
    const payload = Buffer.concat(this.#message);
    const opcode = this.#messageOpcode;
    this.#message = [];
    this.#messageOpcode = 0;
    if (opcode === 1) this.lastText = payload.toString();
    this.#answer(opcode, payload);
    for (const pong of this.#latePongs.splice(0)) this.#send(10, pong);
  }

  #takeClose(payload: Buffer): void {
    if (this.#hasClosed) return;
    if (this.#fault === 'drops TCP in place of a Close') {
      this.#hasClosed = true;
      this.#socket.end();
      return;
    }
    if (payload.length === 1 && this.#fault !== 'takes any close code') throw new Violation(1002);
    const code = payload.length < 2 ? 1000 : payload.readUInt16BE(0);
    if (!isValidCode(code) && this.#fault !== 'takes any close code') throw new Violation(1002);
    if (this.#fault !== 'knows no UTF-8') {
      try {
        new TextDecoder('utf-8', { fatal: true }).decode(payload.subarray(2));
      } catch {
        throw new Violation(1007);
      }
    }
    if (this.#fault === 'closes without a code') this.#close(null);
    else this.#close(this.#fault === 'closes with another code' ? 4321 : code);
  }

  #fail(code: number): void {
    if (this.#fault === 'forgets what it has not sent when it fails') this.#queue = [];
    if (this.#fault === 'fails without a Close') {
      this.#flush();
      this.#hasClosed = true;
      this.#socket.end();
      return;
    }
    this.#close(this.#fault === 'fails with another code' ? 1011 : code);
  }

  #close(code: number | null): void {
    const payload = Buffer.alloc(code === null ? 0 : 2);
    if (code !== null) payload.writeUInt16BE(code);
    this.#hasClosed = true;
    if (this.#fault === 'closes late') setTimeout(() => this.#sendClose(payload), this.#lateMs);
    else this.#sendClose(payload);
  }

  #sendClose(payload: Buffer): void {
    this.#send(8, payload);
    if (this.#fault === 'answers after the Close' || this.#fault === 'keeps TCP up') return;
    this.#flush();
    if (this.#role === 'client') return;
    if (this.#fault === 'ends TCP late') setTimeout(() => this.#socket.end(), this.#lateMs);
    else this.#socket.end();
  }

  #send(opcode: number, payload: Buffer): void {
    const isLong = payload.length > 65_535 || this.#fault === 'writes long lengths';
    const extended = isLong ? 8 : payload.length > 125 ? 2 : 0;
    const isMasked = (this.#role === 'client') !== (this.#fault === 'masks the wrong way round');
    const header = Buffer.alloc(2 + extended + (isMasked ? 4 : 0));
    header[0] = 0x80 | opcode;
    header[1] = extended === 8 ? 127 : extended === 2 ? 126 : payload.length;
    if (extended === 2) header.writeUInt16BE(payload.length, 2);
    if (extended === 8) header.writeBigUInt64BE(BigInt(payload.length), 2);
    // A key of zeros leaves the payload as it is.
    if (isMasked) header[1] = header[1]! | 0x80;
    this.#queue.push(header, payload);
  }

  #flush(): void {
    const octets = Buffer.concat(this.#queue.splice(0));
    if (octets.length > 0 && this.#socket.writable) this.#socket.write(octets);
  }
}

function readHead(socket: Socket, onHead: (head: string, rest: Buffer) => void): void {
  let received = Buffer.alloc(0);
  const onData = (chunk: Buffer): void => {
    received = Buffer.concat([received, chunk]);
    const end = received.indexOf('\r\n\r\n');
    if (end === -1) return;
    socket.off('data', onData);
    onHead(received.toString('latin1', 0, end), received.subarray(end + 4));
  };
  socket.on('data', onData);
  socket.on('error', () => {});
}

/** Starts the peer as a server on a free port. */
export async function startModelServer(
  fault: Fault | null,
  lateMs = 0,
): Promise<{ server: Server; url: URL }> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const open = (head: string, rest: Buffer): void => {
      const key = /sec-websocket-key: *(\S+)/i.exec(head)?.[1] ?? '';
      const accept = createHash('sha1').update(`${key}${GUID}`).digest('base64');
      socket.write(
        [
          'HTTP/1.1 101 Switching Protocols',
          'Upgrade: websocket',
          'Connection: Upgrade',
          `Sec-WebSocket-Accept: ${fault === 'sends a wrong accept value' ? key : accept}`,
          ...(fault === 'chooses an extension'
            ? ['Sec-WebSocket-Extensions: permessage-deflate']
            : []),
          ...(fault === 'chooses a subprotocol' ? ['Sec-WebSocket-Protocol: chat'] : []),
          '\r\n',
        ].join('\r\n'),
      );
      const peer = new ModelPeer(socket, 'server', fault, lateMs);
      const read = (): void => {
        peer.take(rest);
        socket.on('data', (chunk) => peer.take(chunk)).resume();
      };
      if (fault === 'reads late') {
        socket.pause();
        setTimeout(read, lateMs);
      } else {
        read();
      }
    };
    readHead(socket, (head, rest) => {
      if (fault === 'opens late') setTimeout(open, lateMs, head, rest);
      else open(head, rest);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { server, url: new URL(`ws://127.0.0.1:${port}/`) };
}

/** Connects the peer as a client; settles with the last text when TCP is over. */
export async function runModelClient(
  url: string,
  fault: Fault | null,
  lateMs = 0,
): Promise<string> {
  const { hostname, port, pathname, search } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  socket.setNoDelay(true);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  let peer: ModelPeer | null = null;
  socket.write(
    [
      `GET ${pathname}${search} HTTP/1.1`,
      `Host: ${hostname}:${port}`,
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
      'Sec-WebSocket-Version: 13',
      '\r\n',
    ].join('\r\n'),
  );
  readHead(socket, (_head, rest) => {
    const model = new ModelPeer(socket, 'client', fault, lateMs);
    peer = model;
    model.take(rest);
    socket.on('data', (chunk) => model.take(chunk));
  });
  await closed;
  return (peer as ModelPeer | null)?.lastText ?? '';
}
