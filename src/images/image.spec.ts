import { describe, expect, it } from '@jest/globals';
import { sanitizeFilename } from './image.js';

describe('sanitizeFilename', () => {
  it.each([
    ['IMG_2041.JPG', 'IMG_2041.JPG'],
    ['on scene.jpeg', 'on scene.jpeg'],
    ['report.html', 'report.jpg'],
    ['invoice.pdf', 'invoice.jpg'],
    ['IMG_2041.HEIC', 'IMG_2041.jpg'],
    ['scene 12.03.2026', 'scene 12.03.2026.jpg'],
    ['page.svg.', 'page.svg..jpg'],
    ['../../etc/passwd', 'passwd.jpg'],
    ['C:\\pictures\\.htaccess', 'htaccess.jpg'],
    ['a\u202egpj.exe', 'agpj.jpg'],
    ['.html', 'html.jpg'],
    ['', 'picture.jpg'],
    [`${'x'.repeat(300)}.html`, `${'x'.repeat(200)}.jpg`],
  ])('makes of %j for a JPEG %j', (given, expected) => {
    expect(sanitizeFilename(given, 'image/jpeg')).toBe(expected);
  });

  it('keeps the extension of a file that is no image', () => {
    expect(sanitizeFilename('protocol.pdf', null)).toBe('protocol.pdf');
    expect(sanitizeFilename('', null)).toBe('picture.bin');
  });
});
