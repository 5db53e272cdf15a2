/**
 * What the handshakes over a bare stream of bytes have in common: they read one head, judge it once, and leave what
 * follows it alone.
 *
 * Which head, and by which rules, is the subclass's to say: `ServerHandshake`, `ClientHandshake`, `ProxyHandshake`.
 */

import type { HandshakeError, LimitExceededError } from '../errors.ts';
import { DEFAULT_MAX_HEADER_BYTES, type Head, HeadParser } from './http-head.ts';
import type { StartLineGrammar } from './start-line.ts';

/** Reads the head of the other end and judges it. */
export abstract class HeadHandshake<StartLine extends object, Verdict> {
  readonly #parser: HeadParser<StartLine>;
  #verdict: Verdict | undefined;

  /**
   * @param grammar - the grammar of the head's first line
   * @param maxHeaderBytes - the most bytes of the head; {@link DEFAULT_MAX_HEADER_BYTES} when undefined
   */
  constructor(grammar: StartLineGrammar<StartLine>, maxHeaderBytes: number | undefined) {
    this.#parser = new HeadParser(grammar, maxHeaderBytes ?? DEFAULT_MAX_HEADER_BYTES);
  }

  /** The verdict on the head; undefined while it is incomplete. */
  get verdict(): Verdict | undefined {
    return this.#verdict;
  }

  /**
   * Takes bytes from the transport. They may be reused afterwards.
   *
   * @param bytes - what arrived
   * @returns how many bytes belong to the handshake; the rest belongs to what follows it
   */
  receive(bytes: Uint8Array): number {
    const consumed = this.#parser.receive(bytes);
    this.#judge();
    return consumed;
  }

  /** Tells that the transport ended: an incomplete head is then judged to be malformed. */
  receiveEnd(): void {
    this.#parser.receiveEnd();
    this.#judge();
  }

  /** The head, once it is complete. */
  protected get head(): Head<StartLine> | undefined {
    return this.#parser.head;
  }

  /** Judges a complete head. */
  protected abstract judgeHead(head: Head<StartLine>): Verdict;
  /** Makes a verdict of what keeps the head from ever being complete. */
  protected abstract judgeFault(fault: HandshakeError | LimitExceededError): Verdict;

  #judge(): void {
    if (this.#verdict !== undefined) return;
    const { head, fault } = this.#parser;
    if (head !== undefined) this.#verdict = this.judgeHead(head);
    else if (fault !== undefined) this.#verdict = this.judgeFault(fault);
  }
}
