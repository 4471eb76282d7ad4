import type { ApiBodyOptions, ApiResponseOptions } from '@nestjs/swagger';
import { NOT_FOUND, SUCCESS } from './legacy-responses.js';

const REPORT = {
  ambulance_id: '291',
  tracking_latitude: '13.7563',
  tracking_longitude: '100.5018',
  tracking_speed: '12.5',
  tracking_heading: '87',
};

export const REPORT_BODY: ApiBodyOptions = {
  schema: {
    type: 'object',
    description: 'Numbers may be text; speed in metres per second. There is no time: that of arrival counts.',
    properties: {
      ambulance_id: { type: 'string', description: 'What the box calls itself: a vehicle’s boxCode.' },
      tracking_latitude: { type: 'string' },
      tracking_longitude: { type: 'string' },
      tracking_speed: { type: 'string' },
      tracking_heading: { type: 'string' },
    },
    example: REPORT,
  },
};

export const SNAPSHOT_BODY: ApiBodyOptions = {
  schema: {
    type: 'object',
    description: 'Any number of files under any names.',
    properties: { ambulance_id: { type: 'string' }, image: { type: 'string', format: 'binary' } },
    example: { ambulance_id: '291', image: '(a file)' },
  },
};

export const ACCEPTED_RESPONSE: ApiResponseOptions = {
  content: { 'application/json': { example: SUCCESS } },
};
export const UNKNOWN_BOX_RESPONSE: ApiResponseOptions = {
  status: 201,
  description: 'No vehicle has this box; nothing was kept.',
  content: { 'application/json': { example: NOT_FOUND } },
};
export const UNREADABLE_RESPONSE: ApiResponseOptions = {
  status: 400,
  description: 'Broken, as a page; 413 when it is too large, 415 when it is compressed.',
  content: { 'text/html': { example: '<!DOCTYPE html>…<pre>Bad Request</pre>…' } },
};
export const FAILED_RESPONSE: ApiResponseOptions = {
  status: 503,
  description: 'It was not kept: send it again.',
  headers: { 'Retry-After': { description: 'Seconds.', schema: { type: 'integer', minimum: 0 } } },
  content: { 'application/json': { example: { success: false } } },
};
export const EMPTY_RESPONSE: ApiResponseOptions = {
  description: 'Nothing, without a content type.',
  content: { 'text/plain': { example: '' } },
};
