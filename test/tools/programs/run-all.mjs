// Runs the programs of a folder in one process.
import { readdirSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const folder = pathToFileURL(`${process.argv[2]}/`);
for (const name of readdirSync(folder)) {
  if (/^(?:both|import-|require-)/.test(name)) await import(new URL(name, folder));
}
