/**
 * How bytes come from a socket to its driver: in one buffer for the process, lent for the length of
 * the call. node:net allocates 64 KiB for every read, whose page faults cost more than the protocol
 * does (docs/performance.md).
 *
 * The means are the slots of net's documented `onread` option, filled on a socket that is there
 * already. This file alone knows them (docs/decisions/reading.md).
 * - There is a 'data' listener as well, for streams without the slots. What others should see, or
 *   what waits in the stream, takes that way: pushed into the stream as node:net would.
 * - Nobody's bytes are seen by another: what a connection keeps is copied.
 */

import { Socket, type SocketConstructorOpts } from 'node:net';
import { type Duplex, Readable } from 'node:stream';
import { WebSocketError } from '../errors.ts';
import { nodePlatform } from './node-platform.ts';
import { openReadMemory } from './read-memory.ts';
import { kDriver } from './socket-claim.ts';

/** Who takes what is read. */
export interface Reader {
  /** @param lentLength - where only so many bytes are meant, in memory that is lent for the call */
  readChunk(bytes: Uint8Array, lentLength?: number): void;
  /** Bytes that were being taken have been overwritten. */
  failReading(error: WebSocketError): void;
}

/** The symbols under which a socket of node:net keeps what its `onread` option asked for. */
interface Slots {
  /** The memory that is read into. */
  readonly memory: symbol;
  /** Called with the socket as `this`; `false` stops reading. */
  readonly callback: symbol;
}

interface Handle {
  useUserBuffer?(memory: Uint8Array): void;
  /** What a TLS handle is over. */
  readonly _parent?: Handle | undefined;
}

type ReadSocket = Socket & {
  readonly _handle: Handle | null;
  /** That of node:domain. */
  readonly domain?: object | null;
  [kDriver]: Reader;
} & { [slot: symbol]: unknown };

/** The Node versions whose slots are known to work so; others read in the ordinary way. */
const FIRST_MAJOR = 20;
const LAST_MAJOR = 26;

/** The way to switch it off in production. */
const SWITCH = 'SANSWIRE_NO_SHARED_READS';

/**
 * Those of node:net stop and start a socket with the slots whatever waits in its stream: an end
 * would not be noticed in a pause, and each `read(1)` would bring in a whole read more.
 */
const { pause, resume, read } = Readable.prototype;
const STREAM_METHODS = { pause, resume, read };

let slots: Slots | undefined | 'unknown' = 'unknown';
/** Whose bytes are being taken at this moment. */
let taking: Reader | undefined;

/** Begins to read for the driver of a socket. */
export function startReading(socket: Duplex): void {
  socket.on('data', onData);
  const found = findSlots();
  if (found === undefined || !canLend(socket)) return;
  const memory = openReadMemory();
  socket[found.memory] = memory;
  socket[found.callback] = onRead;
  Object.assign(socket, STREAM_METHODS);
  socket._handle?.useUserBuffer?.(memory);
}

/** Whether a socket reads into lent memory. */
export function isLending(socket: Duplex): boolean {
  return (
    slots !== undefined && slots !== 'unknown' && (socket as ReadSocket)[slots.callback] === onRead
  );
}

/** Chooses the ordinary way for sockets from now on; for tests. */
export function useSlots(isWanted: boolean): void {
  slots = isWanted ? 'unknown' : undefined;
}

function findSlots(): Slots | undefined {
  if (slots === 'unknown') slots = isKnownNode() ? detectSlots() : undefined;
  return slots;
}

function isKnownNode(): boolean {
  const { bun, deno, node } = process.versions;
  if (bun !== undefined || deno !== undefined || process.env[SWITCH] !== undefined) return false;
  const major = Number.parseInt(node, 10);
  return major >= FIRST_MAJOR && major <= LAST_MAJOR;
}

/** Finds the slots by what the documented option puts there. */
function detectSlots(): Slots | undefined {
  const onread = { buffer: Buffer.alloc(1), callback: () => true };
  const probe = new Socket({ onread } as SocketConstructorOpts) as ReadSocket;
  const symbols = Object.getOwnPropertySymbols(probe);
  const memory = symbols.find((symbol) => probe[symbol] === onread.buffer);
  const callback = symbols.find((symbol) => probe[symbol] === onread.callback);
  return memory === undefined || callback === undefined ? undefined : { memory, callback };
}

/** Whether a socket reads from the system, in the ways of node:net that we know. */
function canLend(socket: Duplex): socket is ReadSocket {
  if (!(socket instanceof Socket) || socket.destroyed) return false;
  const net = Socket.prototype;
  if (socket.pause !== net.pause || socket.resume !== net.resume) return false;
  if (socket.read !== net.read) return false;
  let handle = (socket as ReadSocket)._handle;
  if (typeof handle?.useUserBuffer !== 'function') return false;
  // TLS over a stream in JavaScript would read within a write: while memory is lent.
  while (handle?._parent) handle = handle._parent;
  const kind = handle?.constructor.name;
  return kind === 'TCP' || kind === 'Pipe';
}

function onData(this: ReadSocket, chunk: Uint8Array): void {
  this[kDriver].readChunk(chunk);
}

/** Called by node:net with what a read has put into the memory. */
function onRead(this: ReadSocket, length: number, memory: Uint8Array): boolean {
  if (taking !== undefined || !isOurs(this)) return pushCopy(this, memory, length);
  taking = this[kDriver];
  try {
    taking.readChunk(memory, length);
  } finally {
    taking = undefined;
  }
  return true;
}

/**
 * Whether nobody but the driver reads from a stream, or taps its `push` and `emit`, and nothing
 * waits in it. Errors in 'data' listeners belong to the domain of a socket.
 */
function isOurs(socket: ReadSocket): boolean {
  const { push, emit } = Readable.prototype;
  return (
    socket.push === push &&
    socket.emit === emit &&
    !socket.domain &&
    socket.readableFlowing === true &&
    socket.readableLength === 0 &&
    socket.listenerCount('data') === 1 &&
    socket.listenerCount('data', onData) === 1 &&
    socket.listenerCount('readable') === 0
  );
}

/** Puts what was read into the stream, as node:net does. */
function pushCopy(socket: ReadSocket, memory: Uint8Array, length: number): boolean {
  try {
    return socket.push(nodePlatform.copy(memory.subarray(0, length)));
  } finally {
    if (taking !== undefined) tellOverwritten(taking);
  }
}

/**
 * The application has run the event loop within a callback, or made TLS read: what the outer
 * callback has not taken yet is lost.
 */
function tellOverwritten(reader: Reader): void {
  const cause = new Error('A socket was read within a callback of another read');
  reader.failReading(new WebSocketError('WS_INTERNAL', { cause }));
}
