/**
 * Messages that are made once and sent to many: the frame of a prepared message is serialised at its first use and shared
 * by every server connection that sends it. A client masks each frame afresh (RFC 6455 §5.3), so it shares the payload.
 */

import { FIN } from '../frame/frame-header.ts';
import { FrameSerializer } from '../frame/frame-serializer.ts';
import { Opcode } from '../frame/opcode.ts';
import type { Host } from '../host.ts';

/** Holds a message ready to be sent. Send it with `Connection.sendPrepared`. */
export class PreparedMessage {
  readonly isBinary: boolean;
  /** The payload; the bytes of a binary message are a copy, so that later changes do not reach it. */
  readonly payload: Uint8Array;
  readonly opcode: Opcode;
  readonly #host: Host;
  #frame: Uint8Array | undefined;

  constructor(host: Host, data: string | Uint8Array) {
    this.#host = host;
    this.isBinary = typeof data !== 'string';
    this.opcode = this.isBinary ? Opcode.BINARY : Opcode.TEXT;
    if (typeof data === 'string') {
      this.payload = host.allocate(host.textLength(data));
      host.encodeText(data, this.payload, 0);
    } else {
      this.payload = host.allocate(data.length);
      this.payload.set(data);
    }
  }

  /** The whole frame as a server sends it. */
  get frame(): Uint8Array {
    if (this.#frame === undefined) {
      const serializer = new FrameSerializer(this.#host, 'server');
      this.#frame = this.#host.allocate(serializer.frameLength(this.payload.length));
      serializer.writeFrame(this.#frame, 0, FIN | this.opcode, this.payload);
    }
    return this.#frame;
  }
}
