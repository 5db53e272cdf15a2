/**
 * Messages that are made once and sent to many: the frame of a prepared message is serialised at its first use and shared
 * by every server connection that sends it. A client masks each frame afresh (RFC 6455 §5.3), so it shares the payload.
 */

import { FIN } from '../frame/frame-header.ts';
import { FrameSerializer } from '../frame/frame-serializer.ts';
import { Opcode } from '../frame/opcode.ts';
import type { Platform } from '../platform.ts';

/** Holds a message ready to be sent. Send it with `Connection.sendPrepared`. */
export class PreparedMessage {
  readonly isBinary: boolean;
  /** The payload; the bytes of a binary message are a copy, so that later changes do not reach it. */
  readonly payload: Uint8Array;
  readonly opcode: Opcode;
  readonly #platform: Platform;
  #frame: Uint8Array | undefined;
  /** By parameters; as many as extensions are configured differently in one process. */
  #encodedFrames: Map<string, Uint8Array> | undefined;

  constructor(platform: Platform, data: string | Uint8Array) {
    this.#platform = platform;
    this.isBinary = typeof data !== 'string';
    this.opcode = this.isBinary ? Opcode.BINARY : Opcode.TEXT;
    if (typeof data === 'string') {
      this.payload = platform.allocate(platform.textLength(data));
      platform.encodeText(data, this.payload, 0);
    } else {
      this.payload = platform.allocate(data.length);
      this.payload.set(data);
    }
  }

  /** The whole frame as a server sends it. */
  get frame(): Uint8Array {
    this.#frame ??= this.#serialize(this.opcode, this.payload);
    return this.#frame;
  }

  /**
   * Returns the frame as a server with an extension sends it, made at the first use of each set of parameters.
   *
   * @param key - names the parameters
   * @param encode - codes the payload; undefined when it is better sent as it is
   */
  frameFor(
    key: string,
    encode: () => { readonly rsv: number; readonly payload: Uint8Array } | undefined,
  ): Uint8Array {
    this.#encodedFrames ??= new Map();
    let frame = this.#encodedFrames.get(key);
    if (frame === undefined) {
      const encoded = encode();
      frame =
        encoded === undefined
          ? this.frame
          : this.#serialize(encoded.rsv | this.opcode, encoded.payload);
      this.#encodedFrames.set(key, frame);
    }
    return frame;
  }

  #serialize(bits: number, payload: Uint8Array): Uint8Array {
    const serializer = new FrameSerializer(this.#platform, 'server');
    const frame = this.#platform.allocate(serializer.frameLength(payload.length));
    serializer.writeFrame(frame, 0, FIN | bits, payload);
    return frame;
  }
}
