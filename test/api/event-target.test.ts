/**
 * The base of the public classes: one list of listeners, DOM and Node ways to add them, and no
 * listener harms another.
 */

import { errorMonitor, once } from 'node:events';
import { PassThrough, type Stream } from 'node:stream';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { defineEventAttributes, type EventAttribute } from '../../src/api/event-attributes.ts';
import { deliver, StreamEventTarget } from '../../src/api/event-target.ts';
import { ErrorEvent, MessageEvent, WebSocketEvent } from '../../src/api/events.ts';
import { collectUncaught } from '../support/uncaught-exceptions.ts';

interface Events {
  open: WebSocketEvent;
  message: MessageEvent<string>;
  error: ErrorEvent;
  close: WebSocketEvent;
  drain: undefined;
  data: string;
}

class Channel extends StreamEventTarget<Events> {
  static {
    defineEventAttributes(Channel.prototype, ['open', 'message', 'error', 'close']);
  }

  declare onopen: EventAttribute<Channel, Events, 'open'>;
  declare onmessage: EventAttribute<Channel, Events, 'message'>;
  declare onerror: EventAttribute<Channel, Events, 'error'>;
  declare onclose: EventAttribute<Channel, Events, 'close'>;
  readable = true;

  message(data: string): void {
    this.dispatch(new MessageEvent('message', { data }, this));
  }
  fail(error: Error): void {
    this.dispatch(new ErrorEvent('error', { error, message: error.message }, this));
  }
  close(): void {
    this.dispatch(new WebSocketEvent('close', null, this));
  }
  stream(type: 'data' | 'drain' | 'end' | 'error', value?: unknown): void {
    deliver(this, type, value);
  }
}

const afterTicks = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function record(log: unknown[], name: string): () => void {
  return () => void log.push(name);
}

/** The listeners that a signal has. */
function watchAborts(signal: AbortSignal): ReadonlySet<unknown> {
  const aborts = new Set<unknown>();
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = ((type: 'abort', listener: () => void) => {
    aborts.add(listener);
    add(type, listener);
  }) as typeof signal.addEventListener;
  signal.removeEventListener = ((type: 'abort', listener: () => void) => {
    aborts.delete(listener);
    remove(type, listener);
  }) as typeof signal.removeEventListener;
  return aborts;
}

describe('the one list of listeners', () => {
  it('runs listeners of every sort in the order of registration', () => {
    const channel = new Channel();
    const log: unknown[] = [];
    channel.addEventListener('message', record(log, 'first'));
    channel.onmessage = record(log, 'attribute');
    channel.on('message', record(log, 'emitter'));
    channel.addEventListener('message', { handleEvent: record(log, 'object') });
    channel.prependListener('message', record(log, 'prepended'));
    channel.message('x');
    expect(log).toEqual(['prepended', 'first', 'attribute', 'emitter', 'object']);
    expect(channel.listenerCount('message')).toBe(5);
  });

  it.each(['on', 'addEventListener'] as const)('hands the event object to %s', (method) => {
    const channel = new Channel();
    const seen: unknown[] = [];
    const listener = function (this: unknown, event: MessageEvent<string>): void {
      seen.push(this, event.type, event.data, event.target, event.currentTarget);
    };
    if (method === 'on') channel.on('message', listener);
    else channel.addEventListener('message', listener);
    channel.message('hello');
    expect(seen).toEqual([channel, 'message', 'hello', channel, channel]);
  });

  it('does nothing without listeners', () => {
    const channel = new Channel();
    channel.message('x');
    channel.stream('drain');
  });

  it('works with events.once and reaches async listeners', async () => {
    const channel = new Channel();
    const promise = once(channel, 'message');
    channel.message('late');
    const [event] = await promise;
    expect(event.data).toBe('late');
  });
});

