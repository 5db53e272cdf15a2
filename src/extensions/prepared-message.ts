/**
 * Messages that are made once and sent to many: the frame is serialized at its first use, and coded
 * once for each set of parameters. A client masks each frame afresh (RFC 6455 §5.3), so it shares
 * the payload only.
 */

import { Calls } from '../calls.ts';
import { FIN } from '../frame/frame-header.ts';
import { FrameSerializer } from '../frame/frame-serializer.ts';
import { Opcode } from '../frame/opcode.ts';
import type { Platform } from '../platform.ts';
import type { EncodeJob, MessageCodec } from './message-codec.ts';

type FrameCallback = (error: Error | undefined, frame: Uint8Array | undefined) => void;

/** A frame that is being coded, for all who wait for it. The job is the first one's. */
interface Coding {
  readonly waiting: Map<FrameCallback, MessageCodec>;
  job: EncodeJob;
}

/** Holds a message ready to be sent, with `Connection.sendPrepared`. */
export class PreparedMessage {
  readonly isBinary: boolean;
  /** The payload; of a binary message a copy. */
  readonly payload: Uint8Array;
  readonly opcode: Opcode;
  readonly #platform: Platform;
  #frame: Uint8Array | undefined;
  /** By the settings of the codec: as many as there are in one process. */
  #codedFrames: Map<string, Uint8Array> | undefined;
  #codings: Map<string, Coding> | undefined;

  constructor(platform: Platform, data: string | Uint8Array) {
    this.#platform = platform;
    this.isBinary = typeof data !== 'string';
    this.opcode = this.isBinary ? Opcode.BINARY : Opcode.TEXT;
    if (typeof data === 'string') {
      this.payload = platform.allocate(platform.textLength(data));
      platform.encodeText(data, this.payload, 0);
    } else {
      this.payload = platform.copy(data);
    }
  }

  /** The whole frame as a server sends it. */
  get frame(): Uint8Array {
    this.#frame ??= this.#serialize(this.opcode, this.payload);
    return this.#frame;
  }

  /** The frame as a server with a codec sends it; undefined when it takes a job to make it. */
  encodedFrame(codec: MessageCodec): Uint8Array | undefined {
    const frame = this.#codedFrames?.get(codec.settingsKey);
    if (frame !== undefined || codec.isLong(this.payload.length)) return frame;
    return this.#keep(codec, codec.encodeAlone(this.payload));
  }

  /** Makes the frame elsewhere, once for all who ask meanwhile. */
  encodeLater(codec: MessageCodec, callback: FrameCallback): EncodeJob {
    const key = codec.settingsKey;
    this.#codings ??= new Map();
    const coding = this.#codings.get(key);
    if (coding === undefined) {
      const waiting = new Map([[callback, codec]]);
      this.#codings.set(key, { waiting, job: this.#start(codec) });
    } else {
      coding.waiting.set(callback, codec);
    }
    return { cancel: () => this.#cancel(key, callback) };
  }

  #start(codec: MessageCodec): EncodeJob {
    return codec.encodeLater(this.payload, 'whole', (error, encoded) => {
      const coding = this.#codings?.get(codec.settingsKey);
      this.#codings?.delete(codec.settingsKey);
      const frame = error === undefined ? this.#keep(codec, encoded) : undefined;
      const calls = new Calls();
      for (const callback of coding?.waiting.keys() ?? []) calls.add(() => callback(error, frame));
      calls.run();
    });
  }

  /** When the session whose job it is leaves, the next one that waits starts anew. */
  #cancel(key: string, callback: FrameCallback): void {
    const coding = this.#codings?.get(key);
    const [owner] = coding?.waiting.keys() ?? [];
    if (coding?.waiting.delete(callback) !== true || callback !== owner) return;
    coding.job.cancel();
    const [next] = coding.waiting.values();
    if (next === undefined) this.#codings?.delete(key);
    else coding.job = this.#start(next);
  }

  #keep(codec: MessageCodec, encoded: Uint8Array | undefined): Uint8Array {
    const frame =
      encoded === undefined ? this.frame : this.#serialize(codec.rsv | this.opcode, encoded);
    this.#codedFrames ??= new Map();
    this.#codedFrames.set(codec.settingsKey, frame);
    return frame;
  }

  #serialize(bits: number, payload: Uint8Array): Uint8Array {
    const serializer = FrameSerializer.of(this.#platform, 'server');
    const frame = this.#platform.allocate(serializer.frameLength(payload.length));
    serializer.writeFrame(frame, 0, FIN | bits, payload);
    return frame;
  }
}
