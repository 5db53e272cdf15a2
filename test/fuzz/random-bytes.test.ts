import { describe, expect, it } from 'vitest';
import { fuzz } from './random-bytes.ts';

/** The long run is a script's; this is the same for a fixed seed. */
const RUNS = { seed: 6455, count: 2000 };

describe('Random bytes', () => {
  it('are events or one failure, never an exception', async () => {
    const { events, memoryAtFirst, memoryAtLast } = await fuzz(RUNS);
    // Inputs that end at the first header would prove little: each of these was reached.
    for (const kind of [
      'text',
      'binary',
      'ping',
      'pong',
      'drain',
      'close 1000',
      'close 1006',
      'error WS_RESERVED_BIT',
      'error WS_UNKNOWN_OPCODE',
      'error WS_MASK_MISSING',
      'error WS_MASK_UNEXPECTED',
      'error WS_CONTROL_FRAGMENTED',
      'error WS_CONTROL_TOO_LONG',
      'error WS_LENGTH_NOT_MINIMAL',
      'error WS_CONTINUATION_UNEXPECTED',
      'error WS_CONTINUATION_EXPECTED',
      'error WS_INVALID_TEXT',
      'error WS_INVALID_CLOSE_CODE',
      'error WS_INVALID_CLOSE_LENGTH',
      'error WS_INVALID_CLOSE_REASON',
      'error WS_MESSAGE_TOO_LONG',
      'error WS_BUFFERED_AMOUNT_EXCEEDED',
    ]) {
      expect(events[kind] ?? 0, kind).toBeGreaterThan(0);
    }
    // Nothing of 1,800 connections is left; the heap has room for what the engine compiles
    // meanwhile.
    expect(memoryAtLast.buffers - memoryAtFirst.buffers).toBeLessThan(200_000);
    expect(memoryAtLast.heap - memoryAtFirst.heap).toBeLessThan(4_000_000);
  });
});
