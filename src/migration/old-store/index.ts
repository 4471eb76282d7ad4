/** What the old server has stored: read by `load` and `compare`, never written. */
export { OldPictures } from './old-pictures.js';
export {
  type OldCrash,
  type OldHistory,
  type OldPicturePost,
  OldStoreRepository,
  type OldTracking,
} from './old-store.repository.js';
