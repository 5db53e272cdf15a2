/**
 * A process that the runner started: requests go in on its stdin, answers come out on its stdout,
 * one for one.
 *
 * What it prints on stderr is kept for the message if it dies. Ending its stdin ends it; a child
 * that does not heed that is killed by its own handle, and no other process ever is.
 */

import { spawn } from 'node:child_process';
import { readJsonLines, writeJsonLine } from '../json-lines.mjs';

const ANSWER_TIMEOUT_MS = 120_000;
const EXIT_TIMEOUT_MS = 3_000;
const STDERR_KEPT = 2_000;

/** What a child answered instead of a result. */
export class ChildFailure extends Error {
  /**
   * @param {string} message
   * @param {boolean} unsupported
   */
  constructor(message, unsupported = false) {
    super(message);
    this.unsupported = unsupported;
  }
}

export class Child {
  #process;
  #stderr = '';
  #exited = false;
  /** @type {((answer: any) => void) | undefined} */
  #onAnswer;

  /** @param {string[]} command */
  constructor([file = '', ...parameters]) {
    this.#process = spawn(file, parameters, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#process.stdin.on('error', () => {});
    this.#process.stderr.setEncoding('utf8');
    this.#process.stderr.on('data', (text) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_KEPT);
    });
    this.#process.on('error', (error) => this.#onAnswer?.({ failure: error.message }));
    this.#process.on('exit', (code, signal) => {
      this.#exited = true;
      const cause = this.#stderr.trim();
      this.#onAnswer?.({ failure: `the process ended (${signal ?? code}) ${cause}` });
    });
    readJsonLines(this.#process.stdout, (answer) => this.#onAnswer?.(answer));
  }

  /**
   * @param {object} request
   * @returns {Promise<any>}
   */
  request(request) {
    return new Promise((resolve, reject) => {
      if (this.#exited) {
        reject(new ChildFailure(`the process has ended ${this.#stderr.trim()}`));
        return;
      }
      const timer = setTimeout(
        () => this.#onAnswer?.({ failure: 'no answer in time' }),
        ANSWER_TIMEOUT_MS,
      );
      this.#onAnswer = (answer) => {
        clearTimeout(timer);
        this.#onAnswer = undefined;
        if (answer.failure === undefined) resolve(answer);
        else reject(new ChildFailure(answer.failure, answer.unsupported));
      };
      writeJsonLine(this.#process.stdin, request);
    });
  }

  /** @returns {Promise<void>} */
  close() {
    if (this.#exited) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#process.kill('SIGKILL'), EXIT_TIMEOUT_MS);
      this.#process.on('exit', () => {
        clearTimeout(timer);
        resolve();
      });
      this.#process.stdin.end();
    });
  }
}
