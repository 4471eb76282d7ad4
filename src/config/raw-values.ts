import { InvalidSettingError } from './setting-types.js';

/** Opening and closing quotes that env files, YAML and word processors put around a value. */
const QUOTE_PAIRS = ['""', "''", '``', '“”', '‘’'];

/**
 * Refuses text that was not meant as the value: editors, env files and shells add quotes, blanks and bytes that no display
 * shows. Taken as part of a value, they change its meaning: `'LIVE'` is not `LIVE`.
 * @throws InvalidSettingError; its message does not contain the value
 */
export function checkRawValue(value: string): void {
  const fault = faultOf(value);
  if (fault !== null) throw new InvalidSettingError(fault);
}

function faultOf(value: string): string | null {
  if (value.startsWith('\uFEFF')) return 'starts with a byte order mark; save it as UTF-8 without one';
  if (value.includes('\uFFFD')) return 'is not valid UTF-8';
  if (value.includes('\r')) return 'contains a carriage return; save it with LF line ends, not CRLF';
  if (value.includes('\n')) return 'contains a line break';
  const control = /\p{Cc}/u.exec(value)?.[0];
  if (control !== undefined) return `contains the control character ${codePointOf(control)}`;
  if (value.length > 1 && QUOTE_PAIRS.includes(value.charAt(0) + value.slice(-1))) {
    return 'is enclosed in quotes; write the value without them';
  }
  if (/^[\p{Z}\p{Cf}]/u.test(value)) return 'starts with a blank or an invisible character';
  if (/[\p{Z}\p{Cf}]$/u.test(value)) return 'ends with a blank or an invisible character';
  return null;
}

function codePointOf(character: string): string {
  return `U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
}

/**
 * The text of a UTF-8 file.
 * @throws InvalidSettingError for another encoding
 */
export function decodeTextFile(bytes: Buffer): string {
  const mark = bytes.subarray(0, 2).toString('hex');
  if (mark === 'fffe' || mark === 'feff' || bytes.includes(0)) {
    throw new InvalidSettingError('the file is UTF-16 or binary; save it as UTF-8');
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new InvalidSettingError('the file is not valid UTF-8');
  }
}
