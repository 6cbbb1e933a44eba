/**
 * Which build an image is. Engines have two kinds of image stores, and each calls one image by another id: by the digest
 * of its configuration, or by that of its manifest, which is another one after every copy and, with provenance in it,
 * after every build that changed nothing. What is in an image is the same everywhere.
 */
import { createHash } from 'node:crypto';

/** Of an engine's answer about an image, what says which build it is. */
export interface ImageContent {
  Created?: string;
  Architecture?: string;
  Os?: string;
  RootFS?: { Layers?: readonly string[] | null };
  Config?: Record<string, unknown> | null;
}

/** What of an image's configuration containers get from it. The rest is about how it was made, or in one store only. */
const SETTINGS = [
  ...['Cmd', 'Entrypoint', 'Env', 'ExposedPorts', 'Healthcheck', 'Labels', 'OnBuild', 'Shell'],
  ...['StopSignal', 'User', 'Volumes', 'WorkingDir'],
] as const;

/** What older engines say where no time is known; newer ones say nothing. */
const NO_TIME = '0001-01-01T00:00:00Z';

/** `sha256:…`; undefined if the engine has not got the image's content, of another platform for example. */
export function buildOf(image: ImageContent): string | undefined {
  const layers = image.RootFS?.Layers;
  if (!image.Config || !layers) return undefined;
  const { Config: config, Created: created = '', Architecture = '', Os = '' } = image;
  const settings = SETTINGS.map((name) => sorted(config[name])).map((value) =>
    isNothing(value) ? null : value,
  );
  const content = [layers, created === NO_TIME ? '' : created, Architecture, Os, settings];
  return `sha256:${createHash('sha256').update(JSON.stringify(content)).digest('hex')}`;
}

/** Engines say null, an empty text, an empty list or nothing at all for what is not set. */
function isNothing(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
}
