/** docs/limits.md says what src/limits.ts says: one row for each limit, in the same order. */

import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CloseCode } from '../../src/close-code.ts';
import { FAULTS, type FaultCode } from '../../src/errors.ts';
import { LIMITS, type Limit } from '../../src/limits.ts';

const limits: readonly (readonly [string, Limit])[] = Object.entries(LIMITS);
const table = readFileSync('docs/limits.md', 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .slice(1)
  .map((line) => line.slice(2, -2).split(' | '));

/** An option by its name, as code; a fixed limit by the words of its key. */
function titleOf(key: string, { name, minimum }: Limit): string {
  if (minimum !== undefined) return `\`${name}\``;
  return key.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).replace('pongs', 'Pongs');
}

const UNITS: Readonly<Record<string, number>> = { '': 1, KiB: 1024, MiB: 1024 ** 2 };

/** Reads `30,000`, `16 KiB`, `2^26 - 1`, `Infinity`, or the default of another limit. */
function parseDefault(text: string): number {
  const [, other] = /^that of `(\w+)`$/.exec(text) ?? [];
  if (other !== undefined) return LIMITS[other as keyof typeof LIMITS].default;
  const [, exponent] = /^2\^(\d+) - 1$/.exec(text) ?? [];
  if (exponent !== undefined) return 2 ** Number(exponent) - 1;
  const [, digits, unit = ''] = /^([\d.,]+|Infinity)(?: (\w+))?$/.exec(text) ?? [];
  return Number(digits?.replaceAll(',', '')) * (UNITS[unit] ?? Number.NaN);
}

describe('docs/limits.md', () => {
  it('has a row for each limit, in the order of the table', () => {
    expect(table.map(([title]) => title)).toEqual(limits.map(([key, row]) => titleOf(key, row)));
  });

  it.each(limits.map(([key, row], index) => ({ key, row, cells: table[index] ?? [] })))(
    'has the unit, default and error of $key, and a test that exists',
    ({ row, cells }) => {
      const [, bounds, unit, defaultText, exceeded = '', test = ''] = cells;
      expect(cells).toHaveLength(6);
      expect(bounds).not.toBe('');
      expect(unit).toBe(row.unit);
      expect(parseDefault(defaultText ?? '')).toBe(row.default);
      expect(existsSync(test.replaceAll('`', ''))).toBe(true);
      if (!row.error.startsWith('WS_')) {
        expect(exceeded.startsWith(row.error)).toBe(true);
        return;
      }
      const { closeCode, status } = FAULTS[row.error as FaultCode];
      expect(exceeded).toMatch(new RegExp(`^\`${row.error}\``));
      const [, close] = /close (\d+)/.exec(exceeded) ?? [];
      if (close !== undefined) expect(Number(close)).toBe(closeCode && CloseCode[closeCode]);
      const [, answer] = /status (\d+)/.exec(exceeded) ?? [];
      if (answer !== undefined) expect(Number(answer)).toBe(status);
    },
  );
});
