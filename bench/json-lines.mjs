/**
 * JSON values, one a line, over a pair of streams: how the runner talks to the processes it starts.
 *
 * Plain stdin and stdout, so that Node and Bun children are spoken to in the same way. Strictly one
 * answer for one request, in order; there are no ids.
 */

/**
 * Calls back with each line of a stream, parsed.
 *
 * @param {NodeJS.ReadableStream} stream
 * @param {(value: any) => void} onValue
 */
export function readJsonLines(stream, onValue) {
  let partial = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk) => {
    const lines = (partial + chunk).split('\n');
    partial = lines.pop() ?? '';
    for (const line of lines) if (line !== '') onValue(JSON.parse(line));
  });
}

/**
 * @param {NodeJS.WritableStream} stream
 * @param {unknown} value
 */
export function writeJsonLine(stream, value) {
  stream.write(`${JSON.stringify(value)}\n`);
}

/**
 * Answers each request line of stdin on stdout, one after the other, until stdin ends; then the
 * process exits, so that a runner that dies leaves nobody behind.
 *
 * @param {(request: any) => Promise<object>} answer
 */
export function answerJsonLines(answer) {
  let last = Promise.resolve();
  readJsonLines(process.stdin, (request) => {
    last = last.then(async () => {
      try {
        writeJsonLine(process.stdout, await answer(request));
      } catch (error) {
        const reason = error instanceof Error ? error : new Error(String(error));
        const unsupported = reason.name === 'Unsupported';
        writeJsonLine(process.stdout, {
          failure: unsupported ? reason.message : (reason.stack ?? reason.message),
          unsupported,
        });
      }
    });
  });
  process.stdin.on('end', () => process.exit(0));
}
