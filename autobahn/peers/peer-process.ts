// The process of a peer: `peer-process.js NAME serve [HOST] [PORT]` or
// `peer-process.js NAME loop SERVER PARALLEL`.
//
// Its first line of output is JSON: what the peer is called and, for a server, its port. A process
// that the suite has started ends with its standard input, so that it does not outlive the suite.
import { runClientLoop } from './client-loop.ts';
import { loadPeer } from './load-peer.ts';

const [name = '', mode = '', ...rest] = process.argv.slice(2);
const peer = await loadPeer(name);
const agent = `${peer.name} ${peer.version}`;

if (process.env['CONFORMANCE_CHILD'] === '1') {
  process.stdin.on('end', () => process.exit(0)).resume();
}

if (mode === 'serve') {
  if (peer.serve === undefined) throw new RangeError(`${peer.name} has no server.`);
  const [host = '127.0.0.1', port = '0'] = rest;
  const actualPort = await peer.serve(host, Number(port));
  process.stdout.write(`${JSON.stringify({ agent, port: actualPort })}\n`);
} else {
  if (peer.echo === undefined) throw new RangeError(`${peer.name} has no client.`);
  process.stdout.write(`${JSON.stringify({ agent })}\n`);
  const [server = '', parallel = '1'] = rest;
  await runClientLoop(peer.echo, server, agent, Number(parallel));
  process.exit(0);
}
