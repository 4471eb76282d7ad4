import { ERROR_CODES, type ErrorCode, statusOfCode } from '../../core/index.js';
import { markdownTable } from './markdown-table.js';

const BEGIN = '<!-- Begin of the generated table: src/core/errors/error-codes.ts, `npm run docs`. -->';
const END = '<!-- End of the generated table. -->';

/**
 * `docs/errors.md` with the current table of codes; the rest of the page is written by hand.
 * @param page the current page
 * @throws when the page does not contain the two marks around the table
 */
export function renderErrorsPage(page: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin)
    throw new Error(`docs/errors.md must contain the lines "${BEGIN}" and "${END}"`);
  return `${page.slice(0, begin)}${BEGIN}\n\n${codeTable()}\n\n${page.slice(end)}`;
}

function codeTable(): string {
  const codes = (Object.keys(ERROR_CODES) as ErrorCode[]).sort();
  return markdownTable(
    ['code', 'status', 'meaning'],
    codes.map((code) => [`\`${code}\``, String(statusOfCode(code)), ERROR_CODES[code].text]),
  );
}
