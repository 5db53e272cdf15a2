/** The faults of an opening handshake, gathered: all of them are reported together. */

import { type FaultCode, HandshakeError } from '../errors.ts';

export interface Faults {
  /** In the order in which they were found. */
  readonly errors: HandshakeError[];
  /** @param detail - what exactly was wrong */
  readonly report: (code: FaultCode, detail?: string) => void;
}

/** @param status - that of the response, where one is judged; by default each fault has its own */
export function collectFaults(status?: number): Faults {
  const errors: HandshakeError[] = [];
  return {
    errors,
    report: (code, detail) => {
      errors.push(new HandshakeError(code, { detail, status }));
    },
  };
}
