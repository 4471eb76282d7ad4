import type { Difference, KnownDifference } from './differences.js';

const isOnlyHere = ({ old }: Difference): boolean => old === null;
const isOnlyThere = ({ here }: Difference): boolean => here === null;
const isInBoth = ({ old, here }: Difference): boolean => old !== null && here !== null;

/**
 * Every visible difference between the old server and Samserver, with its reason. A difference without an entry is a fault.
 * `docs/old-clients-differences.md` shows the same table; the test compares both.
 */
export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  {
    where: /^document\/ambulance_tracking_histories\/.*\/location$/,
    is: ({ old }) => old === '{"lat":0,"lon":0}',
    reason: 'The old server stores 0,0 in every history; Samserver stores the place',
  },
  {
    where: /^document\/ambulance_tracking_histories\/.*\/(heading|count_datetime)$/,
    is: isOnlyHere,
    reason: 'A history has the heading and the time of its position too',
  },
  {
    where: /^document\/ambulance_tracking_histories\//,
    is: isOnlyHere,
    reason: 'The first position of a vehicle has a history too, and so has a position without a speed',
  },
  {
    where: /^document\/ambulance_trackings\/.*\/state$/,
    is: ({ here }) => here === '"GREEN"',
    reason: 'The state returns to GREEN',
  },
  {
    where: /^answer\/get (http|socket) \/\/\d+\/body$/,
    is: ({ here }) => here?.includes('<title>AOC-V.2 Tracking Server On</title>') === true,
    reason: 'The page has the same title and another text',
  },
  {
    where: /^answer\/get (http|socket) \/(nowhere|uploads\/.*)\/\d+\/(body|type)$/,
    is: isInBoth,
    reason: 'An unknown path is 404 as before, with a problem+json body instead of a page',
  },
  {
    where: /^answer\/raw\/\d+\/body$/,
    is: ({ here }) => here?.startsWith('<!DOCTYPE html>') === true,
    reason: 'Malformed JSON is 400 with a page as before; the page no longer shows the server’s stack',
  },
  {
    where:
      /^(file\/|document\/ambulance_image(s|_histories)\/.*\/images$|frame\/[a-z]+\/SNAP\/.*\/imagesObj$)/,
    is: ({ old, here }) => old !== null && old.replaceAll(/\.(1|JPG)(?="|$)/g, '.jpg') === here,
    reason:
      'A picture’s extension comes from its content instead of the text after the first dot of its name',
  },
  {
    where: /^frame\/[a-z]+\/words\//,
    is: isOnlyThere,
    reason: 'The old process ends, so its panels reconnect and join again; Samserver does not end',
  },
  {
    where: /^frame\/[a-z]+\/TRACKING\/\d+\/heading 89\//,
    is: isOnlyThere,
    reason: 'A position without a place is not stored; Samserver does not send it to panels either',
  },
];
