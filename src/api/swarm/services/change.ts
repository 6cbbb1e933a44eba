/** What becomes of a service that somebody changes. `now` is the time as objects carry it. */
import { modeOf, taskTemplate } from '../../../model/defaults.ts';
import { keptEndpoint } from '../../../model/endpoint.ts';
import { rpcError } from '../../../model/errors.ts';
import type { ContentVersions, Service } from '../../../model/objects.ts';
import { sameSpec } from '../../../model/same-spec.ts';
import type { ServiceSpec } from '../../../model/spec.ts';

/** How long a service waits for a new spec after the content of what it uses has changed (ms). */
const SETTLING = 2_000;

/** What a spec stands for that is not in its words: the contents and the image behind the names. */
export interface Meaning {
  contents?: ContentVersions | undefined;
  imageBuild?: string | undefined;
}

/** With another spec. `meaning`: what that stands for. */
export function changed(service: Service, spec: ServiceSpec, meaning: Meaning, now: string): Service {
  const { contentSettlesAt, ...internal } = service.internal;
  const same = sameSpec(spec, service.Spec);
  // Who deploys a stack anew changes contents and then specs, also to what they are already: it is one change to go back on.
  const joined = contentSettlesAt !== undefined && (same || service.UpdateStatus?.State !== 'completed');
  const sameTasks =
    sameSpec(taskTemplate(spec), taskTemplate(service.Spec)) &&
    sameSpec(spec.EndpointSpec, service.Spec.EndpointSpec) &&
    meaning.imageBuild === internal.imageBuild;
  return withMeaning(
    {
      ...superseded(service, now),
      Spec: spec,
      PreviousSpec: service.Spec,
      Endpoint: keptEndpoint(spec, service.Endpoint),
      internal: {
        ...internal,
        // Scaling alone makes no new version, so that no task has to be compared with it.
        specVersion: sameTasks ? internal.specVersion : service.Version.Index,
        previousSpecVersion: joined ? internal.previousSpecVersion! : internal.specVersion,
        specAfter: service.Version.Index,
        ...(joined && same && { contentSettlesAt: 0 }),
      },
    },
    meaning,
    joined ? previousMeaning(service) : meaningOf(service),
  );
}

/** With other content of what its spec uses; `at` is the time in milliseconds. */
export function changedContents(
  service: Service,
  contents: ContentVersions | undefined,
  now: string,
  at: number,
): Service {
  const { contentSettlesAt, ...internal } = service.internal;
  const joined = contentSettlesAt !== undefined && service.UpdateStatus?.State !== 'completed';
  return withMeaning(
    {
      ...superseded(service, now),
      PreviousSpec: service.Spec,
      internal: {
        ...internal,
        specVersion: service.Version.Index,
        previousSpecVersion: joined ? internal.previousSpecVersion! : internal.specVersion,
        contentSettlesAt: at + SETTLING,
      },
    },
    { contents, imageBuild: internal.imageBuild },
    joined ? previousMeaning(service) : meaningOf(service),
  );
}

/** With spec and previous spec swapped: a second rollback goes back again. */
export function rolledBack(service: Service, now: string): Service {
  const { Spec, PreviousSpec } = service;
  if (!PreviousSpec) {
    throw rpcError('FailedPrecondition', `service ${service.ID} does not have a previous spec`);
  }
  const { contentSettlesAt: _, ...internal } = service.internal;
  return withMeaning(
    {
      ...superseded(service, now),
      Spec: PreviousSpec,
      PreviousSpec: Spec,
      Endpoint: keptEndpoint(PreviousSpec, service.Endpoint),
      UpdateStatus: {
        State: 'rollback_started',
        StartedAt: now,
        Message: 'manually requested rollback',
      },
      internal: {
        ...internal,
        specVersion: internal.previousSpecVersion ?? 0,
        previousSpecVersion: internal.specVersion,
        specAfter: service.Version.Index,
      },
    },
    previousMeaning(service),
    meaningOf(service),
  );
}

/** What a job begins with; nothing for other services. */
export function firstExecution(spec: ServiceSpec, now: string): Pick<Service, 'JobStatus'> {
  if (!modeOf(spec).kind.endsWith('job')) return {};
  return { JobStatus: { JobIteration: { Index: 0 }, LastExecution: now } };
}

/** Without a word of the update before. A job runs anew. */
function superseded({ UpdateStatus: _, ...service }: Service, now: string): Service {
  if (!service.JobStatus) return { ...service, UpdatedAt: now };
  const Index = service.JobStatus.JobIteration.Index + 1;
  return { ...service, UpdatedAt: now, JobStatus: { JobIteration: { Index }, LastExecution: now } };
}

function meaningOf({ internal: { contents, imageBuild } }: Service): Meaning {
  return { contents, imageBuild };
}

function previousMeaning({ internal: { previousContents, previousImageBuild } }: Service): Meaning {
  return { contents: previousContents, imageBuild: previousImageBuild };
}

function withMeaning(service: Service, meaning: Meaning, previous: Meaning): Service {
  const { contents: _, previousContents: __, ...others } = service.internal;
  const { imageBuild: ___, previousImageBuild: ____, ...internal } = others;
  return {
    ...service,
    internal: {
      ...internal,
      ...(meaning.contents && { contents: meaning.contents }),
      ...(previous.contents && { previousContents: previous.contents }),
      ...(meaning.imageBuild && { imageBuild: meaning.imageBuild }),
      ...(previous.imageBuild && { previousImageBuild: previous.imageBuild }),
    },
  };
}
