export * from 'sanswire/ws';
export { default } from 'sanswire/ws';
