/** `sanswire/nestjs`: the WebSocketAdapter of NestJS (docs/frameworks.md). */

export {
  type NestAnswers,
  type NestApplication,
  type NestMessageHandler,
  type NestSubscription,
  SanswireAdapter,
  type SanswireAdapterOptions,
} from './server/nest-adapter.ts';
