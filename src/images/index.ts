export { syncDirectory } from './durable-files.js';
export { pictureHeader, SIGNATURE_BYTES } from './format/picture-header.js';
export { type FileOutcome, type FileResult, FileWorkers } from './files/file-workers.js';
export type { PictureHeader } from './format/picture-type.js';
export { type AdoptedImage, type CatalogEntry, ImageCatalog } from './image-catalog.repository.js';
export { imageId } from './image-id.js';
export { ImageVolume, type VolumeReport, type VolumeState } from './image-volume.js';
export { ImagesModule } from './images.module.js';
export { shownFilename } from './shown-filename.js';
export { refuseUnreadableAddresses } from './unreadable-addresses.js';
export {
  EXTENSIONS,
  MARKER_FILE,
  UPLOADS_DIRECTORY,
  VERIFIED_FILE,
  WORK_DIRECTORY,
} from './volume-layout.js';
export { writeVerified } from './verified-pictures.js';
export { readMarker, writeMarker } from './volume-marker.js';
