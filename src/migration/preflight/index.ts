export { preflightCommand } from './preflight.command.js';
export { checkCertificate } from './target/front.checks.js';