describe('addEventListener (WHATWG DOM §2.7)', () => {
  it('ignores the same type, listener and capture the second time', () => {
    const channel = new Channel();
    const log: unknown[] = [];
    const listener = record(log, 'x');
    const object = { handleEvent: record(log, 'object') };
    channel.addEventListener('message', listener);
    channel.addEventListener('message', listener, false);
    channel.addEventListener('message', listener, { once: true });
    channel.addEventListener('message', object);
    channel.addEventListener('message', object);
    channel.message('');
    channel.message('');
    expect(log).toEqual(['x', 'object', 'x', 'object']);
  });

  it('tells registrations apart by capture', () => {
    const channel = new Channel();
    const log: unknown[] = [];
    const listener = record(log, 'x');
    channel.addEventListener('message', listener, true);
    channel.addEventListener('message', listener);
    channel.message('');
    expect(log).toEqual(['x', 'x']);
    channel.removeEventListener('message', listener, { capture: true });
    channel.message('');
    expect(log).toEqual(['x', 'x', 'x']);
    channel.removeEventListener('message', listener, true);
    expect(channel.listenerCount('message')).toBe(1);
    channel.removeEventListener('message', listener);
    expect(channel.listenerCount('message')).toBe(0);
  });

  it('can add again what was removed in whatever way', () => {
    const channel = new Channel();
    const log: unknown[] = [];
    const listener = record(log, 'x');
    channel.addEventListener('message', listener);
    channel.off('message', listener);
    channel.addEventListener('message', listener);
    channel.removeAllListeners();
    channel.addEventListener('message', listener);
    channel.removeEventListener('message', listener);
    channel.addEventListener('message', listener);
    channel.message('');
    expect(log).toEqual(['x']);
  });

  it('removes a once listener before its call', () => {
    const channel = new Channel();
    let calls = 0;
    const listener = (): void => {
      calls++;
      expect(channel.listenerCount('message')).toBe(0);
      channel.message('again');
    };
    channel.addEventListener('message', listener, { once: true });
    channel.message('');
    channel.message('');
    expect(calls).toBe(1);
  });

  it('looks handleEvent up at each event, with the object as this', () => {
    const channel = new Channel();
    const log: unknown[] = [];
    const object = {
      handleEvent(this: unknown, event: MessageEvent<string>): void {
        log.push(this === object, event.data);
      },
    };
    channel.addEventListener('message', object);
    channel.message('a');
    object.handleEvent = () => void log.push('replaced');
    channel.message('b');
    channel.removeEventListener('message', object);
    channel.message('c');
    expect(log).toEqual([true, 'a', 'replaced']);
  });

  it('ignores null and undefined, and refuses what can never listen', () => {
    const channel = new Channel();
    channel.addEventListener('message', null);
    channel.addEventListener('message', undefined);
    channel.removeEventListener('message', null);
    expect(channel.listenerCount('message')).toBe(0);
    expect(() => channel.addEventListener('message', 'no' as never)).toThrow(TypeError);
  });

  it('refuses a signal that is none, and keeps nothing of it', () => {
    const channel = new Channel();
    const add = (): void =>
      channel.addEventListener('message', () => {}, { signal: 5 as unknown as AbortSignal });
    expect(add).toThrow(/must be an AbortSignal/);
    expect(channel.listenerCount('message')).toBe(0);
  });

  it('does not call a listener that an earlier one removed (WHATWG DOM §2.9)', () => {
    const channel = new Channel();
    const log: unknown[] = [];
    const second = record(log, 'second');
    channel.on('message', () => {
      channel.removeEventListener('message', second);
      channel.onmessage = null;
    });
    channel.addEventListener('message', second);
    channel.onmessage = record(log, 'attribute');
    channel.message('');
    expect(log).toEqual([]);
  });

  it('lets removeEventListener remove what on added, as faye-websocket does', () => {
    const channel = new Channel();
    const listener = (): void => {};
    channel.on('message', listener);
    channel.removeEventListener('message', listener);
    channel.removeEventListener('message', listener);
    expect(channel.listenerCount('message')).toBe(0);
  });

  it('leaves alone a function of the application that has properties of its own', () => {
    const channel = new Channel();
    const listener = Object.assign(() => {}, { handler: 1, isCapture: false, listener: null });
    channel.on('message', listener);
    expect(channel.onmessage).toBe(null);
    channel.onmessage = null;
    expect(channel.listeners('message').length).toBe(1);
  });
});

describe('addEventListener with a signal', () => {
  it('removes the listener on abort and adds none after it', () => {
    const channel = new Channel();
    const log: unknown[] = [];
    const controller = new AbortController();
    const { signal } = controller;
    channel.addEventListener('message', record(log, 'x'), { signal });
    channel.message('');
    controller.abort();
    channel.message('');
    channel.addEventListener('message', record(log, 'late'), { signal });
    channel.message('');
    expect(log).toEqual(['x']);
  });

  it.each(['once', 'removeEventListener', 'close'])('lets go of the signal on %s', (how) => {
    const channel = new Channel();
    const { signal } = new AbortController();
    const aborts = watchAborts(signal);
    const listener = (): void => {};
    channel.addEventListener('message', listener, { signal, once: how === 'once' });
    expect(aborts.size).toBe(1);
    if (how === 'once') channel.message('');
    else if (how === 'close') channel.close();
    else channel.removeEventListener('message', listener);
    expect(aborts.size).toBe(0);
  });
});

