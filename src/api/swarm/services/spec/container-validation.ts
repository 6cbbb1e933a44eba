/** What SwarmKit checks of a container spec in canonical form, with its texts. */
import { type ApiError, rpcError } from '../../../../model/errors.ts';
import type {
  ConfigReference,
  ContainerSpec,
  HealthConfig,
  SecretReference,
  ServiceSpec,
} from '../../../../model/spec.ts';
import { quoteText } from '../../../../model/template/quote.ts';
import { expand, type TemplateContext, TemplateError } from '../../../../model/template/template.ts';
import { isImageReference } from '../../images/reference.ts';

const MILLISECOND = 1e6;

const invalid = (description: string): ApiError => rpcError('InvalidArgument', description);

/** The image, the mounts, the health check and all placeholders. Throws ApiError 400. */
export function validateContainer(service: ServiceSpec): void {
  const spec = service.TaskTemplate!.ContainerSpec!;
  const targets = expandPlaceholders(service, spec);
  validateImage(spec.Image ?? '');
  const seen = new Set<string>();
  for (const target of targets) {
    if (seen.has(target)) throw invalid(`ContainerSpec: duplicate mount point: ${target}`);
    seen.add(target);
  }
  validateHealthcheck(spec.Healthcheck);
}

function validateImage(image: string): void {
  if (image === '') throw invalid('ContainerSpec: image reference must be provided');
  if (!isImageReference(image)) {
    throw invalid(`ContainerSpec: ${JSON.stringify(image)} is not a valid repository/tag`);
  }
}

/** Expands everything once for a node and a task that do not exist. Returns the targets of the mounts. */
function expandPlaceholders(service: ServiceSpec, spec: ContainerSpec): string[] {
  const context: TemplateContext = {
    Service: { ID: idLike('serviceid'), Name: service.Name ?? '', Labels: service.Labels ?? {} },
    Node: {
      ID: idLike('nodeid'),
      Hostname: 'nodeHostname',
      Platform: { Architecture: 'architecture', OS: 'os' },
    },
    Task: { ID: idLike('taskid'), Name: 'taskname', Slot: '1' },
  };
  const tryExpand = (text: string, ...what: string[]): string => {
    try {
      return expand(text, context);
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      throw invalid([...what, error.message].join(': '));
    }
  };
  const tryExpandAll = (texts: Record<string, string> | null | undefined, ...what: string[]): void => {
    for (const [key, value] of Object.entries(texts ?? {})) {
      tryExpand(value, ...what, `expanding map entry ${quoteText(key)}=${quoteText(value)}`);
    }
  };

  for (const entry of spec.Env ?? []) {
    const value = entry.slice(entry.indexOf('=') + 1);
    if (value !== entry) {
      tryExpand(value, 'expanding env failed', `expanding env ${quoteText(entry)}`);
    }
  }
  const targets: string[] = [];
  for (const { Source, Target, VolumeOptions } of spec.Mounts ?? []) {
    const mounts = 'expanding mounts failed';
    tryExpand(Source ?? '', mounts, `expanding mount source ${quoteText(Source ?? '')}`);
    targets.push(tryExpand(Target ?? '', mounts, `expanding mount target ${quoteText(Target ?? '')}`));
    tryExpandAll(VolumeOptions?.Labels, mounts, 'expanding volume labels');
    tryExpandAll(VolumeOptions?.DriverConfig?.Options, mounts, 'expanding volume driver config');
  }
  tryExpand(spec.Hostname ?? '', 'expanding hostname failed');
  return targets;
}

/** As long as ids are: what takes a part of one can be tried. */
const idLike = (name: string): string => name.padEnd(25, '0');

function validateHealthcheck(check: HealthConfig | null | undefined): void {
  for (const name of ['Interval', 'Timeout', 'StartPeriod', 'StartInterval'] as const) {
    const duration = check?.[name] ?? 0;
    if (duration !== 0 && duration < MILLISECOND) {
      throw invalid(`ContainerSpec: ${name} in HealthConfig cannot be less than 1ms`);
    }
  }
  if ((check?.Retries ?? 0) < 0) {
    throw invalid('ContainerSpec: Retries in HealthConfig cannot be negative');
  }
}

interface Reference {
  id: string;
  name: string;
  /** Undefined: not to be a file. */
  file: string | undefined;
  hasTarget: boolean;
}

/** That references are complete and want different files. Throws ApiError 400. */
export function validateReferences(spec: ContainerSpec): void {
  checkTargets('secret', (spec.Secrets ?? []).map(ofSecret));
  checkTargets('config', (spec.Configs ?? []).map(ofConfig));
  const wanted = spec.Privileges?.CredentialSpec?.Config ?? '';
  const given = spec.Configs?.some(({ ConfigID, Runtime }) => ConfigID === wanted && Runtime);
  if (wanted !== '' && !given) {
    throw invalid(
      `CredentialSpec references config '${wanted}', but that config isn't in config references with RuntimeTarget`,
    );
  }
}

function ofSecret({ SecretID, SecretName, File }: SecretReference): Reference {
  return {
    id: SecretID ?? '',
    name: SecretName ?? '',
    file: File?.Name ?? undefined,
    hasTarget: Boolean(File),
  };
}

function ofConfig({ ConfigID, ConfigName, File, Runtime }: ConfigReference): Reference {
  return {
    id: ConfigID ?? '',
    name: ConfigName ?? '',
    file: File?.Name ?? undefined,
    hasTarget: Boolean(File || Runtime),
  };
}

function checkTargets(kind: 'secret' | 'config', references: Reference[]): void {
  const files = new Map<string, string>();
  for (const { id, name, file, hasTarget } of references) {
    if (id === '' || name === '') throw invalid(`malformed ${kind} reference`);
    if (!hasTarget) throw invalid(`malformed ${kind} reference, no target provided`);
    if (file === undefined) continue;
    if (file === '') throw invalid(`malformed file ${kind} reference, invalid target file name provided`);
    const other = files.get(file);
    if (other !== undefined) {
      throw invalid(`${kind} references '${other}' and '${name}' have a conflicting target: '${file}'`);
    }
    files.set(file, name);
  }
}
