/**
 * Joins the extensions of a connection to its receiver and sender, in the way that suits them.
 *
 * One extension that works on bytes as they come (message-codec.ts) is joined directly; any other, and several at once,
 * go through a pipeline.
 */

import type { ActiveSession, ExtensionSession } from '../extensions/extension.ts';
import type { CodecSession } from '../extensions/message-codec.ts';
import { Pipeline } from '../extensions/pipeline.ts';
import { CodecReceiver } from './codec-receiver.ts';
import type { IncomingExtension, PlainReceiver } from './incoming-extension.ts';
import {
  CodecSender,
  type OutgoingExtension,
  PipelineSender,
  type ReadySender,
} from './outgoing-extension.ts';
import { PipelineReceiver } from './pipeline-receiver.ts';

/** The extensions of one connection. */
export interface ExtensionLink {
  readonly incoming: IncomingExtension;
  readonly outgoing: OutgoingExtension;
  /** Closes the sessions, as soon as they have answered all that they were asked. */
  close(): void;
}

/** Joins sessions to a connection; undefined when there are none. */
export function linkExtensions(
  sessions: readonly ActiveSession[],
  receiver: PlainReceiver,
  sender: ReadySender,
): ExtensionLink | undefined {
  const [first, ...others] = sessions;
  if (first === undefined) return undefined;
  if (others.length === 0 && isCodecSession(first.session)) {
    const codec = first.session.messageCodec;
    return {
      incoming: new CodecReceiver(codec, receiver),
      outgoing: new CodecSender(codec, sender),
      close: () => codec.close(),
    };
  }
  for (const { session } of sessions) {
    // In a pipeline a codec counts for itself: nobody looks at its output before it is whole.
    if (isCodecSession(session)) session.messageCodec.maxLength = receiver.limits.maxLength;
  }
  const pipeline: Pipeline = new Pipeline(sessions, {
    onIncoming: (message) => incoming.deliver(message),
    onOutgoing: (message) => outgoing.deliver(message),
    onFailed: (direction, error) =>
      direction === 'incoming' ? incoming.failed(error) : outgoing.failed(error),
    onIdle: () => {},
  });
  const incoming = new PipelineReceiver(pipeline, receiver);
  const outgoing = new PipelineSender(pipeline, sender);
  return { incoming, outgoing, close: () => pipeline.close() };
}

function isCodecSession(session: ExtensionSession): session is ExtensionSession & CodecSession {
  return 'messageCodec' in session;
}
