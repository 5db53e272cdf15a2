// Jest without flags: CommonJS, and Babel compiles `import` to `require`.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { out, programs, project } from './project.mjs';

const require = createRequire(import.meta.url);

/** Runs the programs with the Jest of a name in package.json. */
export function runJest(name) {
  mkdirSync(out, { recursive: true });
  for (const helper of ['echo.cjs', 'required.cjs']) {
    copyFileSync(join(project, helper), join(out, helper));
  }
  // Jest takes .mjs for modules of Node, for which it needs flags.
  for (const [program, path] of Object.entries(programs)) {
    copyFileSync(path, join(out, `${program}.js`));
  }
  const test = (program) => `test('${program}', () => require('./${program}').done);`;
  writeFileSync(join(out, 'all.test.js'), Object.keys(programs).map(test).join('\n'));
  const plugins = [require.resolve('@babel/plugin-transform-modules-commonjs')];
  writeFileSync(join(out, 'babel.config.json'), JSON.stringify({ plugins }));
  writeFileSync(join(out, 'package.json'), JSON.stringify({ name: basename(out) }));
  const script = join(require.resolve(`${name}/package.json`), '../bin/jest.js');
  const { status } = spawnSync(process.execPath, [script], { cwd: out, stdio: 'inherit' });
  process.exitCode = status ?? 1;
}
