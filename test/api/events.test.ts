/** The event objects: DOM shape, payload, copies, and nothing per instance that all share. */

import { describe, expect, it } from 'vitest';
import { CloseEvent, ErrorEvent, MessageEvent, WebSocketEvent } from '../../src/api/events.ts';

const EVENT_NAMES = [
  'type',
  'target',
  'currentTarget',
  'srcElement',
  'bubbles',
  'cancelable',
  'composed',
  'defaultPrevented',
  'returnValue',
  'eventPhase',
] as const;

describe('WebSocketEvent', () => {
  it.each([undefined, null, {}, { bubbles: true, cancelable: true, composed: true }])(
    'with %j has the members of a DOM Event (WHATWG DOM §2.2)',
    (init) => {
      const event = new WebSocketEvent('open', init);
      const dom = new Event('open', init ?? {});
      for (const name of EVENT_NAMES) expect(event[name], name).toEqual(dom[name]);
      expect(event.composedPath()).toEqual([]);
      expect(event.timeStamp).toBe(0);
      expect(event.isTrusted).toBe(false);
    },
  );

  it('has the phase constants on the class and on instances', () => {
    const event = new WebSocketEvent('open');
    for (const holder of [WebSocketEvent, event]) {
      expect(holder.NONE).toBe(0);
      expect(holder.CAPTURING_PHASE).toBe(1);
      expect(holder.AT_TARGET).toBe(2);
      expect(holder.BUBBLING_PHASE).toBe(3);
    }
  });

  it('knows its target in all its names once it has one, and is trusted', () => {
    const target = {};
    const event = new WebSocketEvent('open', null, target);
    expect(event.target).toBe(target);
    expect(event.currentTarget).toBe(target);
    expect(event.srcElement).toBe(target);
    expect(event.eventPhase).toBe(WebSocketEvent.AT_TARGET);
    expect(event.composedPath()).toEqual([target]);
    expect(event.isTrusted).toBe(true);
  });

  it('is cancelled only where an application made it cancelable', () => {
    const made = new WebSocketEvent('open', { cancelable: true });
    for (const event of [new WebSocketEvent('open'), new WebSocketEvent('open', null, {}), made]) {
      event.preventDefault();
      event.stopPropagation();
      expect(event.defaultPrevented).toBe(event === made);
      expect(event.returnValue).toBe(event !== made);
    }
  });

  it('is renamed by initEvent until it is dispatched', () => {
    const event = new WebSocketEvent('open');
    event.initEvent('close', true, true);
    expect(event.type).toBe('close');
    expect(event.bubbles).toBe(false);
    const dispatched = new WebSocketEvent('open', null, {});
    dispatched.initEvent('close');
    expect(dispatched.type).toBe('open');
  });

  it.each([1000, 'text', true])('refuses %j, which says nothing, as DOM events do', (init) => {
    expect(() => new CloseEvent('close', init as never)).toThrow(TypeError);
    expect(() => new Event('close', init as never)).toThrow(TypeError);
  });

  it('takes a type that converts to a string', () => {
    expect(new WebSocketEvent(5 as unknown as string).type).toBe('5');
  });
});

describe('MessageEvent', () => {
  it('carries the data and the constants of a DOM MessageEvent (WHATWG HTML §9.1)', () => {
    const event = new MessageEvent('message', { data: 'hello' }, {});
    expect(event.data).toBe('hello');
    expect(event.origin).toBe('');
    expect(event.lastEventId).toBe('');
    expect(event.source).toBe(null);
    expect(event.ports).toEqual([]);
    expect(Object.isFrozen(event.ports)).toBe(true);
    expect(event).toBeInstanceOf(WebSocketEvent);
  });

  it('of a connection owns its type, target and data only, under no name', () => {
    const event = new MessageEvent('message', { data: 'hello' }, {});
    expect(Object.keys(event)).toEqual([]);
    expect(Reflect.ownKeys(event)).toHaveLength(3);
  });

  it('says what an application wants it to say', () => {
    const source = {};
    const init = { data: 1, origin: 'https://x', lastEventId: '7', source, ports: [source] };
    const { data, origin, lastEventId, ports } = new MessageEvent('message', init);
    expect([data, origin, lastEventId, ports]).toEqual([1, 'https://x', '7', [source]]);
    expect(new MessageEvent('message', init).source).toBe(source);
    expect(new MessageEvent('message').data).toBe(null);
  });
});

describe('CloseEvent and ErrorEvent', () => {
  it('say how the connection ended (WHATWG WebSockets §4)', () => {
    const init = { code: 1001, reason: 'bye', wasClean: true };
    expect(new CloseEvent('close', init)).toMatchObject({ type: 'close', ...init });
    const empty = { code: 0, reason: '', wasClean: false };
    expect(new CloseEvent('close')).toMatchObject(empty);
  });

  it('convert what they are given, as Web IDL does', () => {
    const init = { code: '65537', reason: 5, wasClean: 'yes' } as never;
    expect(new CloseEvent('close', init)).toMatchObject({ code: 1, reason: '5', wasClean: true });
  });

  it('hand over the error and its message', () => {
    const error = new TypeError('broken');
    const event = new ErrorEvent('error', { error, message: error.message });
    expect(event.error).toBe(error);
    expect(event.message).toBe('broken');
    expect(new ErrorEvent('error')).toMatchObject({ error: null, message: '' });
  });
});
