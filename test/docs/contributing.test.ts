/** CONTRIBUTING.md lists every folder of tests; scripts/check-layers.mjs compares its layers. */

import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

it('CONTRIBUTING.md has each folder of test/ in its table, and no other', () => {
  const rows = readFileSync('CONTRIBUTING.md', 'utf8').match(/^\| `test\/.*$/gm) ?? [];
  const named = rows.flatMap((row) =>
    [...row.matchAll(/`test\/([\w-]+)`/g)].map(([, name]) => name),
  );
  const folders = readdirSync('test', { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  );
  expect(named.sort()).toEqual(folders.map(({ name }) => name).sort());
});
