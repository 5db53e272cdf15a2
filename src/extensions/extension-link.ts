/**
 * Joins the extensions of a connection to its two ways: one that works on bytes as they come
 * (message-codec.ts) directly, any other, and several at once, through pipelines.
 */

import { CodecDecoder } from './codec-decoder.ts';
import { CodecEncoder } from './codec-encoder.ts';
import type { DecodedReceiver, Decoder } from './decoder.ts';
import type { EncodedSender, Encoder } from './encoder.ts';
import type { ActiveSession, ExtensionSession } from './extension.ts';
import type { CodecSession } from './message-codec.ts';
import { PipelineDecoder } from './pipeline-decoder.ts';
import { PipelineEncoder } from './pipeline-encoder.ts';

export interface ExtensionLink {
  readonly decoder: Decoder;
  readonly encoder: Encoder;
  /** Closes the sessions, whatever they have on their way: the connection is over. */
  close(): void;
}

/** Joins sessions to a connection; undefined when there are none. */
export function linkExtensions(
  sessions: readonly ActiveSession[],
  receiver: DecodedReceiver,
  sender: EncodedSender,
): ExtensionLink | undefined {
  const [first, ...others] = sessions;
  if (first === undefined) return undefined;
  if (others.length === 0 && isCodecSession(first.session)) {
    const codec = first.session.messageCodec;
    return {
      decoder: new CodecDecoder(codec, receiver),
      encoder: new CodecEncoder(codec, sender),
      close: () => codec.close(),
    };
  }
  for (const { session } of sessions) {
    // In a pipeline a codec counts for itself: nobody looks at its output before it is whole.
    if (isCodecSession(session)) session.messageCodec.maxLength = receiver.maxLength;
  }
  return {
    decoder: new PipelineDecoder(sessions, receiver),
    encoder: new PipelineEncoder(sessions, sender),
    close: () => closeAll(sessions),
  };
}

function closeAll(sessions: readonly ActiveSession[]): void {
  for (const { session } of sessions) {
    try {
      session.close();
    } catch {
      // The connection is over: nobody is left to tell, and the other sessions must be closed.
    }
  }
}

function isCodecSession(session: ExtensionSession): session is ExtensionSession & CodecSession {
  return 'messageCodec' in session;
}
