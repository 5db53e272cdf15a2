/**
 * What the handshakes over a bare stream of bytes share: read one head, judge it once, and leave
 * the bytes after it alone. They have no timer; the embedder decides how long to wait.
 */

import type { WebSocketError } from '../errors.ts';
import {
  type DEFAULT_MAX_HEADER_BYTES,
  type Head,
  type HeadFault,
  HeadParser,
} from './http-head.ts';
import type { StartLineGrammar } from './start-line.ts';

/** The verdict on a head that breaks rules. */
export interface Refused {
  readonly accepted: false;
  /** Every broken rule, in the order of its specification; never empty. */
  readonly errors: readonly WebSocketError[];
}

/** How much of the peer's head to read. */
export interface HeadOptions {
  /**
   * The most bytes of the head, interim ones included; beyond it: `WS_HEAD_TOO_LONG`, status 431.
   * @defaultValue {@link DEFAULT_MAX_HEADER_BYTES}
   */
  readonly maxHeaderBytes?: number | undefined;
}

/** Reads the peer's head and judges it. */
export class HeadHandshake<StartLine extends object, Verdict> {
  readonly #parser: HeadParser<StartLine>;
  readonly #judge: (head: Head<StartLine>) => Verdict;
  readonly #refuse: (fault: HeadFault) => Verdict;
  #verdict: Verdict | undefined;

  constructor(
    grammar: StartLineGrammar<StartLine>,
    options: HeadOptions,
    judge: (head: Head<StartLine>) => Verdict,
    refuse: (fault: HeadFault) => Verdict,
  ) {
    this.#parser = new HeadParser(grammar, options.maxHeaderBytes);
    this.#judge = judge;
    this.#refuse = refuse;
  }

  /** The verdict on the head; undefined while it is incomplete. */
  get verdict(): Verdict | undefined {
    return this.#verdict;
  }

  /**
   * Receives bytes from the transport, which may be reused afterwards.
   * @returns how many bytes belong to the handshake; the rest belongs to what follows it
   */
  receive(bytes: Uint8Array): number {
    const consumed = this.#parser.receive(bytes);
    this.#conclude();
    return consumed;
  }

  /** The transport has ended: an incomplete head is malformed. */
  receiveEnd(): void {
    this.#parser.receiveEnd();
    this.#conclude();
  }

  /** The head, once it is complete. */
  protected get head(): Head<StartLine> | undefined {
    return this.#parser.head;
  }

  #conclude(): void {
    const { head, fault } = this.#parser;
    if (head !== undefined) this.#verdict ??= this.#judge(head);
    else if (fault !== undefined) this.#verdict ??= this.#refuse(fault);
  }
}

/** Makes a client's verdict of the fault that kept the head from completing. */
export function refuseHead(fault: HeadFault): Refused {
  return { accepted: false, errors: [fault] };
}
