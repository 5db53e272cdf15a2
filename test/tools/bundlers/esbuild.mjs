import { build } from 'esbuild';
import { out, programs } from '../project.mjs';

await build({
  entryPoints: programs,
  outdir: out,
  outExtension: { '.js': '.cjs' },
  bundle: true,
  platform: 'node',
  logLevel: 'warning',
});
