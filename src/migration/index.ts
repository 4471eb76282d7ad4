export { runImages } from './images/run-images.js';
