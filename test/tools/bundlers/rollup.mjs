import commonjs from '@rollup/plugin-commonjs';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import { rollup } from 'rollup';
import { out, programs } from '../project.mjs';

const bundle = await rollup({
  input: programs,
  plugins: [nodeResolve({ preferBuiltins: true }), commonjs()],
  onwarn: (warning) => {
    throw new Error(warning.message);
  },
});
await bundle.write({
  dir: out,
  format: 'es',
  entryFileNames: '[name].mjs',
  chunkFileNames: '[name].mjs',
});
