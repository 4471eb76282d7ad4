import { STATUS_CODES } from 'node:http';

/** The old server's paths. They are fixed in the firmware of the boxes. */
export const TRACKING_PATH = 'api/tracking/postAmbulanceTracking';
export const SNAPSHOT_PATH = 'api/snapshot/postAmbulanceImageUpload';
export const CRASH_PATH = 'api/crash/postAmbulanceCrashNotify';
export const ERROR_CODES_PATH = 'error_codes';

const BODY_PATHS = new Set(
  [TRACKING_PATH, SNAPSHOT_PATH, CRASH_PATH].map((path) => `/${path.toLowerCase()}`),
);
const PATHS = new Set(['', `/${ERROR_CODES_PATH}`, ...BODY_PATHS]);
const PICTURES = '/uploads/ambulance_images/';

/** A path of the old server. It answered all of them on both of its ports. */
export function isLegacyRoute(url: string): boolean {
  return PATHS.has(pathOf(url)) || url.startsWith(PICTURES);
}

/** A route that reads its body itself, in every format of the boxes. No body parser may run before it. */
export function hasLegacyBody(url: string): boolean {
  return BODY_PATHS.has(pathOf(url));
}

/** In lower case and without a trailing slash: Express matches routes like this. */
function pathOf(url: string): string {
  return (url.split('?', 1)[0] ?? '').toLowerCase().replace(/\/$/, '');
}

/** The error page of Express for an unreadable request, without the stack trace. */
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
