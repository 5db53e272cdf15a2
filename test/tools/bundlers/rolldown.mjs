import { build } from 'rolldown';
import { out, programs } from '../project.mjs';

await build({
  input: programs,
  platform: 'node',
  output: { dir: out, format: 'esm', entryFileNames: '[name].mjs', chunkFileNames: '[name].mjs' },
});
