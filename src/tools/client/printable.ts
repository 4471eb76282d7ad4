/** A file name on a terminal: its control characters must not move the cursor or colour the screen. */
export function printable(text: string): string {
  return text.replace(/\p{C}/gu, '?');
}
