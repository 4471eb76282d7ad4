const BYTES = {
  schema: { type: 'string' as const, format: 'binary' },
  example: '(the bytes of the picture)',
};
import { PICTURE_TYPES } from './formats/picture-type.js';

export const PICTURE_CONTENT = Object.fromEntries(PICTURE_TYPES.map((type) => [type, BYTES]));
export const THUMBNAIL_CONTENT = { 'image/webp': BYTES };
export const RANGE_HEADER = {
  name: 'Range',
  required: false,
  description: 'One range, as in bytes=0-65535.',
};
