/**
 * Sinks: what becomes of the messages of a connection. The receive line chooses one when a message
 * begins (RFC 6455 §5.6): whole messages, messages as they arrive, or frames.
 *
 * A sink is shared by all connections that use it, so it keeps nothing. What a message in pieces
 * needs while it comes is a {@link PartialMessage} of its own.
 */

import type { FaultCode } from '../errors.ts';
import type { FrameHeader } from '../frame/frame-header.ts';
import { MessageBuffer } from '../message-buffer.ts';
import type { Platform } from '../platform.ts';
import type { ConnectionHandler } from './handler.ts';

/** Where a sink delivers to. */
export interface Delivery {
  readonly platform: Platform;
  readonly handler: ConnectionHandler;
  /** Whether no more messages are delivered: a handler may have failed the connection. */
  readonly isGivenUp: boolean;
}

/** A message that arrives in pieces. */
export interface PartialMessage {
  /**
   * Takes the next piece.
   *
   * @param missing - the bytes that will complete the message, where they are known
   * @param isLasting - whether the bytes stay as they are, so that they may be kept
   */
  push(
    bytes: Uint8Array,
    start: number,
    end: number,
    missing: number | undefined,
    isLasting: boolean,
  ): void;
  /** The message is complete; returns its fault, if it has one. */
  end(): FaultCode | undefined;
  /** The message will never be complete. */
  drop(): void;
}

export interface Sink {
  /** Whether text must be valid UTF-8 (RFC 6455 §8.1). */
  readonly checksText: boolean;
  /** Whether whole text is delivered as a string, which is no view of the bytes. */
  readonly copiesText: boolean;
  /** Whether the pieces of a message are delivered as views, rather than gathered. */
  readonly keepsPieces: boolean;
  /** Whether a message is begun with its first frame header, rather than its first byte. */
  readonly beginsEarly: boolean;
  /** What maxLength bounds: a sink that holds nothing may take messages of any length. */
  readonly bounds: 'message' | 'frame';
  /** Takes a message that lies in one range; returns its fault, if it has one. */
  whole(
    delivery: Delivery,
    bytes: Uint8Array,
    start: number,
    end: number,
    isBinary: boolean,
  ): FaultCode | undefined;
  /** Begins a message that arrives in pieces. */
  begin(delivery: Delivery, isBinary: boolean): PartialMessage;
}

/**
 * Takes frames in place of messages, each judged before it is told. Control frames are told whole,
 * before the connection acts on them. For connections without extensions: those work on messages.
 */
export interface FrameSink {
  /** A frame begins. The header is valid during the call only. */
  onFrameStart(header: FrameHeader): void;
  /** A piece of the payload, unmasked: a view of the transport's chunk. */
  onFrameData(bytes: Uint8Array): void;
  /** The frame is complete. */
  onFrameEnd(): void;
}

/** Where a connection delivers to: a sink for each type of message, or frames. */
export type SinkChoice =
  | { readonly text: Sink; readonly binary: Sink }
  | { readonly frames: FrameSink };

/** Gathers a message; a class, as closures cost a message in fragments 3 %. */
class WholeMessage extends MessageBuffer implements PartialMessage {
  readonly #sink: WholeSink;
  readonly #delivery: Delivery;
  readonly #isBinary: boolean;

  constructor(sink: WholeSink, delivery: Delivery, isBinary: boolean) {
    super(delivery.platform);
    this.#sink = sink;
    this.#delivery = delivery;
    this.#isBinary = isBinary;
  }

  end(): FaultCode | undefined {
    // A string is not a view of the bytes: they can serve the next message.
    const isCopied = !this.#isBinary && this.#sink.copiesText;
    const bytes = isCopied ? this.peek() : this.take();
    const fault = this.#sink.whole(this.#delivery, bytes, 0, this.length, this.#isBinary);
    if (isCopied) this.discard();
    return fault;
  }

  drop(): void {
    this.discard();
  }
}

/** Delivers whole messages with `onMessage`: binary as bytes, text as a string or as bytes. */
class WholeSink implements Sink {
  readonly beginsEarly = false;
  readonly keepsPieces = false;
  readonly bounds = 'message';
  readonly checksText: boolean;
  readonly copiesText: boolean;

  constructor(copiesText: boolean, checksText: boolean) {
    this.copiesText = copiesText;
    this.checksText = checksText;
  }

  whole(
    { platform, handler }: Delivery,
    bytes: Uint8Array,
    start: number,
    end: number,
    isBinary: boolean,
  ): FaultCode | undefined {
    if (isBinary) {
      handler.onMessage(platform.view(bytes, start, end), true);
    } else if (this.copiesText) {
      if (end - start > platform.maxTextLength) return 'WS_MESSAGE_TOO_LONG';
      const text = platform.decodeText(bytes, start, end);
      if (text === undefined) return 'WS_INVALID_TEXT';
      handler.onMessage(text, false);
    } else {
      if (this.checksText && !platform.isText(bytes, start, end)) return 'WS_INVALID_TEXT';
      handler.onMessage(platform.view(bytes, start, end), false);
    }
    return undefined;
  }

  begin(delivery: Delivery, isBinary: boolean): PartialMessage {
    return new WholeMessage(this, delivery, isBinary);
  }
}

/** Hands a message over as it arrives: `onMessageStart`, `onMessageData`, `onMessageEnd`. */
class StreamedSink implements Sink {
  readonly beginsEarly = true;
  readonly keepsPieces = true;
  readonly copiesText = false;
  readonly checksText = true;
  readonly bounds: 'message' | 'frame';

  constructor(bounds: 'message' | 'frame') {
    this.bounds = bounds;
  }

  whole(
    delivery: Delivery,
    bytes: Uint8Array,
    start: number,
    end: number,
    isBinary: boolean,
  ): FaultCode | undefined {
    if (!isBinary && !delivery.platform.isText(bytes, start, end)) return 'WS_INVALID_TEXT';
    const message = this.begin(delivery, isBinary);
    if (!delivery.isGivenUp) message.push(bytes, start, end, 0, true);
    return delivery.isGivenUp ? undefined : message.end();
  }

  begin({ platform, handler }: Delivery, isBinary: boolean): PartialMessage {
    handler.onMessageStart(isBinary);
    return {
      push(bytes, start, end, _missing, isLasting) {
        if (end === start) return;
        const piece = platform.view(bytes, start, end);
        handler.onMessageData(isLasting ? piece : platform.copy(piece));
      },
      end() {
        handler.onMessageEnd();
        return undefined;
      },
      drop() {},
    };
  }
}

const forBoth = (sink: Sink): SinkChoice => ({ text: sink, binary: sink });
const wholeText = new WholeSink(true, true);

/** Whole messages: text as strings, binary as bytes. */
export const WHOLE: SinkChoice = forBoth(wholeText);

/** Messages as they arrive. */
export const STREAMED: SinkChoice = forBoth(new StreamedSink('message'));

/** Whole text; binary messages as they arrive, of any length: maxLength bounds their frames. */
export const STREAMED_BINARY: SinkChoice = { text: wholeText, binary: new StreamedSink('frame') };

const CHECKED_BYTES = forBoth(new WholeSink(false, true));
const UNCHECKED_BYTES = forBoth(new WholeSink(false, false));

/**
 * Whole messages, text as UTF-8 bytes.
 *
 * @param isChecked - whether text must be valid UTF-8 (RFC 6455 §8.1)
 */
export function wholeBytes(isChecked: boolean): SinkChoice {
  return isChecked ? CHECKED_BYTES : UNCHECKED_BYTES;
}
