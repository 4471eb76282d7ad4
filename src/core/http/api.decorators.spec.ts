import { expect, it } from '@jest/globals';
import { ApiProperty, ApiTags, applyApiDecorators } from './api.decorators.js';

it('a decorator that fails is applied at the next call, with those after it, and no decorator twice', () => {
  const applied: string[] = [];
  let isBroken = true;
  const library = {
    ApiTags: (tag: string) => () => void applied.push(tag),
    ApiProperty: () => () => {
      if (isBroken) throw new Error('broken');
      applied.push('property');
    },
  } as unknown as Parameters<typeof applyApiDecorators>[0];
  class Documented {
    field = 1;
  }
  ApiTags('first')(Documented);
  ApiProperty()(Documented.prototype, 'field');
  ApiTags('last')(Documented);

  expect(() => applyApiDecorators(library)).toThrow('broken');
  isBroken = false;
  applyApiDecorators(library);
  applyApiDecorators(library);
  expect(applied).toEqual(['first', 'property', 'last']);
});
