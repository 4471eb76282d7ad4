/** The programs of the old tracking boxes: what they send, and how they wait for the answer. */
export {
  BOX_ROUTES,
  BOX_TIME_LIMITS,
  type BoxPostKind,
  boxRequest,
  type BoxRequest,
} from './box-requests.js';
export { type BoxAnswer, postAsBox } from './box-post.js';
export { type NumberedJpegs, prepareJpegs } from './numbered-jpegs.js';
export { numberOfLatitude, numberOfSpeed, NUMBERS, withNumber, wireNumber } from './wire-numbers.js';
