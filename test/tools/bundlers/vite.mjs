import { build } from 'vite';
import { out, programs, project } from '../project.mjs';

await build({
  root: project,
  logLevel: 'warn',
  ssr: { noExternal: true },
  build: {
    ssr: true,
    outDir: out,
    rollupOptions: {
      input: programs,
      output: { entryFileNames: '[name].mjs', chunkFileNames: '[name].mjs' },
    },
  },
});
