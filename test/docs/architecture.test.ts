/** docs/architecture.md names files that exist, walks of at most six rooms, and the life cycle. */

import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { LIFE_CYCLE, STATES } from '../../src/connection/life-cycle.ts';

const MAX_ROOMS = 6;
const MAX_LINES = 120;

const page = readFileSync('docs/architecture.md', 'utf8');
/** What stands as code and looks like a file or a folder. */
const paths = new Set(
  [...page.matchAll(/`([\w./-]+(?:\.(?:ts|mjs|json|md)|\/))`/g)].map(([, path = '']) => path),
);

/** Returns the text below a heading. */
function sectionOf(heading: string): string {
  const [, text = ''] = page.split(`\n## ${heading}\n`);
  return text.split('\n## ')[0] ?? '';
}

/** Returns the steps of the numbered list below a heading. */
function stepsOf(heading: string): string[] {
  return sectionOf(heading)
    .split('\n')
    .filter((line) => /^\d+\. /.test(line));
}

describe('docs/architecture.md', () => {
  it('is short', () => {
    expect(page.trimEnd().split('\n').length).toBeLessThanOrEqual(MAX_LINES);
  });

  it('names files', () => {
    expect(paths.size).toBeGreaterThan(20);
  });

  it.each([...paths])('names %s, which exists', (path) => {
    expect([`src/${path}`, path].some((place) => existsSync(place))).toBe(true);
  });

  it.each(['Bytes in', 'Message out'])('walks through at most six rooms: %s', (heading) => {
    const steps = stepsOf(heading);
    expect(steps.length).toBeGreaterThan(2);
    expect(steps.length).toBeLessThanOrEqual(MAX_ROOMS);
    for (const step of steps) expect(step).toMatch(/^\d+\. `[\w-]+\/[\w-]+\.ts` /);
  });

  it.each([...Object.keys(STATES), ...Object.keys(LIFE_CYCLE)])('has %s in its tables', (name) => {
    const tables = sectionOf('One life cycle').match(/^\|.*$/gm) ?? [];
    expect(tables.join('\n')).toMatch(new RegExp(`\\b${name}\\b`));
  });
});
