// Two gateways on one path, for what the program of docs/frameworks.md does not show. Decorators
// are functions: called as such, they need no compiler.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
  WsException,
} from '@nestjs/websockets';
import { finalize, interval, of } from 'rxjs';
import { SanswireAdapter } from 'sanswire/nestjs';

class First {
  handleConnection(socket, request) {
    socket.send(`connected ${request.url}`);
  }
  handleDisconnect() {
    this.sayToAll('disconnected');
  }
  count(_socket, data) {
    return of(...data);
  }
  tick() {
    return interval(1).pipe(finalize(() => this.sayToAll('unsubscribed')));
  }
  refuse() {
    throw new WsException('No');
  }
  break() {
    throw new Error('A detail that no client sees');
  }
  sayToAll(text) {
    for (const socket of this.sockets) socket.send(text);
  }
}

class Second {
  async later(_socket, data) {
    return { later: data };
  }
}

function subscribe(Gateway, ...names) {
  for (const name of names) {
    const method = Object.getOwnPropertyDescriptor(Gateway.prototype, name);
    SubscribeMessage(name)(Gateway.prototype, name, method);
  }
  WebSocketGateway({ path: '/nest' })(Gateway);
}
WebSocketServer()(First.prototype, 'sockets');
subscribe(First, 'count', 'tick', 'refuse', 'break');
subscribe(Second, 'later');

class AppModule {}
Module({ providers: [First, Second] })(AppModule);

const app = await NestFactory.create(AppModule, { logger: false });
// biome-ignore lint/correctness/useHookAtTopLevel: it is not React's.
app.useWebSocketAdapter(new SanswireAdapter(app));
await app.listen(8000);
