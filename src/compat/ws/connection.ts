/**
 * A connection that ends as in `ws`: first it delivers what was read, whether the transport has
 * closed or failed, or the application has terminated or paused the socket. A transport that fails
 * closes with 1006, without an error.
 */

import type { BrakeHolder } from '../../connection/brake.ts';
import { Connection } from '../../connection/connection.ts';
import { readMaxPayload } from './options.ts';

/** Holds the brake for `pause()`, which outlasts `close()`. */
export const PAUSE: BrakeHolder = { outlastsClose: true };

export class WsConnection extends Connection {
  /** As `maxPayload`, 0 for no limit. Programs get and set it through `_receiver`. */
  get _maxPayload(): number {
    return this.maxLength === Number.MAX_SAFE_INTEGER ? 0 : this.maxLength;
  }

  set _maxPayload(length: number) {
    this.maxLength = readMaxPayload(length);
  }

  override transportClosed(error?: Error): void {
    // What the brake holds back in the socket is read with its 'close', which follows its 'error'.
    if (error !== undefined && this.brake.isHeld) {
      this.receiveEnd();
      return;
    }
    super.transportClosed();
    if (this.brake.release(PAUSE)) this.proceed();
  }

  override abandon(): void {
    if (this.isConnecting) super.abandon();
    else this.receiveEnd();
  }
}
