// Compiles the conformance suite to autobahn/dist and runs it: Node 20 runs no TypeScript, and the suite is no part of the package.
//
// `npm run conformance -- …` comes here after scripts/ensure-built.mjs has installed and built the package.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const compiler = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url));

// An empty dist/, so that a module that was renamed does not linger.
rmSync(`${here}dist`, { recursive: true, force: true });
const { status } = spawnSync(process.execPath, [compiler, '-p', `${here}tsconfig.json`], {
  stdio: 'inherit',
});
if (status !== 0) process.exit(status ?? 1);

await import('./dist/run.js');
