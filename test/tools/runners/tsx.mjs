// TypeScript in a CommonJS package: `import` is compiled to `require`.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { out, programs, project } from '../project.mjs';

mkdirSync(out, { recursive: true });
writeFileSync(join(out, 'package.json'), JSON.stringify({ type: 'commonjs' }));
for (const helper of ['echo.cjs', 'required.cjs']) {
  copyFileSync(join(project, helper), join(out, helper));
}
const names = Object.keys(programs);
for (const name of names) copyFileSync(programs[name], join(out, `${name}.ts`));
writeFileSync(join(out, 'all.ts'), names.map((name) => `import './${name}';`).join('\n'));
const loader = fileURLToPath(import.meta.resolve('tsx/cli'));
const { status } = spawnSync(process.execPath, [loader, 'all.ts'], { cwd: out, stdio: 'inherit' });
process.exitCode = status ?? 1;
