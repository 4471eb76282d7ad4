/** A duration for people: its two largest units. */
export function durationText(durationMs: number): string {
  const minutes = Math.max(0, Math.floor(durationMs / 60_000));
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  if (days > 0) return `${days} d ${hours % 24} h`;
  return hours > 0 ? `${hours} h ${minutes % 60} min` : `${minutes} min`;
}

export function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** Permission bits as `chmod` takes them. */
export function modeText(mode: number): string {
  return `0${(mode & 0o777).toString(8)}`;
}

export function megabytes(sizeBytes: number): string {
  return sizeBytes >= 10e9 ? `${Math.round(sizeBytes / 1e9)} GB` : `${Math.round(sizeBytes / 1e6)} MB`;
}
