/**
 * OpenTelemetry: a span for each connection, and metrics of all, from the channels of the process.
 * `instrument` is what an application needs; the rest sets the SDK up to print what it got.
 *
 *     npm install @opentelemetry/api @opentelemetry/sdk-metrics @opentelemetry/sdk-trace-base
 *     node examples/opentelemetry.mjs
 */

import { subscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { metrics, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { WebSocket } from 'sanswire';

/** Watches all connections of the process. The application is not touched. */
function instrument() {
  const tracer = trace.getTracer('sanswire');
  const meter = metrics.getMeter('sanswire');
  const connections = meter.createUpDownCounter('websocket.connections');
  const refusals = meter.createCounter('websocket.refusals');
  const limits = meter.createCounter('websocket.limits');
  const sizes = meter.createHistogram('websocket.message.size', { unit: 'By' });
  const spans = new WeakMap();

  subscribe('sanswire:open', ({ socket, role }) => {
    connections.add(1, { role });
    const kind = role === 'server' ? SpanKind.SERVER : SpanKind.CLIENT;
    const attributes = { 'url.full': socket.url, 'client.address': socket.remoteAddress };
    spans.set(socket, { role, span: tracer.startSpan('websocket', { kind, attributes }) });
  });
  subscribe('sanswire:close', ({ socket, code, error }) => {
    const { role, span } = spans.get(socket) ?? {};
    // It was open before anybody watched.
    if (span === undefined) return;
    connections.add(-1, { role });
    const { messagesReceived, messagesSent } = socket.stats;
    span.setAttributes({ 'websocket.close_code': code, messagesReceived, messagesSent });
    if (error !== undefined) {
      span.recordException(error);
      span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
    }
    span.end();
  });
  subscribe('sanswire:refused', ({ status, error }) => {
    refusals.add(1, { 'http.response.status_code': status, 'error.type': error?.code });
  });
  subscribe('sanswire:limit', ({ error }) => limits.add(1, { 'error.type': error.code }));
  // The only two that cost something for each message: leave them out if nobody looks at sizes.
  subscribe('sanswire:message:received', ({ length }) => sizes.record(length, { way: 'in' }));
  subscribe('sanswire:message:sent', ({ length }) => sizes.record(length ?? 0, { way: 'out' }));
}

// ---- The SDK ------------------------------------------------------------------------------------

const spanExporter = new InMemorySpanExporter();
const spanProcessors = [new SimpleSpanProcessor(spanExporter)];
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors }));
const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const reader = new PeriodicExportingMetricReader({ exporter: metricExporter });
metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));

instrument();

// ---- What is watched ----------------------------------------------------------------------------

const closes = [];
/** Unlike `once` of node:events, it does not mind the error before. */
const closeOf = (socket) => new Promise((resolve) => socket.once('close', resolve));

const server = createServer();
server.on('upgrade', (request, socket, head) => {
  const webSocket = new WebSocket(request, socket, head, [], { maxLength: 1000 });
  webSocket.on('message', ({ data }) => webSocket.send(data));
  closes.push(closeOf(webSocket));
});
await once(server.listen(0, '127.0.0.1'), 'listening');
const url = `ws://127.0.0.1:${server.address().port}/`;

const client = await new WebSocket.Client(url).opened;
client.send('hello');
await once(client, 'message');
client.close(1000);
const tooLong = await new WebSocket.Client(url).opened;
tooLong.send('x'.repeat(1001));
closes.push(closeOf(client), closeOf(tooLong));
await Promise.all(closes);
server.close();

await reader.forceFlush();
for (const { kind, attributes, status } of spanExporter.getFinishedSpans()) {
  const end = attributes['websocket.close_code'];
  console.log(`span ${SpanKind[kind]} closed ${end} ${SpanStatusCode[status.code]}`);
}
for (const { scopeMetrics } of metricExporter.getMetrics().slice(-1)) {
  for (const { descriptor, dataPoints } of scopeMetrics.flatMap((scope) => scope.metrics)) {
    for (const { attributes, value } of dataPoints) {
      const text = typeof value === 'number' ? value : `${value.count} messages, ${value.sum} By`;
      console.log(`metric ${descriptor.name} ${JSON.stringify(attributes)} ${text}`);
    }
  }
}
await reader.shutdown();
