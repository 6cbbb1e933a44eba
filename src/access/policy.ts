/**
 * What a deployer may not have in a service, on whatever way its spec comes: all that reaches the host or what is
 * somebody else's. A function of the spec as it is going to be stored.
 */
import type { Mount, ServiceSpec } from '../model/spec.ts';
import type { View } from '../store/contract.ts';
import { stackOf } from './stack.ts';

/** Why the spec is refused to somebody who only deploys that stack; undefined if it may be. */
export function policyProblem(spec: ServiceSpec, stack: string, view: View): string | undefined {
  const container = spec.TaskTemplate?.ContainerSpec ?? {};
  if (stackOf(spec) !== stack) return `the label com.docker.stack.namespace is not ${stack}`;
  if (!(spec.Name ?? '').startsWith(`${stack}_`))
    return `the name of a service of ${stack} begins with ${stack}_`;
  if (container.CapabilityAdd?.length) return 'capabilities may not be added (CapabilityAdd)';
  if (Object.keys(container.Sysctls ?? {}).length > 0) return 'kernel settings may not be changed (Sysctls)';
  if (container.OomScoreAdj) return 'OomScoreAdj may not be changed';
  const { Seccomp, AppArmor, SELinuxContext, CredentialSpec } = container.Privileges ?? {};
  if (Seccomp?.Mode && Seccomp.Mode !== 'default') return `the seccomp profile may not be ${Seccomp.Mode}`;
  if (AppArmor?.Mode && AppArmor.Mode !== 'default')
    return `the AppArmor profile may not be ${AppArmor.Mode}`;
  if (SELinuxContext) return 'the SELinux context may not be changed';
  if (CredentialSpec) return 'credential specs may not be used';
  for (const mount of container.Mounts ?? []) {
    const wrong = mountProblem(mount, stack);
    if (wrong !== undefined) return wrong;
  }
  if (spec.TaskTemplate?.NetworkAttachmentSpec || spec.TaskTemplate?.PluginSpec)
    return 'only services of containers may be made';
  return foreignProblem(spec, stack, view);
}

function mountProblem({ Type, Source, VolumeOptions }: Mount, stack: string): string | undefined {
  const type = Type || 'volume';
  if (type === 'tmpfs') return undefined;
  if (type !== 'volume') return `mounts of type ${type} may not be used`;
  const { Name, Options } = VolumeOptions?.DriverConfig ?? {};
  if (Name && Name !== 'local') return `volumes of the driver ${Name} may not be used`;
  if (Object.keys(Options ?? {}).length > 0) return 'options of volume drivers may not be used';
  if (Source && !Source.startsWith(`${stack}_`))
    return `the volume ${Source} does not belong to ${stack}: the names of its volumes begin with ${stack}_`;
  return undefined;
}

/** Secrets, configs and networks of others. */
function foreignProblem(spec: ServiceSpec, stack: string, view: View): string | undefined {
  const container = spec.TaskTemplate?.ContainerSpec ?? {};
  for (const { SecretID, SecretName } of container.Secrets ?? []) {
    const secret = view.get('secret', SecretID ?? '');
    if (!secret || stackOf(secret.Spec) !== stack)
      return `the secret ${SecretName} does not belong to ${stack}`;
  }
  for (const { ConfigID, ConfigName } of container.Configs ?? []) {
    const config = view.get('config', ConfigID ?? '');
    if (!config || stackOf(config.Spec) !== stack)
      return `the config ${ConfigName} does not belong to ${stack}`;
  }
  for (const { Target } of [...(spec.TaskTemplate?.Networks ?? []), ...(spec.Networks ?? [])]) {
    const target = Target ?? '';
    const network = view.get('network', target) ?? view.byName('network', target)[0];
    if (!network) return `the network ${target} does not belong to ${stack}`;
    const owner = stackOf(network.Spec);
    if (network.Spec.Driver !== 'overlay' || network.Spec.Ingress)
      return `the network ${network.Spec.Name} may not be used: it is no overlay`;
    if (owner !== undefined && owner !== stack)
      return `the network ${network.Spec.Name} belongs to the stack ${owner}`;
  }
  return undefined;
}
