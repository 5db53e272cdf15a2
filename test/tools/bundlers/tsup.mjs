import { build } from 'tsup';
import { out, programs } from '../project.mjs';

await build({
  entry: programs,
  outDir: out,
  format: 'cjs',
  outExtension: () => ({ js: '.cjs' }),
  noExternal: [/./],
  config: false,
  silent: true,
});
