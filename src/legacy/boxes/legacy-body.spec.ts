import { describe, expect, it } from '@jest/globals';
import { fieldsOfJson, fieldsOfUrlencoded } from './legacy-body.js';

describe('a JSON body', () => {
  it('keeps types, order and names unchanged', () => {
    const text = '{"b":"1","a":2,"c":{"d":[true,null]}}';
    expect(JSON.stringify(fieldsOfJson(Buffer.from(text)))).toBe(text);
  });

  it('can begin with a byte order mark', () => {
    expect(fieldsOfJson(Buffer.from('\uFEFF{"a":1}'))).toEqual({ a: 1 });
  });

  it.each(['', '[]', '[1,2]'])('%j has no fields', (text) => {
    expect(fieldsOfJson(Buffer.from(text))).toEqual({});
  });

  it.each(['{', '"text"', '7', 'null', 'true', `${'['.repeat(50)}${']'.repeat(50)}`])(
    '%j is refused',
    (text) => {
      expect(() => fieldsOfJson(Buffer.from(text))).toThrow(expect.objectContaining({ status: 400 }));
    },
  );

  it('can have a field __proto__ and changes no prototype', () => {
    const fields = fieldsOfJson(Buffer.from('{"__proto__":{"x":1}}'));
    expect(Object.keys({ ...fields })).toEqual(['__proto__']);
    expect(({} as { x?: unknown }).x).toBeUndefined();
  });
});

describe('a form body', () => {
  it('has decoded text; a repeated name is a list', () => {
    expect(fieldsOfUrlencoded('a=1&b=%E0%B8%A3+x&a=2&a=3&c')).toEqual({
      a: ['1', '2', '3'],
      b: 'ร x',
      c: '',
    });
  });

  it('with more than 100 fields is refused', () => {
    const text = Array.from({ length: 101 }, (_, n) => `f${n}=1`).join('&');
    expect(() => fieldsOfUrlencoded(text)).toThrow(expect.objectContaining({ status: 400 }));
  });

  it('can have a field __proto__ and changes no prototype', () => {
    const fields = fieldsOfUrlencoded('__proto__=1&__proto__=2&toString=3');
    expect(Object.entries(fields)).toEqual([
      ['__proto__', ['1', '2']],
      ['toString', '3'],
    ]);
  });
});
