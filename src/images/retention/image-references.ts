import { Injectable } from '@nestjs/common';
import type { Image } from '../image.js';

/** Documents of other programs that name images by their path. */
export interface ReferenceSource {
  /** Paths below the volume that the newest documents name: these images must stay. */
  shownPaths(): Promise<ReadonlySet<string>>;
  /**
   * Removes older documents whose images are all in the list or deleted before. It may be repeated.
   * @returns how many
   */
  removeOf(images: readonly Image[], existing: FindExisting): Promise<number>;
  /** Another program writes the documents and the volume now: retention deletes nothing. Default false. */
  readonly isFrozen?: boolean;
}

/** @returns those of the paths that an image has */
export type FindExisting = (paths: readonly string[]) => Promise<ReadonlySet<string>>;

/** The references to images from outside this feature. A feature that keeps such documents adds its source. */
@Injectable()
export class ImageReferences {
  private readonly sources: ReferenceSource[] = [];

  add(source: ReferenceSource): void {
    this.sources.push(source);
  }

  get areFrozen(): boolean {
    return this.sources.some(({ isFrozen = false }) => isFrozen);
  }

  async shownPaths(): Promise<ReadonlySet<string>> {
    const shown = await Promise.all(this.sources.map((source) => source.shownPaths()));
    return new Set(shown.flatMap((paths) => [...paths]));
  }

  async removeOf(images: readonly Image[], existing: FindExisting): Promise<void> {
    for (const source of this.sources) await source.removeOf(images, existing);
  }
}
