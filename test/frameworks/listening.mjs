// Preloaded into the programs of the documents: what listens on port 8000 gets a free port of
// 127.0.0.1 instead, and the test is told which.
import { Server } from 'node:net';

const { listen } = Server.prototype;

Server.prototype.listen = function (first, ...rest) {
  const port = Number(first?.port ?? first);
  if (port !== 8000) return listen.call(this, first, ...rest);
  this.once('listening', () => process.send?.(this.address().port));
  const callbacks = rest.filter((one) => typeof one === 'function');
  return listen.call(this, 0, '127.0.0.1', ...callbacks);
};
