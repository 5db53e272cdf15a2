// The project that an adapter is started in, and what it builds there.
import { readdirSync } from 'node:fs';
import { join, parse } from 'node:path';

export const project = process.cwd();
export const out = join(project, 'out', parse(process.argv[1]).name);

/** The programs by their names: `{ both: '/…/both.mjs', … }`. */
export const programs = Object.fromEntries(
  readdirSync(project)
    .filter((name) => /^(?:both|import-.+|require-.+)\.[cm]js$/.test(name))
    .map((name) => [parse(name).name, join(project, name)]),
);
