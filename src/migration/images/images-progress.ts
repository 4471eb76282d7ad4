/** Time over which the rate is measured, ms: files that an interrupted run has read pass much faster than others. */
const RATE_WINDOW_MS = 60_000;

/** Counts files and bytes and formats them as one line with rate and time left. */
export class ImagesProgress {
  private files = 0;
  private bytes = 0;
  /** The oldest first; times of the monotonic clock. */
  private readonly samples: { readonly atMs: number; readonly files: number; readonly bytes: number }[];

  /** @param totalFiles null when it is not known */
  constructor(
    private readonly name: string,
    private readonly totalFiles: number | null,
    private readonly nowMs = (): number => performance.now(),
  ) {
    this.samples = [{ atMs: nowMs(), files: 0, bytes: 0 }];
  }

  add(files: number, bytes: number): void {
    this.files += files;
    this.bytes += bytes;
  }

  /** For people. */
  line(): string {
    const { filesPerS, bytesPerS, secondsLeft } = this.measure();
    const rate = `${Math.round(filesPerS)} files/s, ${(bytesPerS / 1e6).toFixed(0)} MB/s`;
    if (this.totalFiles === null)
      return `${this.name}: ${this.files} files, ${Math.round(filesPerS)} files/s`;
    const share = this.totalFiles === 0 ? 1 : Math.min(1, this.files / this.totalFiles);
    const left = secondsLeft === null ? 'unknown time' : duration(secondsLeft);
    const percent = `${(share * 100).toFixed(1)} %`;
    return `${this.name}: ${this.files} of ${this.totalFiles} files, ${percent}, ${rate}, ${left} left`;
  }

  /** For programs: one JSON object. */
  json(): string {
    const { filesPerS, bytesPerS, secondsLeft } = this.measure();
    return JSON.stringify({
      progress: this.name,
      files: this.files,
      totalFiles: this.totalFiles,
      bytes: this.bytes,
      filesPerS: Math.round(filesPerS),
      bytesPerS: Math.round(bytesPerS),
      secondsLeft: secondsLeft === null ? null : Math.round(secondsLeft),
    });
  }

  private measure(): { filesPerS: number; bytesPerS: number; secondsLeft: number | null } {
    const now = { atMs: this.nowMs(), files: this.files, bytes: this.bytes };
    this.samples.push(now);
    while (this.samples.length > 2 && now.atMs - (this.samples[1]?.atMs ?? 0) >= RATE_WINDOW_MS)
      this.samples.shift();
    const since = this.samples[0] ?? now;
    const seconds = (now.atMs - since.atMs) / 1_000;
    const filesPerS = seconds > 0 ? (now.files - since.files) / seconds : 0;
    const bytesPerS = seconds > 0 ? (now.bytes - since.bytes) / seconds : 0;
    const filesLeft = this.totalFiles === null ? null : Math.max(0, this.totalFiles - this.files);
    const secondsLeft =
      filesLeft === 0 ? 0 : filesLeft === null || filesPerS === 0 ? null : filesLeft / filesPerS;
    return { filesPerS, bytesPerS, secondsLeft };
  }
}

export const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);

function duration(seconds: number): string {
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3_600), Math.floor((whole % 3_600) / 60)];
  return hours > 0
    ? `${hours} h ${minutes} min`
    : minutes > 0
      ? `${minutes} min ${whole % 60} s`
      : `${whole} s`;
}
