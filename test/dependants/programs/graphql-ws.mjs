// graphql-ws: queries and subscriptions, an error, and the close codes of the protocol.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { GraphQLObjectType, GraphQLSchema, GraphQLString } from 'graphql';
import { createClient } from 'graphql-ws';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocket, WebSocketServer } from 'ws';

const schema = new GraphQLSchema({
  query: new GraphQLObjectType({
    name: 'Query',
    fields: { hello: { type: GraphQLString, resolve: () => 'world' } },
  }),
  subscription: new GraphQLObjectType({
    name: 'Subscription',
    fields: {
      greetings: {
        type: GraphQLString,
        async *subscribe() {
          for (const greetings of ['Hi', 'Bonjour', 'Hola']) yield { greetings };
        },
      },
    },
  }),
});
const server = new WebSocketServer({ port: 0, host: '127.0.0.1', path: '/graphql' });
await once(server, 'listening');
const disposable = useServer(
  { schema, onConnect: ({ connectionParams }) => connectionParams?.user !== 'bad' },
  server,
);
const url = `ws://127.0.0.1:${server.address().port}/graphql`;

const client = createClient({ url, webSocketImpl: WebSocket, connectionParams: { user: 'good' } });
const results = [];
for await (const { data } of client.iterate({ query: 'subscription { greetings }' }))
  results.push(data.greetings);
assert.deepEqual(results, ['Hi', 'Bonjour', 'Hola']);
for await (const { data } of client.iterate({ query: '{ hello }' }))
  assert.equal(data.hello, 'world');
await client.dispose();

const refused = createClient({
  url,
  webSocketImpl: WebSocket,
  connectionParams: { user: 'bad' },
  retryAttempts: 0,
});
await assert.rejects(
  async () => {
    for await (const _ of refused.iterate({ query: '{ hello }' }));
  },
  (event) => event.code === 4403,
);
await disposable.dispose();
server.close();
