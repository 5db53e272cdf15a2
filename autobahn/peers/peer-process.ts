// The process of a peer: `peer-process.js NAME serve` or `peer-process.js NAME loop SERVER PARALLEL`.
//
// Its first line on the standard output is JSON: what the peer is called and, for a server, its port. A server ends with its
// standard input, so that none outlives a suite that was killed.
import { runClientLoop } from './client-loop.ts';
import { loadPeer } from './load-peer.ts';

const [name = '', mode = '', server = '', parallel = '1'] = process.argv.slice(2);
const peer = await loadPeer(name);
const agent = `${peer.name} ${peer.version}`;

process.stdin.on('end', () => process.exit(0)).resume();

if (mode === 'serve') {
  if (peer.serve === undefined) throw new RangeError(`${peer.name} has no server.`);
  process.stdout.write(`${JSON.stringify({ agent, port: await peer.serve() })}\n`);
} else {
  if (peer.echo === undefined) throw new RangeError(`${peer.name} has no client.`);
  process.stdout.write(`${JSON.stringify({ agent })}\n`);
  await runClientLoop(peer.echo, server, agent, Number(parallel));
  process.exit(0);
}
