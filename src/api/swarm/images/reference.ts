/** The grammar of image references (`[host[:port]/]path[:tag][@digest]`), names in the short form included. */

const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const HOST_PART = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const HOST = `(?:${HOST_PART}(?:\\.${HOST_PART})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`;
const TAG = '[\\w][\\w.-]{0,127}';
const DIGEST = '[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}';
const REFERENCE = new RegExp(
  `^(?:(${HOST})/)?(${COMPONENT}(?:/${COMPONENT})*)(?::(${TAG}))?(?:@(${DIGEST}))?$`,
);
const MAX_NAME = 255;

export interface ImageReference {
  /** With the host of the registry, if that is given. */
  name: string;
  tag?: string;
  digest?: string;
}

/** Undefined if the text is not a reference to an image. A bare image id is none either. */
export function parseImageReference(text: string): ImageReference | undefined {
  if (text.length > 2 * MAX_NAME + 200 || /^[a-f0-9]{64}$/.test(text)) return undefined;
  const match = REFERENCE.exec(text);
  if (!match) return undefined;
  const [, host, path, tag, digest] = match;
  const name = host === undefined ? path! : `${host}/${path}`;
  if (name.length > MAX_NAME || /[A-Z]/.test(repository(name))) return undefined;
  return { name, tag, digest };
}

export function isImageReference(text: string): boolean {
  return parseImageReference(text) !== undefined;
}

/** The name without the registry's host: the first part is one only if it looks like one. */
function repository(name: string): string {
  const slash = name.indexOf('/');
  if (slash < 0) return name;
  const first = name.slice(0, slash);
  return /[.:]/.test(first) || first === 'localhost' || /[A-Z]/.test(first) ? name.slice(slash + 1) : name;
}
