/** `Receiver` of `sanswire/ws`: a listener that throws breaks neither it nor its Writable. */

import { expect, it } from 'vitest';
import { collectUncaught } from '../../support/uncaught-exceptions.ts';
import { sanswireWs } from './libraries.ts';
import { frame } from './raw-peer.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it.each([true, false])('goes on, with allowSynchronousEvents: %s', async (isSynchronous) => {
  const uncaught = collectUncaught();
  const receiver = new sanswireWs.Receiver({ allowSynchronousEvents: isSynchronous });
  const log: string[] = [];
  for (const name of ['message', 'ping', 'conclude']) {
    receiver.on(name, (value: unknown) => {
      log.push(`${name} ${value}`);
      throw new Error(name);
    });
  }
  const finished = new Promise((resolve) => receiver.once('finish', resolve));
  const written: unknown[] = [];
  const bytes = Buffer.concat([frame(0x81, '1'), frame(0x89, '2'), frame(0x81, '3')]);
  receiver.write(bytes, (error) => written.push(error));
  receiver.write(frame(0x88, '\x03\xe8'), (error) => written.push(error));
  await finished;
  await turn();
  expect(log).toEqual(['message 1', 'ping 2', 'message 3', 'conclude 1000']);
  expect(uncaught.map(String)).toEqual(
    ['message', 'ping', 'message', 'conclude'].map((name) => `Error: ${name}`),
  );
  expect(written.map((error) => error ?? 'written')).toEqual(['written', 'written']);
});
