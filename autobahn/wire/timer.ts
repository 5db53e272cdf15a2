// The suite's timer. It reads before it fires: in a process that was busy, the timer comes before
// the octets that had arrived in time.

/** How many turns of the event loop the sockets get. */
const READING_TURNS = 8;

/**
 * Starts a timer.
 *
 * @returns stops it
 */
export function startTimer(ms: number, onTimeout: () => void): () => void {
  let isStopped = false;
  const timer = setTimeout(async () => {
    for (let turn = 0; turn < READING_TURNS && !isStopped; turn += 1) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (!isStopped) onTimeout();
  }, ms);
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}
