/** What the documents name and link to exists. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const DOCUMENTS = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'SECURITY.md',
  'examples/README.md',
  ...['docs', 'docs/decisions'].flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.md'))
      .map((name) => `${folder}/${name}`),
  ),
];

/** Relative links, and paths from the root of the project that stand as code. */
function targetsOf(document: string): string[] {
  const text = readFileSync(document, 'utf8');
  const links = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, link = '']) =>
    join(dirname(document), link),
  );
  const paths = [...text.matchAll(/`((?:src|test|docs|examples|scripts|autobahn)\/[\w./-]+)`/g)];
  return [...links, ...paths.map(([, path = '']) => path)];
}

describe.each(DOCUMENTS)('%s', (document) => {
  it('names what exists', () => {
    expect(targetsOf(document).filter((target) => !existsSync(target))).toEqual([]);
  });
});
