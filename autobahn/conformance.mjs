// Compiles the conformance suite to autobahn/dist and runs it: Node 20 runs no TypeScript, and the
// suite is not part of the package.
//
// `npm run conformance` starts it after scripts/ensure-built.mjs. Compiles only when something has
// changed: another run may be using the result.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const compiler = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url));
const dist = join(here, 'dist');
const entry = join(dist, 'run.js');

const sources = readdirSync(here, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') || path === 'tsconfig.json')
  .map((path) => statSync(join(here, path)).mtimeMs);

if (!existsSync(entry) || statSync(entry).mtimeMs < Math.max(...sources)) {
  // From an empty dist/, so that a module that was renamed does not linger.
  rmSync(dist, { recursive: true, force: true });
  const { status } = spawnSync(process.execPath, [compiler, '-p', here], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

await import('./dist/run.js');
