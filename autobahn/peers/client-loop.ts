// Drives an echo client through all cases of a fuzzing server, several at a time: asks how many
// there are, runs each, asks for the report.
import type { Peer } from './peer.ts';

/**
 * Runs the loop.
 *
 * @param server - the fuzzing server, as `ws://host:port`
 * @param agent - the name that the report gives the client
 * @param parallel - how many cases run at once, from 1
 */
export async function runClientLoop(
  echo: NonNullable<Peer['echo']>,
  server: string,
  agent: string,
  parallel: number,
): Promise<void> {
  const count = Number(await echo(`${server}/getCaseCount`));
  const suffix = `agent=${encodeURIComponent(agent)}`;
  let next = 1;
  const work = async (): Promise<void> => {
    while (next <= count) {
      const number = next;
      next += 1;
      await echo(`${server}/runCase?case=${number}&${suffix}`);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, parallel) }, work));
  await echo(`${server}/updateReports?${suffix}`);
}
