import { DomainError } from '../../core/index.js';

export const quarantinedNotFound = (): DomainError =>
  new DomainError('quarantine/not-found', 'There is no such quarantined position.');
