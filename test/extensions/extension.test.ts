import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { checkExtension, type Extension } from '../../src/extensions/extension.ts';
import { permessageDeflate } from '../../src/index.ts';
import { LatePlugIn, plugIn } from './plug-ins.ts';

describe('checkExtension', () => {
  const valid: { readonly [name: string]: unknown } = { ...plugIn() };

  it('takes plug-ins for websocket-extensions: objects, functions, instances', () => {
    const faye: unknown = createRequire(import.meta.url)('permessage-deflate');
    const { name: _name, ...members } = valid;
    const callable = Object.assign(() => {}, members);
    Object.defineProperty(callable, 'name', { value: 'x-callable' });
    for (const extension of [valid, faye, permessageDeflate, new LatePlugIn(), callable]) {
      expect(() => checkExtension(extension)).not.toThrow();
    }
  });

  it.each<[string, unknown, RegExp]>([
    ['nothing', undefined, /must be an object/],
    ['null', null, /must have a name/],
    ['a string', 'permessage-deflate', /must be an object/],
    ['an object without a name', { ...valid, name: undefined }, /must have a name/],
    ['an empty name', { ...valid, name: '' }, /must have a name/],
    ['another type', { ...valid, type: 'perframe' }, /must be of the type "permessage"/],
    ['a bit that is no boolean', { ...valid, rsv2: 1 }, /whether it uses rsv2/],
    ['no createClientSession', { ...valid, createClientSession: undefined }, /createClientSession/],
    ['no createServerSession', { ...valid, createServerSession: {} }, /createServerSession/],
  ])('refuses %s, where it is given and not in a handshake', (_, candidate, message) => {
    expect(() => checkExtension(candidate)).toThrow(TypeError);
    expect(() => checkExtension(candidate)).toThrow(message);
  });

  it('is a type guard', () => {
    const candidate: unknown = plugIn({ name: 'x-guarded' });
    checkExtension(candidate);
    const extension: Extension = candidate;
    expect(extension.name).toBe('x-guarded');
  });
});
