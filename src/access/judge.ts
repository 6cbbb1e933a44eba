/** Decides on a write by what its body says, and returns the body that is to be forwarded: the one that was judged. */
import { decodeJson } from '../api/decode.ts';
import { ApiError } from '../model/errors.ts';
import { array, boolean, integer, object, optional, text } from '../model/schema.ts';
import { ConfigSpec, NetworkSpec, SecretSpec, ServiceSpec } from '../model/spec.ts';
import type { View } from '../store/contract.ts';
import type { Actor } from './actor.ts';
import type { BodyRule } from './grants.ts';
import { policyProblem } from './policy.ts';
import { STACK_LABEL, stackOf } from './stack.ts';

/** What a deployer may say of an exec. */
const ExecSpec = object({
  AttachStdin: optional(boolean()),
  AttachStdout: optional(boolean()),
  AttachStderr: optional(boolean()),
  DetachKeys: optional(text()),
  Tty: optional(boolean()),
  Privileged: optional(boolean()),
  ConsoleSize: optional(array(integer())),
  Env: optional(array(text())),
  Cmd: optional(array(text())),
  User: optional(text()),
  WorkingDir: optional(text()),
});

type Judged = Exclude<BodyRule, 'json' | 'stream'>;

/**
 * The body of a write by somebody who only deploys. `previous`: the spec that would be put back, if the request is for
 * that. @throws ApiError 403 that says what may not be, 400 if it is no such body
 */
export function judged(
  rule: Judged,
  body: string,
  actor: Actor,
  view: View,
  previous?: ServiceSpec,
): { body: string; stack: string | undefined } {
  switch (rule) {
    case 'exec': {
      const spec = decodeJson(body, ExecSpec, 'ExecConfig');
      if (spec.Privileged)
        throw new ApiError(403, `${actor.name} may only deploy: an exec may not be privileged (Privileged)`);
      return { body: JSON.stringify(spec), stack: undefined };
    }
    case 'service': {
      const spec = decodeJson(body, ServiceSpec, 'ServiceSpec');
      const stack = ownStack(spec, actor);
      for (const each of previous ? [spec, previous] : [spec]) {
        const problem = policyProblem(each, stack, view);
        if (problem !== undefined) throw new ApiError(403, `${actor.name} may only deploy: ${problem}`);
      }
      return { body: JSON.stringify(spec), stack };
    }
    case 'network': {
      const spec = decodeJson(body, NetworkSpec, 'NetworkSpec');
      const stack = ownStack(spec, actor);
      const problem = networkProblem(spec) ?? nameProblem(spec.Name, stack, 'network');
      if (problem !== undefined) throw new ApiError(403, `${actor.name} may only deploy: ${problem}`);
      return { body: JSON.stringify(spec), stack };
    }
    default: {
      const spec = decodeJson(body, rule === 'secret' ? SecretSpec : ConfigSpec, 'Spec');
      const stack = ownStack(spec, actor);
      const problem = nameProblem(spec.Name, stack, rule);
      if (problem !== undefined) throw new ApiError(403, `${actor.name} may only deploy: ${problem}`);
      return { body: JSON.stringify(spec), stack };
    }
  }
}

function ownStack(spec: { Labels?: Record<string, string> | null }, actor: Actor): string {
  const stack = stackOf(spec);
  if (stack !== undefined && actor.stacks.has(stack)) return stack;
  const own = [...actor.stacks].join(', ') || 'none yet';
  throw new ApiError(
    403,
    `${actor.name} may only deploy its own stacks (${own}), and this belongs to ${stack ?? `no stack: what is of a stack bears its name in the label ${STACK_LABEL}`}`,
  );
}

function networkProblem(spec: NetworkSpec): string | undefined {
  if ((spec.Driver || 'overlay') !== 'overlay')
    return `networks of the driver ${spec.Driver} may not be made`;
  if (spec.Ingress || spec.ConfigOnly || spec.ConfigFrom?.Network) return 'only plain overlays may be made';
  const other = Object.keys(spec.Options ?? {}).find((option) => option !== 'encrypted');
  return other === undefined ? undefined : `the option ${other} of networks may not be used`;
}

function nameProblem(name: string | null | undefined, stack: string, what: string): string | undefined {
  return (name ?? '').startsWith(`${stack}_`)
    ? undefined
    : `the name of a ${what} of ${stack} begins with ${stack}_`;
}
