export { makeDurableDirectory, syncDirectory } from './durable-files.js';
export { pictureHeader, SIGNATURE_BYTES } from './format/picture-header.js';
export {
  PICTURE_TYPES,
  type PictureHeader,
  type PictureType,
  type PixelSize,
} from './format/picture-type.js';
export { removeMetadata } from './format/remove-metadata.js';
export { imageId, isImageId } from './image-id.js';
export { type FileOutcome, type FileResult, FileWorkers } from './reading/file-workers.js';
export { contentDisposition, shownFilename } from './shown-filename.js';
export { readVerified, type VerifiedPictures, writeVerified } from './verified-pictures.js';
export {
  EXTENSIONS,
  INCOMING_DIRECTORY,
  MARKER_FILE,
  THUMBNAIL_WIDTHS,
  thumbnailPath,
  THUMBNAILS_DIRECTORY,
  type ThumbnailWidth,
  uploadPath,
  UPLOADS_DIRECTORY,
  WORK_DIRECTORY,
} from './volume-layout.js';
export { BadMarkerError, isEmptyDirectory, readMarker, writeMarker } from './volume-marker.js';
