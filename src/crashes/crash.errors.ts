import { DomainError } from '../core/index.js';

export const crashNotFound = (): DomainError =>
  new DomainError('not-found', 'crashes/not-found', 'There is no such crash report.');
