import { rspack } from '@rspack/core';
import { out, programs } from '../project.mjs';

const stats = await new Promise((resolve, reject) => {
  const options = {
    mode: 'production',
    target: 'node',
    entry: programs,
    output: { path: out, filename: '[name].cjs' },
    optimization: { minimize: false },
  };
  rspack(options, (error, result) => (error ? reject(error) : resolve(result)));
});
if (stats.hasErrors() || stats.hasWarnings()) throw new Error(stats.toString('errors-warnings'));
