import type { Difference, KnownDifference } from './differences.js';

const isOnlyHere = ({ old }: Difference): boolean => old === null;
const isOnlyThere = ({ here }: Difference): boolean => here === null;
const isInBoth = ({ old, here }: Difference): boolean => old !== null && here !== null;

/**
 * Every difference between the old server and Samserver that somebody can see, and why it is there. What is in none of
 * these is a fault. `docs/old-clients-differences.md` is this table for readers; the test compares the two.
 */
export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  {
    where: /^document\/ambulance_tracking_histories\/.*\/location$/,
    is: ({ old }) => old === '{"lat":0,"lon":0}',
    reason: 'The old server stored 0,0 in every history; here it is the place',
  },
  {
    where: /^document\/ambulance_tracking_histories\//,
    is: isOnlyHere,
    reason: 'The first position of a vehicle has a history too, and so has one without a speed',
  },
  {
    where: /^document\/ambulance_trackings\/.*\/(avg_speed|state)$/,
    is: isInBoth,
    reason: 'The first average is the first speed and not half of it, and a state falls back to GREEN',
  },
  {
    where: /^answer\/get (http|socket) \/\/\d+\/body$/,
    is: ({ here }) => here?.includes('<title>AOC-V.2 Tracking Server On</title>') === true,
    reason: 'The page has the same title and another text',
  },
  {
    where: /^answer\/get (http|socket) \/(nowhere|uploads\/.*)\/\d+\/(body|type)$/,
    is: isInBoth,
    reason: 'What is not there is 404 as before, with a problem+json body in place of a page',
  },
  {
    where: /^answer\/raw\/\d+\/body$/,
    is: ({ here }) => here?.startsWith('<!DOCTYPE html>') === true,
    reason: 'Broken JSON is 400 with a page as before; the page does not show the server’s stack any more',
  },
  {
    where:
      /^(file\/|document\/ambulance_image(s|_histories)\/.*\/images$|frame\/[a-z]+\/SNAP\/.*\/imagesObj$)/,
    is: ({ old, here }) => old !== null && old.replaceAll(/\.(1|JPG)(?="|$)/g, '.jpg') === here,
    reason:
      'A picture’s extension comes from its content and not from what follows the first dot of its name',
  },
  {
    where: /^frame\/[a-z]+\/words\//,
    is: isOnlyThere,
    reason:
      'The old process ended and its panels came back, were greeted and joined again; here nothing ends',
  },
  {
    where: /^frame\/[a-z]+\/TRACKING\/\d+\/heading 89\//,
    is: isOnlyThere,
    reason: 'A place that is none is not stored, and here nobody is told of it either',
  },
];
