import { spawnSync } from 'node:child_process';
import { out, programs } from '../project.mjs';

const parameters = ['build', '--target=node', `--outdir=${out}`, '--entry-naming=[name].mjs'];
const command = process.env.BUN ?? 'bun';
const { status } = spawnSync(command, [...parameters, ...Object.values(programs)]);
process.exitCode = status ?? 1;
