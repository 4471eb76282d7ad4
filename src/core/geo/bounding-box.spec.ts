import { describe, expect, it } from '@jest/globals';
import { isInside, parseBoundingBox } from './bounding-box.js';

const place = (lat: number, lon: number): { lat: number; lon: number } => ({ lat, lon });

describe('parseBoundingBox', () => {
  it('reads west,south,east,north', () => {
    expect(parseBoundingBox('11.3,-48.0, 11.8,48.25')).toEqual({
      west: 11.3,
      south: -48,
      east: 11.8,
      north: 48.25,
    });
  });

  it.each([
    ['', 'four numbers'],
    ['1,2,3', 'four numbers'],
    ['1,2,3,4,5', 'four numbers'],
    ['1,2,,4', 'four numbers'],
    ['1,2,x,4', 'four numbers'],
    ['1e1,2,3,4', 'four numbers'],
    ['-181,0,0,1', 'west and east'],
    ['0,0,181,1', 'west and east'],
    ['0,-91,0,1', 'south and north'],
    ['0,2,1,1', 'south must not'],
  ])('refuses "%s"', (text, message) => {
    expect(() => parseBoundingBox(text)).toThrow(message);
  });
});

describe('isInside', () => {
  const munich = parseBoundingBox('11.3,48,11.8,48.3');
  const fiji = parseBoundingBox('177,-20,-178,-15');

  it.each([
    ['the middle', munich, place(48.1, 11.5), true],
    ['an edge', munich, place(48, 11.3), true],
    ['the north of it', munich, place(48.31, 11.5), false],
    ['the west of it', munich, place(48.1, 11.29), false],
    ['west of the antimeridian', fiji, place(-17, 178.4), true],
    ['east of the antimeridian', fiji, place(-17, -179), true],
    ['the far side of the earth', fiji, place(-17, 0), false],
    ['180° given as −180°', parseBoundingBox('170,-20,180,-15'), place(-17, -180), true],
    ['the whole earth', parseBoundingBox('-180,-90,180,90'), place(90, 180), true],
  ])('%s', (_what, box, at, expected) => {
    expect(isInside(box, at)).toBe(expected);
  });
});
