/**
 * Gathers the faults of one handshake, so that all are reported together and in the order in which they were found.
 */

import { type FaultCode, HandshakeError } from '../errors.ts';

/** A growing list of faults; an error is made only for a rule that was broken. */
export class FaultList {
  readonly #status: number | undefined;
  readonly errors: HandshakeError[] = [];

  /**
   * @param status - the HTTP status that a client got; a server's errors have the status of their row
   */
  constructor(status?: number) {
    this.#status = status;
  }

  /**
   * Adds a fault.
   *
   * @param code - the row of the fault table
   * @param detail - what exactly was wrong
   */
  add(code: FaultCode, detail?: string): void {
    this.errors.push(
      new HandshakeError(code, {
        ...(detail === undefined ? {} : { detail }),
        ...(this.#status === undefined ? {} : { status: this.#status }),
      }),
    );
  }
}
