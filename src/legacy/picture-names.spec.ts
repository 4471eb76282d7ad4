import { expect, it } from '@jest/globals';
import { mergedNames, namesInPlaces } from './picture-names.js';

const name = (number: string): string => `uploads/ambulance_images/291/2026/3/9/14_7/7_5_${number}.jpg`;

it('a picture that is missing leaves its place, with a name that leads to no file', () => {
  expect(namesInPlaces([null, name('4711'), null])).toEqual([name('0000'), name('4711')]);
  expect(namesInPlaces([null, null])).toEqual([]);
});

it('parts of a request are merged by place, in any order', () => {
  const [front, back] = [name('4711'), name('4712')];
  const second = [name('0000'), back];
  expect(mergedNames([front], second)).toEqual([front, back]);
  expect(mergedNames(second, [front])).toEqual([front, back]);
  expect(mergedNames(second, second)).toEqual(second);
  expect(mergedNames([], [front, back])).toEqual([front, back]);
});
