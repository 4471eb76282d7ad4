/** Text from outside for a terminal: a control character in it would move the cursor, change colours or forge a line. */
export function printable(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
}
