export type { Image } from './image.js';
export { sanitizeFilename } from './image.js';
export { ImageRecordsModule } from './image-records.module.js';
// The old name stays until the commands use the new one.
export {
  type AdoptedImage,
  type CatalogEntry,
  ImagesRepository,
  ImagesRepository as ImageCatalogRepository,
} from './images.repository.js';
export { ImagesModule } from './images.module.js';
export { ImagesService } from './images.service.js';
export {
  readImageHeader,
  readImageHeader as pictureHeader,
  SIGNATURE_BYTES,
} from './formats/image-header.js';
export { EXTENSIONS } from './formats/image-type.js';
export { oldAddressOf, rejectUndecodableAddresses } from './serving/old-address.js';
export { ImageIntakeService } from './upload/image-intake.service.js';
export type { IncomingFile } from './upload/incoming-files.js';
export { discardRest, feedForm, FormCutOffError, FormTooLargeError } from './upload/upload-form.js';
export { replaceDurably, syncDirectory } from './volume/durable-files.js';
export { FileWorkerPool, type FileOutcome } from './volume/file-worker-pool.js';
export { ImageVolume, type VolumeReport, type VolumeState } from './volume/image-volume.js';
export { MARKER_FILE, newImageId, UPLOADS_DIRECTORY, WORK_DIRECTORY } from './volume/volume-layout.js';
export { readMarker, writeMarker } from './volume/volume-marker.js';
export { writeVerification } from './volume/volume-verification.js';
