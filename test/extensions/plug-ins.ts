/**
 * Plug-ins of the tests' own, in the interface of the npm package `websocket-extensions`.
 */

import type {
  ClientSession,
  Extension,
  ExtensionSession,
  MessageCallback,
  ServerSession,
} from '../../src/extensions/extension.ts';
import type { ExtensionMessage } from '../../src/extensions/message.ts';

type AnySession = ClientSession & ServerSession;

/** What a plug-in is to do otherwise than the plain one. */
export interface PlugInSpec {
  readonly name?: string;
  readonly rsv1?: boolean;
  readonly rsv2?: boolean;
  readonly rsv3?: boolean;
  /** Replaces methods of its sessions. */
  readonly session?: Partial<AnySession>;
  /** Replaces methods of the plug-in itself. */
  readonly extension?: Partial<Extension>;
}

/** Makes a plug-in that changes nothing and answers at once. */
export function plugIn(spec: PlugInSpec = {}): Extension {
  const { name = 'x-plain', rsv1 = false, rsv2 = false, rsv3 = false } = spec;
  const session = (): AnySession => ({
    generateOffer: () => ({}),
    activate: () => true,
    generateResponse: () => ({}),
    processIncomingMessage: (message, callback) => callback(null, message),
    processOutgoingMessage: (message, callback) => callback(null, message),
    close: () => {},
    ...spec.session,
  });
  return {
    name,
    type: 'permessage',
    rsv1,
    rsv2,
    rsv3,
    createClientSession: session,
    createServerSession: session,
    ...spec.extension,
  };
}

/** A question that a {@link LatePlugIn} has not answered. */
export interface Question {
  readonly direction: 'incoming' | 'outgoing';
  readonly message: ExtensionMessage;
  readonly callback: MessageCallback;
}

/**
 * A plug-in that answers when the test says so. It marks messages and reverses their bytes.
 */
export class LatePlugIn implements Extension {
  readonly name: string;
  readonly type = 'permessage';
  readonly rsv1: boolean = false;
  readonly rsv2: boolean = true;
  readonly rsv3: boolean = false;
  /** What was asked and not answered, in the order of the questions, of all sessions. */
  readonly questions: Question[] = [];
  closeCount = 0;
  sessionCount = 0;

  constructor(name = 'x-late') {
    this.name = name;
  }

  createClientSession(): AnySession {
    return this.#createSession();
  }

  createServerSession(): AnySession {
    return this.#createSession();
  }

  /** Answers a question; the newest by -1. */
  answer(index: number, error: Error | null = null): void {
    const [question] = this.questions.splice(index, 1);
    if (question === undefined) throw new Error('Nothing was asked');
    const { message, callback } = question;
    message.data = message.data.toReversed();
    message.rsv2 = question.direction === 'outgoing';
    callback(error, message);
  }

  answerAll(): void {
    while (this.questions.length > 0) this.answer(0);
  }

  #createSession(): AnySession {
    this.sessionCount++;
    const process =
      (direction: Question['direction']): ExtensionSession['processIncomingMessage'] =>
      (message, callback) => {
        this.questions.push({ direction, message, callback });
      };
    return {
      generateOffer: () => ({ turned: true }),
      activate: () => true,
      generateResponse: () => ({ turned: true }),
      processIncomingMessage: process('incoming'),
      processOutgoingMessage: process('outgoing'),
      close: () => {
        this.closeCount++;
      },
    };
  }
}
