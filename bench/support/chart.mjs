/** The picture of RESULTS.md: the share of the floor's speed in each case, its spread, and the aim. */

const ROW = 22;
const LABELS = 330;
const WIDTH = 900;
const BAR_AREA = WIDTH - LABELS - 70;
const TOP = 40;
/** Longer bars are cut; the number is beside them. */
const LARGEST = 1.6;
const INK = '#1f2328';
const GREY = '#8c959f';
const BLUE = '#2f6fb3';
const OLD = '#b9c3ce';
const AIM = '#b3541e';

export function drawShares(parts) {
  const rows = parts.flatMap(({ title, tables }) =>
    tables.flatMap(({ rows: all }) =>
      all.filter(({ share }) => share).map((row) => ({ ...row, label: `${title}: ${row.case}` })),
    ),
  );
  const most = Math.min(LARGEST, Math.max(1.2, ...rows.map(({ share }) => share.high)));
  const x = (share) => LABELS + (Math.min(share, most) / most) * BAR_AREA;
  const bottom = TOP + rows.length * ROW;
  const grid = Array.from({ length: Math.floor(most / 0.2) + 1 }, (_, n) => n * 0.2);
  const body = rows.map((row, n) => bar(row, TOP + n * ROW, x, rows[n - 1]?.label === row.label));
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${bottom + 40}" viewBox="0 0 ${WIDTH} ${bottom + 40}" font-family="system-ui, sans-serif" font-size="12" fill="${INK}">
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="12" y="20" font-size="14" font-weight="600">Speed as a share of the floor (1 = as fast as the smallest program that gives the same result)</text>
${grid.map((share) => line(x(share), TOP - 6, x(share), bottom, share > 0.99 && share < 1.01 ? INK : '#e3e7eb')).join('\n')}
${grid.map((share) => `<text x="${x(share).toFixed(1)}" y="${bottom + 16}" text-anchor="middle" fill="${GREY}">${share.toFixed(1)}</text>`).join('\n')}
${body.join('\n')}
<text x="12" y="${bottom + 32}" fill="${GREY}">Bar: median; thin line: lowest to highest round; orange mark: aim; grey bar: another program.</text>
</svg>
`;
}

function bar({ label, subject, share, aim }, y, x, isSameCase) {
  const isOther = subject !== 'Samserver';
  const middle = y + ROW / 2;
  const text = isSameCase ? subject : isOther ? `${label} (${subject})` : label;
  return [
    `<text x="${LABELS - 8}" y="${middle + 4}" text-anchor="end">${escaped(text)}</text>`,
    `<rect x="${LABELS}" y="${y + 4}" width="${(x(share.median) - LABELS).toFixed(1)}" height="${ROW - 8}" fill="${isOther ? OLD : BLUE}"/>`,
    line(x(share.low), middle, x(share.high), middle, INK),
    aim === null
      ? ''
      : `<rect x="${(x(aim) - 1.5).toFixed(1)}" y="${y + 1}" width="3" height="${ROW - 2}" fill="${AIM}"/>`,
    `<text x="${(x(Math.max(share.high, aim ?? 0)) + 6).toFixed(1)}" y="${middle + 4}">${share.median.toFixed(2)}</text>`,
  ].join('');
}

function line(x1, y1, x2, y2, color) {
  return `<line x1="${x1.toFixed(1)}" y1="${y1}" x2="${x2.toFixed(1)}" y2="${y2}" stroke="${color}"/>`;
}

function escaped(text) {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;');
}
