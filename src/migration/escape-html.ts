const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text for HTML, also in quotes. Control characters and the marks that turn the direction of text are shown as `?`, too. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (each) => ESCAPES[each] ?? '').replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
}
