/** The places of a container spec in which placeholders are expanded, with Docker's errors. */
import type { ContainerSpec, Mount } from '../../model/spec.ts';
import { quoteText } from '../../model/template/quote.ts';
import { expand, type TemplateContext } from '../../model/template/template.ts';

/** The spec with placeholders filled in. Throws an error with the text that Docker gives. */
export function expandContainerSpec(spec: ContainerSpec, context: TemplateContext): ContainerSpec {
  return {
    ...spec,
    Env: within('expanding env failed', () => spec.Env?.map((entry) => expandEnv(entry, context))),
    Mounts: within('expanding mounts failed', () => spec.Mounts?.map((mount) => expandMount(mount, context))),
    Hostname: within('expanding hostname failed', () => expand(spec.Hostname ?? '', context)),
  };
}

function within<T>(what: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw new Error(`${what}: ${(error as Error).message}`);
  }
}

function expandEnv(entry: string, context: TemplateContext): string {
  const at = entry.indexOf('=');
  if (at < 0) return entry;
  return within(`expanding env ${quoteText(entry)}`, () => {
    return `${entry.slice(0, at)}=${expand(entry.slice(at + 1), context)}`;
  });
}

function expandMount(mount: Mount, context: TemplateContext): Mount {
  const options = mount.VolumeOptions;
  const driver = options?.DriverConfig;
  return {
    ...mount,
    Source: within(`expanding mount source ${quoteText(mount.Source ?? '')}`, () =>
      expand(mount.Source ?? '', context),
    ),
    Target: within(`expanding mount target ${quoteText(mount.Target ?? '')}`, () =>
      expand(mount.Target ?? '', context),
    ),
    VolumeOptions: options && {
      ...options,
      Labels: within('expanding volume labels', () => expandMap(options.Labels, context)),
      DriverConfig: driver && {
        ...driver,
        Options: within('expanding volume driver config', () => expandMap(driver.Options, context)),
      },
    },
  };
}

function expandMap(
  map: Record<string, string> | null | undefined,
  context: TemplateContext,
): Record<string, string> | undefined {
  if (!map) return undefined;
  const entries = Object.entries(map).map(([key, value]) => [
    key,
    within(`expanding map entry ${quoteText(key)}=${quoteText(value)}`, () => expand(value, context)),
  ]);
  return Object.fromEntries(entries);
}
