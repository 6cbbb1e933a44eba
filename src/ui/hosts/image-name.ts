/** Names of images, as people write them. Pure. */

/** With a tag, or else an engine would pull all tags that there are. */
export function withTag(image: string): string {
  const last = image.slice(image.lastIndexOf('/') + 1);
  return last.includes(':') || last.includes('@') ? image : `${image}:latest`;
}
