import { renderErrorsPage } from './errors-page.js';
import { renderEnvExample, renderSettingsPage } from './settings-docs.js';

/**
 * Generated files by path from the repository root. Each function receives the current content and returns the new
 * content.
 */
export const GENERATED_FILES: Readonly<Record<string, (current: string) => string>> = {
  '.env.example': renderEnvExample,
  'docs/settings.md': renderSettingsPage,
  'docs/errors.md': renderErrorsPage,
};
