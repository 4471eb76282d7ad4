import { STATUS_CODES } from 'node:http';

/** The old server's paths, as its boxes have them burnt in. */
export const TRACKING_PATH = 'api/tracking/postAmbulanceTracking';
export const SNAPSHOT_PATH = 'api/snapshot/postAmbulanceImageUpload';
export const CRASH_PATH = 'api/crash/postAmbulanceCrashNotify';
export const ERROR_CODES_PATH = 'error_codes';

const BODY_PATHS = new Set(
  [TRACKING_PATH, SNAPSHOT_PATH, CRASH_PATH].map((path) => `/${path.toLowerCase()}`),
);
const PATHS = new Set(['', `/${ERROR_CODES_PATH}`, ...BODY_PATHS]);
const PICTURES = '/uploads/ambulance_images/';

/** What the old server answered, and so did on both of its ports. */
export function isLegacyRoute(url: string): boolean {
  return PATHS.has(pathOf(url)) || url.startsWith(PICTURES);
}

/** Reads its body itself, in every dialect that boxes speak; no parser is to be in front of it. */
export function hasLegacyBody(url: string): boolean {
  return BODY_PATHS.has(pathOf(url));
}

/** Without case and a slash at the end, as Express matches. */
function pathOf(url: string): string {
  return (url.split('?', 1)[0] ?? '').toLowerCase().replace(/\/$/, '');
}

/** The page with which Express answered what it could not read; without the stack that it showed there. */
export function legacyErrorPage(status: number): string {
  const title = STATUS_CODES[status] ?? 'Error';
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Error</title>
</head>
<body>
<pre>${title}</pre>
</body>
</html>
`;
}
