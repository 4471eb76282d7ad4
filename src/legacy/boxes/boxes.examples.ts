import type { ApiBodyOptions, ApiResponseOptions } from '@nestjs/swagger';
import { NOT_FOUND, SUCCESS } from './boxes.service.js';

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
    description:
      'Numbers may be text; the speed is in metres per second. The time of arrival is the time of the position.',
    properties: {
      ambulance_id: { type: 'string', description: 'The box code: the boxCode of a vehicle.' },
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
    description: 'Any number of files under any field names.',
    properties: { ambulance_id: { type: 'string' }, image: { type: 'string', format: 'binary' } },
    example: { ambulance_id: '291', image: '(a file)' },
  },
};

export const ACCEPTED_RESPONSE: ApiResponseOptions = {
  content: { 'application/json': { example: SUCCESS } },
};
export const UNKNOWN_BOX_RESPONSE: ApiResponseOptions = {
  status: 201,
  description: 'No vehicle has this box. Nothing was kept.',
  content: { 'application/json': { example: NOT_FOUND } },
};
export const UNREADABLE_RESPONSE: ApiResponseOptions = {
  status: 400,
  description:
    'The body is malformed; the answer is a page. 413 for a body that is too large, 415 for a compressed one.',
  content: { 'text/html': { example: '<!DOCTYPE html>…<pre>Bad Request</pre>…' } },
};
export const LIMITED_RESPONSE: ApiResponseOptions = {
  status: 429,
  description: 'More requests than the box or its address may send. Nothing was kept. Send it again.',
  headers: { 'Retry-After': { description: 'Seconds.', schema: { type: 'integer', minimum: 1 } } },
  content: { 'application/json': { example: { success: false } } },
};
export const FAILED_RESPONSE: ApiResponseOptions = {
  status: 503,
  description: 'Nothing was kept. Send it again.',
  headers: { 'Retry-After': { description: 'Seconds.', schema: { type: 'integer', minimum: 0 } } },
  content: { 'application/json': { example: { success: false } } },
};
export const EMPTY_RESPONSE: ApiResponseOptions = {
  description: 'An empty body without a content type.',
  content: { 'text/plain': { example: '' } },
};
