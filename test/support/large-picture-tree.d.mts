/** The same arguments give the same names and bytes. @param onFile called with each path below the directory */
export function writeLargePictureTree(
  directory: string,
  files: number,
  folders?: number,
  seed?: number,
  onFile?: (path: string) => void,
): Promise<void>;
