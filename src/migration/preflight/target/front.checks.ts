import { X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { readSmallFile, UnreadableInputError } from '../bounded-input.js';
import { type Check, failed, notChecked, ok, warning } from '../check.js';
import { withoutLogin } from '../secret-censor.js';

const MAX_FILE_BYTES = 1_000_000;
const MAX_CERTIFICATES = 20;
const DAY_MS = 86_400_000;
/** The service is degraded below it. */
const MIN_DAYS = 14;
const FETCH_TIMEOUT_MS = 10_000;
const BLOCK = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]{1,20000}-----END CERTIFICATE-----/g;

/** @param path a PEM file: the certificate of the server, then its chain. @param hosts names that clients use */
export async function checkCertificate(
  path: string | undefined,
  hosts: readonly string[],
  nowMs: number,
): Promise<Check> {
  if (path === undefined)
    return notChecked(
      'front.certificate',
      'no certificate was named',
      'give --certificate FILE and --host-name NAME',
    );
  try {
    return certificateCheck((await readSmallFile(path, MAX_FILE_BYTES)).text, hosts, nowMs);
  } catch (error) {
    if (!(error instanceof UnreadableInputError)) throw error;
    return failed('front.certificate', error.message, 'run it as a user that can read the certificate');
  }
}

/** @param roots PEM certificates that clients trust */
export function certificateCheck(
  pem: string,
  hosts: readonly string[],
  nowMs: number,
  roots: readonly string[] = rootCertificates,
): Check {
  let chain: X509Certificate[];
  try {
    chain = (pem.match(BLOCK) ?? []).slice(0, MAX_CERTIFICATES).map((block) => new X509Certificate(block));
  } catch {
    chain = [];
  }
  const [leaf] = chain;
  if (!leaf)
    return failed('front.certificate', 'the file has no certificate in PEM', 'name the file fullchain.pem');
  const days = Math.floor((Date.parse(leaf.validTo) - nowMs) / DAY_MS);
  const names = leaf.subjectAltName ?? leaf.subject;
  const seen = `${names}; ${days} days left; ${chain.length} in the file`;
  const wrongHosts = hosts.filter((host) => leaf.checkHost(host) === undefined);
  if (days < 0) return failed('front.certificate', seen, 'it has expired: renew it (certbot renew)');
  if (Date.parse(leaf.validFrom) > nowMs)
    return failed('front.certificate', `${seen}; not valid yet`, 'compare the clock');
  if (wrongHosts.length > 0)
    return failed('front.certificate', `${seen}; not for ${wrongHosts.join(', ')}`, 'get one for every name');
  const fault = chainFault(chain, roots);
  if (fault !== null)
    return failed('front.certificate', `${seen}; ${fault}`, 'use fullchain.pem in place of cert.pem');
  if (days < MIN_DAYS) return warning('front.certificate', seen, 'renew it before the move (certbot renew)');
  return hosts.length === 0
    ? warning('front.certificate', `${seen}; no name was compared`, 'give --host-name NAME')
    : ok('front.certificate', `${seen}; for ${hosts.join(', ')}`);
}

function chainFault(chain: readonly X509Certificate[], rootTexts: readonly string[]): string | null {
  for (const [at, certificate] of chain.entries()) {
    const issuer = chain[at + 1];
    if (issuer && !isIssuedBy(certificate, issuer))
      return `certificate ${at + 2} did not sign certificate ${at + 1}`;
  }
  const last = chain.at(-1);
  if (!last) return null;
  if (chain.length === 1 && isIssuedBy(last, last)) return 'self-signed: clients refuse it';
  const roots = rootTexts.map((each) => new X509Certificate(each));
  const isRooted = roots.some(
    (root) => root.fingerprint256 === last.fingerprint256 || isIssuedBy(last, root),
  );
  return isRooted ? null : 'the chain does not end at a public root';
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

/** What is seen from inside proves nothing about the way from outside, so the result is never `ok`. */
export async function checkOutside(address: string | undefined, signal: AbortSignal): Promise<Check> {
  if (address === undefined)
    return notChecked(
      'front.outside',
      'no address was named',
      'give --url, as in --url https://sam.example.org/',
    );
  const shown = withoutLogin(address) ?? 'the address';
  const command = `on a machine outside: curl -sS -o /dev/null -w '%{http_code} %{time_total}\\n' '${shown}'`;
  const startMs = performance.now();
  const limit = AbortSignal.any([signal, AbortSignal.timeout(FETCH_TIMEOUT_MS)]);
  const seen = await fetch(address, { redirect: 'manual', signal: limit }).then(
    async (response) => {
      await response.body?.cancel();
      return `${response.status} in ${Math.round(performance.now() - startMs)} ms`;
    },
    (error: unknown) => {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      return `no answer (${(cause as NodeJS.ErrnoException).code ?? (cause instanceof Error ? cause.name : 'unknown')})`;
    },
  );
  return notChecked('front.outside', `from this machine: ${seen}; from outside: not tried`, command);
}
