export { type AdoptedImage, type CatalogEntry, ImageCatalog } from './image-catalog.repository.js';
export { ImageIntake } from './image-intake.service.js';
export type { IncomingFile } from './incoming-files.js';
export type { Image } from './image.js';
export { ImageLog } from './image-log.service.js';
export { ImageVolume, type VolumeReport, type VolumeState } from './image-volume.js';
export { ImagesModule } from './images.module.js';
export { oldNameOf } from './old-address.js';
export { refuseUnreadableAddresses } from './unreadable-addresses.js';
