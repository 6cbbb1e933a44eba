/**
 * What SwarmKit checks of a service spec by itself, in its order and with its texts. Specs are in canonical form
 * (service.ts). What depends on the cluster (names, ports, secrets in use) is checked where services are written.
 */
import { parseConstraints } from '../../../../model/constraint.ts';
import { type ApiError, rpcError } from '../../../../model/errors.ts';
import type {
  EndpointSpec,
  Placement,
  PortConfig,
  Resources,
  RestartPolicy,
  ServiceMode,
  ServiceSpec,
  TaskSpec,
  UpdateConfig,
} from '../../../../model/spec.ts';
import { validateName } from '../../names.ts';
import { validateContainer, validateReferences } from './container-validation.ts';

const MIN_NANO_CPUS = 1e6;
const MIN_MEMORY = 4 * 1024 * 1024;

const invalid = (description: string): ApiError => rpcError('InvalidArgument', description);

/** Throws ApiError. */
export function validateService(spec: ServiceSpec): void {
  validateName(spec.Name ?? '');
  validateTask(spec);
  validateMode(spec.Mode!);
  if (spec.Mode!.ReplicatedJob || spec.Mode!.GlobalJob) {
    if (spec.UpdateConfig) throw invalid('Jobs may not have an update config');
  } else {
    validateUpdate(spec.UpdateConfig);
  }
  validateEndpoint(spec.EndpointSpec);
}

function validateTask(spec: ServiceSpec): void {
  const task: TaskSpec = spec.TaskTemplate!;
  validateResources(task.Resources?.Limits);
  validateResources(task.Resources?.Reservations);
  validateGenericResources(task.Resources?.Reservations);
  validateRestartPolicy(task.RestartPolicy);
  validatePlacement(task.Placement);
  validateReferences(task.ContainerSpec!);
  validateContainer(spec);
}

function validateResources(
  resources: { NanoCPUs?: number | null; MemoryBytes?: number | null } | null | undefined,
): void {
  const cpus = resources?.NanoCPUs ?? 0;
  if (cpus !== 0 && cpus < MIN_NANO_CPUS) {
    throw invalid(`invalid cpu value ${goNumber(cpus / 1e9)}: Must be at least ${MIN_NANO_CPUS / 1e9}`);
  }
  const memory = resources?.MemoryBytes ?? 0;
  if (memory !== 0 && memory < MIN_MEMORY) {
    throw invalid(`invalid memory value ${memory}: Must be at least 4MiB`);
  }
}

/** As Go prints a number with %g: exponents have two digits and begin at 1e-05. */
function goNumber(value: number): string {
  const small = value !== 0 && Math.abs(value) < 1e-4;
  return (small ? value.toExponential() : String(value)).replace(/e([+-])(\d)$/, 'e$10$2');
}

function validateGenericResources(reservations: Resources['Reservations']): void {
  for (const { DiscreteResourceSpec, NamedResourceSpec } of reservations?.GenericResources ?? []) {
    const kind = DiscreteResourceSpec?.Kind ?? NamedResourceSpec?.Kind ?? '';
    if (kind === '') throw invalid('generic resource: a kind must be provided');
    if (DiscreteResourceSpec && (DiscreteResourceSpec.Value ?? 0) < 0) {
      throw invalid(`generic resource ${kind}: the value must not be negative`);
    }
  }
}

function validateRestartPolicy(policy: RestartPolicy | null | undefined): void {
  if ((policy?.Delay ?? 0) < 0) throw invalid('TaskSpec: restart-delay cannot be negative');
  if ((policy?.Window ?? 0) < 0) throw invalid('TaskSpec: restart-window cannot be negative');
}

/** Docker answers 500 here, as SwarmKit gives these errors no code. */
function validatePlacement(placement: Placement | null | undefined): void {
  try {
    parseConstraints(placement?.Constraints);
  } catch (error) {
    throw rpcError('Unknown', (error as Error).message);
  }
}

function validateMode({ Replicated, ReplicatedJob }: ServiceMode): void {
  if (!isCount(Replicated?.Replicas)) throw invalid('Number of replicas must be non-negative');
  if (!isCount(ReplicatedJob?.MaxConcurrent)) throw invalid('Maximum concurrent jobs must not be negative');
  if (!isCount(ReplicatedJob?.TotalCompletions)) throw invalid('Total completed jobs must not be negative');
}

function isCount(value: number | null | undefined): boolean {
  return value === undefined || value === null || (Number.isSafeInteger(value) && value >= 0);
}

function validateUpdate(config: UpdateConfig | null | undefined): void {
  if ((config?.Delay ?? 0) < 0) throw invalid('TaskSpec: update-delay cannot be negative');
  if ((config?.Monitor ?? 0) < 0) throw invalid('TaskSpec: update-monitor cannot be negative');
  const ratio = config?.MaxFailureRatio ?? 0;
  if (ratio < 0 || ratio > 1) {
    throw invalid('TaskSpec: update-maxfailureratio cannot be less than 0 or bigger than 1');
  }
}

function validateEndpoint(endpoint: EndpointSpec | null | undefined): void {
  const published = new Set<string>();
  for (const port of endpoint?.Ports ?? []) {
    if (endpoint!.Mode === 'dnsrr' && port.PublishMode === 'ingress') {
      throw invalid("EndpointSpec: port published with ingress mode can't be used with dnsrr mode");
    }
    validatePortNumbers(port);
    if (!port.PublishedPort) continue;
    const key = `${port.PublishedPort}/${port.Protocol}`;
    if (published.has(key)) throw invalid('EndpointSpec: duplicate published ports provided');
    published.add(key);
  }
}

function validatePortNumbers({ TargetPort = 0, PublishedPort = 0 }: PortConfig): void {
  for (const number of [TargetPort, PublishedPort]) {
    if (number! < 0 || number! > 65535)
      throw invalid(`EndpointSpec: port ${number} is not between 1 and 65535`);
  }
  if (!TargetPort) throw invalid('EndpointSpec: a target port must be provided');
}
