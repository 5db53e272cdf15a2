import { mkdirSync, writeFileSync } from 'node:fs';
import ncc from '@vercel/ncc';
import { out, programs } from '../project.mjs';

mkdirSync(out, { recursive: true });
for (const [name, path] of Object.entries(programs)) {
  const { code } = await ncc(path, { quiet: true, cache: false });
  writeFileSync(`${out}/${name}.${path.endsWith('.cjs') ? 'cjs' : 'mjs'}`, code);
}
