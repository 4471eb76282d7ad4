import { type IncomingMessage, STATUS_CODES } from 'node:http';

/** The paths of the old server. They are fixed in the firmware of its tracking boxes. */
export const TRACKING_PATH = 'api/tracking/postAmbulanceTracking';
export const SNAPSHOT_PATH = 'api/snapshot/postAmbulanceImageUpload';
export const CRASH_PATH = 'api/crash/postAmbulanceCrashNotify';
export const ERROR_CODES_PATH = 'error_codes';

const PATHS = new Set(
  ['', ERROR_CODES_PATH, TRACKING_PATH, SNAPSHOT_PATH, CRASH_PATH].map((path) =>
    `/${path.toLowerCase()}`.replace(/\/$/, ''),
  ),
);
const PICTURES = /^\/+uploads\/+ambulance_images\//;
const SOCKET_CLIENT = /^\/socket\.io\/socket\.io[^?]*\.js/;

/** The old server answered these URLs on both of its ports. */
export function isLegacyRoute(url: string): boolean {
  return PATHS.has(pathOf(url)) || PICTURES.test(url) || SOCKET_CLIENT.test(url);
}

/** In lower case and without a trailing slash, as Express matches paths. */
function pathOf(url: string): string {
  return (url.split('?', 1)[0] ?? '').toLowerCase().replace(/\/$/, '');
}

const socketPortRequests = new WeakSet<IncomingMessage>();

export function markSocketPortRequest(request: IncomingMessage): void {
  socketPortRequests.add(request);
}

/** The request arrived on the socket port, not on the HTTP port. */
export function isSocketPortRequest(request: IncomingMessage): boolean {
  return socketPortRequests.has(request);
}

/** The error page of Express, without its stack trace. */
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