describe('on<event> attributes (WHATWG HTML §8.1.8.1)', () => {
  it('are null by default and null again for what is no function', () => {
    const channel = new Channel();
    expect(channel.onopen).toBe(null);
    const handler = (): void => {};
    channel.onopen = handler;
    expect(channel.onopen).toBe(handler);
    channel.onopen = 'no' as never;
    expect(channel.onopen).toBe(null);
    expect(channel.listenerCount('open')).toBe(0);
    expect('onopen' in channel).toBe(true);
  });

  it('keep their place when a function replaces another, and lose it with null', () => {
    const channel = new Channel();
    const log: unknown[] = [];
    channel.onmessage = record(log, 'old');
    channel.on('message', record(log, 'listener'));
    channel.onmessage = record(log, 'new');
    channel.message('');
    channel.onmessage = null;
    channel.onmessage = record(log, 'last');
    channel.message('');
    expect(log).toEqual(['new', 'listener', 'listener', 'last']);
  });

  it('are called with the channel as this, once, however often they are set', () => {
    const channel = new Channel();
    const seen: unknown[] = [];
    const handler = function (this: Channel, event: WebSocketEvent): void {
      seen.push(this, event.type);
    };
    channel.onclose = handler;
    channel.onclose = handler;
    channel.close();
    expect(seen).toEqual([channel, 'close']);
  });

  it('are apart from listeners of the same function', () => {
    const channel = new Channel();
    const handler = (): void => {};
    channel.onopen = handler;
    channel.addEventListener('open', handler);
    channel.removeEventListener('open', handler);
    channel.off('open', handler);
    expect(channel.onopen).toBe(handler);
  });
});

describe('dispatchEvent (WHATWG DOM §2.9)', () => {
  it('gives an event of this package to all listeners at once, untrusted', () => {
    const channel = new Channel();
    const seen: unknown[] = [];
    channel.addEventListener('message', (event) => seen.push(event.data, event.isTrusted));
    const event = new MessageEvent('message', { data: 'mine' });
    expect(channel.dispatchEvent(event)).toBe(true);
    expect(seen).toEqual(['mine', false]);
    expect(event.target).toBe(channel);
  });

  it('takes global Event objects and plain objects', () => {
    const channel = new Channel();
    const seen: unknown[] = [];
    channel.addEventListener('custom' as never, (event: Event) =>
      seen.push(event.target, event.type),
    );
    const event = new Event('custom', { cancelable: true });
    expect(channel.dispatchEvent(event)).toBe(true);
    expect(channel.dispatchEvent({ type: 'custom' })).toBe(true);
    expect(channel.dispatchEvent(Object.freeze({ type: 'custom' }))).toBe(true);
    expect(seen).toEqual([channel, 'custom', channel, 'custom', undefined, 'custom']);
    channel.on('custom' as never, (event: Event) => event.preventDefault());
    expect(channel.dispatchEvent(event)).toBe(false);
  });

  it.each([
    ['an event of this package', () => new WebSocketEvent('open')],
    ['a global Event', () => new Event('open')],
  ])('stops at stopImmediatePropagation with %s, for that dispatch', (_name, make) => {
    const channel = new Channel();
    const log: unknown[] = [];
    let stops = true;
    channel.addEventListener('open', (event) => {
      log.push('first');
      if (stops) event.stopImmediatePropagation();
    });
    channel.on('open', record(log, 'second'));
    const event = make();
    channel.dispatchEvent(event);
    expect(log).toEqual(['first']);
    stops = false;
    channel.dispatchEvent(event);
    expect(log).toEqual(['first', 'first', 'second']);
  });

  it.each([null, undefined, 'open', {}, { type: 1 }])('refuses %s', (event) => {
    expect(() => new Channel().dispatchEvent(event as never)).toThrow(TypeError);
  });
});

