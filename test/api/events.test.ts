/** The event objects: DOM shape, payload, and nothing per instance that is the same for all. */

import { describe, expect, it } from 'vitest';
import { CloseEvent, ErrorEvent, MessageEvent, WebSocketEvent } from '../../src/api/events.ts';

describe('WebSocketEvent', () => {
  it('has the members of a DOM Event (WHATWG DOM §2.2)', () => {
    const event = new WebSocketEvent('open');
    const dom = new Event('open');
    for (const name of [
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
    ] as const) {
      expect(event[name], name).toEqual(dom[name]);
    }
    expect(event.composedPath()).toEqual([]);
    expect(event.timeStamp).toBe(0);
    expect(event.isTrusted).toBe(true);
  });

  it('has the phase constants on the class and on instances', () => {
    const event = new WebSocketEvent('open');
    for (const holder of [WebSocketEvent, event]) {
      expect(holder.NONE).toBe(0);
      expect(holder.CAPTURING_PHASE).toBe(1);
      expect(holder.AT_TARGET).toBe(2);
      expect(holder.BUBBLING_PHASE).toBe(3);
    }
  });

  it('knows its target in all its names once it has one', () => {
    const target = {};
    const event = new WebSocketEvent('open', target);
    expect(event.target).toBe(target);
    expect(event.currentTarget).toBe(target);
    expect(event.srcElement).toBe(target);
    expect(event.eventPhase).toBe(WebSocketEvent.AT_TARGET);
    expect(event.composedPath()).toEqual([target]);
  });

  it('cannot be cancelled', () => {
    const event = new WebSocketEvent('open');
    event.preventDefault();
    event.stopPropagation();
    expect(event.defaultPrevented).toBe(false);
  });

  it('is renamed by initEvent until it is dispatched', () => {
    const event = new WebSocketEvent('open');
    event.initEvent('close', true, true);
    expect(event.type).toBe('close');
    expect(event.bubbles).toBe(false);
    const dispatched = new WebSocketEvent('open', {});
    dispatched.initEvent('close');
    expect(dispatched.type).toBe('open');
  });

  it('names its interface', () => {
    expect(String(new WebSocketEvent('x'))).toBe('[object Event]');
    expect(String(new MessageEvent('x', 1))).toBe('[object MessageEvent]');
    expect(String(new CloseEvent('x', 1000, '', true))).toBe('[object CloseEvent]');
    expect(String(new ErrorEvent('x', new Error('no')))).toBe('[object ErrorEvent]');
  });
});

describe('MessageEvent', () => {
  it('carries the data and the constants of a DOM MessageEvent (WHATWG HTML §9.1)', () => {
    const event = new MessageEvent('message', 'hello');
    expect(event.data).toBe('hello');
    expect(event.origin).toBe('');
    expect(event.lastEventId).toBe('');
    expect(event.source).toBe(null);
    expect(event.ports).toEqual([]);
    expect(Object.isFrozen(event.ports)).toBe(true);
    expect(event).toBeInstanceOf(WebSocketEvent);
  });

  it('owns its type, target and data only', () => {
    expect(Reflect.ownKeys(new MessageEvent('message', 'hello'))).toEqual([
      'type',
      'target',
      'data',
    ]);
  });
});

describe('CloseEvent and ErrorEvent', () => {
  it('say how the connection ended (WHATWG WebSockets §4)', () => {
    const event = new CloseEvent('close', 1001, 'bye', true);
    expect(event).toMatchObject({ type: 'close', code: 1001, reason: 'bye', wasClean: true });
  });

  it('hand over the error and its message', () => {
    const error = new TypeError('broken');
    const event = new ErrorEvent('error', error);
    expect(event.error).toBe(error);
    expect(event.message).toBe('broken');
  });
});
