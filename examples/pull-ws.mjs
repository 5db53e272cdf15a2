// Pull-streams: a reader asks for each message, so a slow reader slows a fast writer down, through
// the network and both ends.
//
//   node examples/pull-ws.mjs
//
// The server sends as fast as it is asked. The client reads slowly, and aborts after a while: the
// server is not far ahead of it then.

import pull from 'pull-stream';
import { connect, createServer } from 'sanswire/pull-ws';

const MESSAGE_LENGTH = 64 * 1024;
let written = 0;

const server = createServer((stream) => {
  console.log(`server: ${stream.method} ${stream.url}`);
  pull(
    pull.infinite(() => {
      written++;
      return Buffer.alloc(MESSAGE_LENGTH);
    }),
    pull.through(undefined, () => console.log('server: aborted')),
    stream,
  );
});

server.listen({ port: 0, host: '127.0.0.1' }, () => {
  connect(`ws://127.0.0.1:${server.address().port}/count`, (error, stream) => {
    if (error) throw error;
    let read = 0;
    pull(
      stream,
      pull.asyncMap((message, done) => setTimeout(done, 1, null, message)),
      pull.take(100),
      pull.drain(
        () => read++,
        () => {
          console.log(`client: read ${read} messages`);
          // Without backpressure it would be gigabytes.
          console.log(
            `client: ahead by less than 64 MiB: ${(written - read) * MESSAGE_LENGTH < 2 ** 26}`,
          );
          server.close(() => console.log('server: closed'));
        },
      ),
    );
  });
});
