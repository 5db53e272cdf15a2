// The entries of the package, from its exports: the names of modules in src/.
import { readFileSync } from 'node:fs';

export function listEntries() {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  const { exports } = JSON.parse(manifest);
  const names = Object.keys(exports).filter((entry) => entry !== './package.json');
  return names.map((entry) => (entry === '.' ? 'index' : entry.slice('./'.length)));
}