describe('an error without a listener', () => {
  it('is dropped, however it comes', () => {
    const channel = new Channel();
    channel.fail(new Error('unheard'));
    channel.stream('error', new Error('unheard'));
    expect(channel.emit('error', new Error('unheard'))).toBe(false);
    channel.dispatchEvent(new ErrorEvent('error', { error: new Error('unheard') }));
  });

  it.each([0, 1, 2])('reaches errorMonitor with %i other listeners, once', (count) => {
    const channel = new Channel();
    const seen: unknown[] = [];
    channel.on(errorMonitor, (event: ErrorEvent) => seen.push(event.message));
    for (let index = 0; index < count; index++) channel.on('error', () => {});
    channel.fail(new Error('heard'));
    expect(seen).toEqual(['heard']);
    channel.emit('error', new ErrorEvent('error', { message: 'emitted' }));
    expect(seen).toEqual(['heard', 'emitted']);
  });
});

describe('a listener that throws', () => {
  it.each([1, 2])('with %i listeners, harms neither the caller nor the others', async (count) => {
    const uncaught = collectUncaught();
    const channel = new Channel();
    const log: unknown[] = [];
    const error = new Error('from a listener');
    channel.on('message', () => {
      throw error;
    });
    if (count === 2) channel.addEventListener('message', record(log, 'second'));
    channel.message('');
    expect(log).toEqual(count === 2 ? ['second'] : []);
    expect(uncaught).toEqual([]);
    await afterTicks();
    expect(uncaught).toEqual([error]);
  });

  it('is reported from attributes, objects, streams, monitors and dispatchEvent, too', async () => {
    const uncaught = collectUncaught();
    const channel = new Channel();
    const fail = (value: string) => () => {
      throw value;
    };
    channel.onopen = fail('attribute');
    channel.addEventListener('close', { handleEvent: fail('object') });
    channel.on('drain', fail('stream'));
    channel.on(errorMonitor, fail('monitor'));
    channel.dispatchEvent(new WebSocketEvent('open'));
    channel.close();
    channel.stream('drain');
    channel.fail(new Error('unheard'));
    await afterTicks();
    expect(uncaught).toEqual(['attribute', 'object', 'stream', 'monitor']);
  });

  it('of removeListener keeps no signal and no removed listener', async () => {
    const uncaught = collectUncaught();
    const channel = new Channel();
    const log: unknown[] = [];
    const { signal } = new AbortController();
    const aborts = watchAborts(signal);
    channel.addEventListener('message', record(log, 'once'), { once: true, signal });
    channel.on('removeListener', () => {
      throw new Error('removed');
    });
    channel.message('');
    channel.message('');
    expect(log).toEqual([]);
    expect(aborts.size).toBe(0);
    await afterTicks();
    expect(uncaught).toEqual([new Error('removed')]);
  });

  it('throws to the caller of emit, as in any EventEmitter', () => {
    const channel = new Channel();
    channel.on('message', () => {
      throw new Error('mine');
    });
    expect(() => channel.emit('message', null)).toThrow('mine');
  });
});

describe('as a stream of the first kind', () => {
  it('pipes its data, and ends the destination', async () => {
    const channel = new Channel();
    const destination = new PassThrough({ encoding: 'utf8' });
    channel.pipe(destination);
    channel.stream('data', 'a');
    channel.stream('data', 'b');
    channel.stream('end');
    const chunks: unknown[] = [];
    for await (const chunk of destination) chunks.push(chunk);
    expect(chunks.join('')).toBe('ab');
  });

  it('survives an error while it is piped', () => {
    const channel = new Channel();
    channel.pipe(new PassThrough());
    channel.fail(new Error('unheard'));
  });
});

describe('types', () => {
  it('know the events of the map, and no other names', () => {
    const channel = new Channel();
    channel.on('message', (event) => expectTypeOf(event).toEqualTypeOf<MessageEvent<string>>());
    channel.once('error', (event) => expectTypeOf(event).toEqualTypeOf<ErrorEvent>());
    channel.on('drain', () => {});
    // @ts-expect-error: no event has this name
    channel.on('mesage', () => {});
    // @ts-expect-error: no event has this name
    channel.addEventListener('mesage', () => {});
    channel.addEventListener('close', (event) =>
      expectTypeOf(event).toEqualTypeOf<WebSocketEvent>(),
    );
    channel.addEventListener('message', {
      handleEvent: (event: MessageEvent<string>) => void event.data,
    });
    channel.onmessage = function (event) {
      expectTypeOf(event).toEqualTypeOf<MessageEvent<string>>();
      expectTypeOf(this).toEqualTypeOf<Channel>();
    };
    expectTypeOf(channel).toExtend<Stream>();
    expectTypeOf(channel).toExtend<NodeJS.EventEmitter>();
  });
});
