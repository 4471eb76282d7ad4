const MAX_CHARACTERS = 200;
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Co}\p{Cn}]/gu;

/**
 * What a sender calls a picture, so that it can be shown and be offered for saving: the last part of a path, without
 * control characters, not hidden, bounded; `picture.<extension>` when nothing is left. It never becomes a path.
 */
export function sanitizeFilename(given: string, extension: string): string {
  const last = given.split(/[\\/]/).at(-1) ?? '';
  const harmless = last.replace(UNPRINTABLE, '').trim().replace(/^\.+/, '');
  const short = [...harmless].slice(0, MAX_CHARACTERS).join('').trim();
  return short === '' ? `picture.${extension}` : short;
}

/** RFC 6266: shown in the page, saved under this name; the plain form for those who know no other. */
export function contentDisposition(filename: string): string {
  const plain = filename.replace(/[^\x20-\x7e]|["\\%]/g, '_');
  const encoded = encodeURIComponent(filename).replace(
    /['()*]/g,
    (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `inline; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
