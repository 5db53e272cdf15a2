/**
 * Writes down what a connection tells, a line for each event, so that two runs can be compared.
 *
 * Lines: `text "hi"`, `binary hex FE`, `ping "hi"`, `pong ""`, `error WS_…`, `close 1000 "reason"
 * clean`, `drain`. A message that is streamed makes the same line as one that comes whole, when it
 * is complete. `closing` and `output` are counted.
 */

import type { ConnectionHandler, OutputUrgency } from '../../src/connection/handler.ts';
import type { WebSocketError } from '../../src/errors.ts';
import { describePayload, describeString } from './frames.ts';
import { concat } from './hex.ts';

export class RecordingHandler implements ConnectionHandler {
  readonly log: string[] = [];
  readonly errors: WebSocketError[] = [];
  closingCount = 0;
  outputCount = 0;
  /** The pieces of the last streamed message, as often as they came. */
  pieceCount = 0;
  /** Does something inside an event, after its line is written. */
  react: ((line: string) => void) | undefined;

  #pieces: Uint8Array[] = [];
  #isBinary = false;

  protected write(line: string): void {
    this.log.push(line);
    this.react?.(line);
  }

  onMessage(data: string | Uint8Array, isBinary: boolean): void {
    this.write(describeMessage(data, isBinary));
  }

  onMessageStart(isBinary: boolean): void {
    this.#isBinary = isBinary;
    this.#pieces = [];
    this.pieceCount = 0;
    this.react?.('start');
  }

  onMessageData(bytes: Uint8Array): void {
    this.#pieces.push(new Uint8Array(bytes));
    this.pieceCount++;
    this.react?.('data');
  }

  onMessageEnd(): void {
    this.write(describeMessage(concat(this.#pieces), this.#isBinary));
  }

  onPing(payload: Uint8Array): void {
    this.write(`ping ${describePayload(payload)}`);
  }

  onPong(payload: Uint8Array): void {
    this.write(`pong ${describePayload(payload)}`);
  }

  onClosing(): void {
    this.closingCount++;
    this.react?.('closing');
  }

  onError(error: WebSocketError): void {
    this.errors.push(error);
    this.write(`error ${error.code}`);
  }

  onClose(code: number, reason: string, wasClean: boolean): void {
    this.write(describeCloseEvent(code, reason, wasClean));
  }

  onDrain(): void {
    this.write('drain');
  }

  /** When the last output was to be written. */
  urgency: OutputUrgency | undefined;

  onOutput(urgency: OutputUrgency): void {
    this.urgency = urgency;
    this.outputCount++;
    this.react?.('output');
  }
}

function describeMessage(data: string | Uint8Array, isBinary: boolean): string {
  if (isBinary) return `binary ${describePayload(data as Uint8Array)}`;
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  return `text ${describeString(typeof data === 'string' ? data : decoder.decode(data))}`;
}

/** Describes the end of a connection: `close 1000 "reason" clean`, `close 1006 unclean`. */
export function describeCloseEvent(code: number, reason: string, wasClean: boolean): string {
  const words = ['close', String(code)];
  if (reason !== '') words.push(JSON.stringify(reason));
  return [...words, wasClean ? 'clean' : 'unclean'].join(' ');
}
