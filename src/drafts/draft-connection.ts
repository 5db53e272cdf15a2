/**
 * A connection in draft hixie-75 or hixie-76 (draft-ietf-hybi-thewebsocketprotocol-00 §5.3), at the
 * server, after its opening handshake.
 * - There is only text. Binary messages, fragments and Pings are not sent, and their callbacks get
 *   an error. Nothing throws: the application did not choose the peer's protocol.
 * - hixie-76 closes with a frame each way, without code or reason: 1005. hixie-75 has no such
 *   frame; there either side closes by ending the transport between two frames.
 * - A failure sends nothing: a closing frame has no code, and would mean a normal end.
 */

import type { WriteCallback } from '../calls.ts';
import { CloseCode } from '../close-code.ts';
import type { ControlPayload } from '../connection/late-control.ts';
import type { ConnectionOptions } from '../connection/options.ts';
import type { SendOptions } from '../connection/outgoing-frames.ts';
import type { ReadLater } from '../connection/outgoing-order.ts';
import type { TurnTaker } from '../connection/outgoing-places.ts';
import { WireConnection } from '../connection/wire-connection.ts';
import { InvalidStateError } from '../errors.ts';
import type { PreparedMessage } from '../extensions/prepared-message.ts';
import {
  CLOSING_FRAME,
  serializeDraftBytes,
  serializeDraftText,
  TEXT_FRAME_OVERHEAD,
} from './draft-frame.ts';
import type { DraftVersion } from './draft-handshake.ts';
import { DraftReceiver } from './draft-receiver.ts';

export class DraftConnection extends WireConnection {
  readonly version: DraftVersion;
  readonly #receiver: DraftReceiver;

  /** @param options - `maxFragments` and `answersPings` are ignored; the role is the server's */
  constructor(options: ConnectionOptions, version: DraftVersion) {
    super(options);
    this.version = version;
    this.#receiver = new DraftReceiver(options, this.order.limits, this.life, this.brake, version);
    this.join(this.#receiver);
  }

  override get shouldEnd(): boolean {
    return super.shouldEnd || (this.version === 'hixie-75' && this.closeSent !== undefined);
  }

  override receiveEnd(): void {
    this.#receiver.hasEnd = true;
    super.receiveEnd();
  }

  override sendText(text: string, callback?: WriteCallback): boolean {
    return this.#sendFrame(serializeDraftText(this.order.platform, text), callback);
  }

  /** @throws TypeError when the bytes are text, and one of them would end the frame */
  override send(
    bytes: Uint8Array,
    callback: WriteCallback | undefined,
    { isText, isLast }: SendOptions,
  ): boolean {
    if (!isText) return refuse('binary messages', callback);
    if (isLast !== undefined) return refuse('fragments', callback);
    return this.#sendFrame(serializeDraftBytes(this.order.platform, bytes), callback);
  }

  override sendPrepared(message: PreparedMessage, callback?: WriteCallback): boolean {
    return this.send(message.payload, callback, { isText: !message.isBinary });
  }

  /** Sends nothing: what is read later is binary. */
  override sendLater(
    _length: number,
    _read: ReadLater,
    callback: WriteCallback | undefined,
  ): boolean {
    return refuse('binary messages', callback);
  }

  override ping(_payload: ControlPayload, callback?: WriteCallback): boolean {
    return refuse('Pings', callback);
  }

  override requestTurn(taker: TurnTaker): void {
    refuse('fragments', (error) => taker.refuseTurn(error));
  }

  protected override sendClose(): void {
    this.life.closeSent = { code: CloseCode.NO_STATUS_RECEIVED, reason: '' };
    if (this.version === 'hixie-76') this.order.pushSerialized(CLOSING_FRAME, 0, undefined);
    // There is nothing to write, but the transport is to be ended.
    else this.order.handler.onOutput('turn');
  }

  protected override failureStatus(): undefined {}

  #sendFrame(frame: Uint8Array, callback: WriteCallback | undefined): boolean {
    return this.order.sendSerialized(frame, frame.length - TEXT_FRAME_OVERHEAD, callback);
  }
}

function refuse(what: string, callback: ((error: Error) => void) | undefined): false {
  callback?.(new InvalidStateError(`The protocol of this connection has no ${what}`));
  return false;
}
