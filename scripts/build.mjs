// Compiles src/ to dist/: one .js and one .d.ts per module, no bundler. Starts from an empty dist/, so that a module that
// was renamed does not linger in the package.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
rmSync(`${root}dist`, { recursive: true, force: true });
const { status } = spawnSync(
  process.execPath,
  ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'],
  { cwd: root, stdio: 'inherit' },
);
process.exit(status ?? 1);
