import { randomBytes } from 'node:crypto';

export type BoxPostKind = 'position' | 'pictures' | 'crash';

export const BOX_ROUTES: Readonly<Record<BoxPostKind, string>> = {
  position: '/api/tracking/postAmbulanceTracking',
  pictures: '/api/snapshot/postAmbulanceImageUpload',
  crash: '/api/crash/postAmbulanceCrashNotify',
};

/** The shortest limits of the boxes' programs, milliseconds: to the connection, and from there to the answer. */
export const BOX_TIME_LIMITS: Readonly<Record<BoxPostKind, { connectMs: number; answerMs: number }>> = {
  position: { connectMs: 3_000, answerMs: 2_000 },
  pictures: { connectMs: 3_000, answerMs: 3_000 },
  crash: { connectMs: 3_000, answerMs: 3_000 },
};

/** One post, complete as it goes over the wire. */
export interface BoxRequest {
  readonly kind: BoxPostKind;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly body: Buffer;
}

/** What a box reports: WGS-84 degrees, metres per second, degrees clockwise from north. */
export interface BoxFix {
  readonly lat: number;
  readonly lon: number;
  readonly speedMps: number;
  readonly headingDeg: number;
}

const PYTHON_HEADERS = {
  'User-Agent': 'python-requests/2.27.1',
  'Accept-Encoding': 'gzip, deflate',
  Accept: '*/*',
  // Each post opens a new connection all the same, because the programs use no session.
  Connection: 'keep-alive',
};

/** The requests of the boxes' programs: `requests` of Python 2 for positions and crashes, Node's `request` for pictures. */
export const boxRequest = {
  position: (code: string, fix: BoxFix): BoxRequest => urlencoded('position', fieldsOf(code, fix)),

  crash(code: string, fix: BoxFix): BoxRequest {
    return urlencoded(
      'crash',
      fieldsOf(code, fix).filter(([name]) => name !== 'ambulance_box_code'),
    );
  },

  /** @param counter the number of the post since the program's start */
  pictures(code: string, counter: number, jpegs: readonly Buffer[]): BoxRequest {
    const boundary = `--------------------------${randomBytes(12).toString('hex')}`;
    const fields = {
      ID: code,
      ambulance_id: code,
      ambulance_box_code: code,
      images_count: '2',
      Time: counter,
    };
    const parts: Buffer[] = Object.entries(fields).map(([name, value]) =>
      Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`),
    );
    jpegs.forEach((jpeg, index) => {
      const names = `name="CAM${index + 1}"; filename="cam${index + 1}.jpg"`;
      const head = `--${boundary}\r\nContent-Disposition: form-data; ${names}\r\nContent-Type: image/jpeg\r\n\r\n`;
      parts.push(Buffer.from(head), jpeg, Buffer.from('\r\n'));
    });
    const body = Buffer.concat([...parts, Buffer.from(`--${boundary}--`)]);
    const contentType = `multipart/form-data; boundary=${boundary}`;
    return {
      kind: 'pictures',
      headers: { 'content-type': contentType, 'content-length': body.length, Connection: 'close' },
      body,
    };
  },
};

/** In an order that is not alphabetical, as a dictionary of Python 2 gives it. */
function fieldsOf(code: string, fix: BoxFix): [string, string][] {
  return [
    ['tracking_heading', pythonText(fix.headingDeg)],
    ['tracking_latitude', pythonText(fix.lat)],
    ['ambulance_id', code],
    ['tracking_longitude', pythonText(fix.lon)],
    ['ambulance_box_code', code],
    ['tracking_speed', pythonText(fix.speedMps)],
  ];
}

function urlencoded(kind: BoxPostKind, fields: readonly [string, string][]): BoxRequest {
  const body = Buffer.from(new URLSearchParams(fields as [string, string][]).toString());
  const headers = {
    ...PYTHON_HEADERS,
    'Content-Type': 'application/x-www-form-urlencoded',
    'Content-Length': body.length,
  };
  return { kind, headers, body };
}

/** `str()` of a float in Python 2: 12 significant digits, `.0` at a whole number, an exponent below 0.0001. */
export function pythonText(value: number): string {
  if (value !== 0 && Math.abs(value) < 1e-4) {
    const [mantissa = '', exponent = '0'] = value.toExponential(11).split('e');
    const digits = Math.abs(Number(exponent)).toString().padStart(2, '0');
    return `${trimZeros(mantissa).replace(/\.0$/, '')}e-${digits}`;
  }
  return trimZeros(Number(value.toPrecision(12)).toString());
}

function trimZeros(text: string): string {
  if (!text.includes('.')) return `${text}.0`;
  return text.replace(/0+$/, '').replace(/\.$/, '.0');
}
