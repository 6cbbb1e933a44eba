/** A service's settings, as a form and as YAML; what a change would do is said before it is done. */
import { Button, Group, Skeleton, Stack, Text } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { stringify } from 'yaml';
import type { ServicePlan, ServiceRow } from '../../../../src/ui/protocol.ts';
import type { ServiceObject, ServiceSpec } from '../../api/actions.ts';
import { get, post } from '../../api/http.ts';
import { changeText } from '../../format/plan.ts';
import { updateCommand } from '../../format/service/form.ts';
import { rolloutText } from '../../format/update.ts';
import { Command } from '../../parts/Ask.tsx';
import { doing } from '../../parts/doing.tsx';
import { Failed } from '../../parts/Failed.tsx';
import { useRights } from '../../parts/who.ts';
import { SpecForm, useDraft, YamlEditor } from './SpecForm.tsx';

export function Settings({ service }: { service: ServiceRow }) {
  const rights = useRights();
  const { data, error, refetch } = useQuery({
    queryKey: ['service', service.id],
    queryFn: () => get<ServiceObject>(`/services/${service.id}`),
    staleTime: 0,
    gcTime: 0,
  });
  if (error)
    return (
      <Failed title="The settings cannot be read" message={error.message} again={() => void refetch()} />
    );
  if (!data) return <Skeleton height={200} aria-label="The settings are being loaded" />;
  if (!rights.change(service.stack)) return <YamlEditor text={stringify(data.Spec)} />;
  return <Editing key={data.Version.Index} service={service} object={data} again={() => void refetch()} />;
}

interface EditingProps {
  service: ServiceRow;
  object: ServiceObject;
  again: () => void;
}

function Editing({ service, object, again }: EditingProps) {
  const { Spec, Version } = object;
  const draft = useDraft(Spec);
  const { made, isWrong, names } = draft;
  const isChanged = made !== Spec;
  const [asked] = useDebouncedValue(made, 300);
  const plan = useQuery({
    queryKey: ['service-plan', service.id, Version.Index, asked],
    queryFn: () => post<ServicePlan>(`/essaim/services/${service.id}/plan`, asked),
    enabled: asked !== Spec && !isWrong,
  });

  const [isRefused, setRefused] = useState(false);
  const put = async (next: ServiceSpec, version: number): Promise<void> => {
    await post(`/services/${service.id}/update?version=${version}`, next);
    again();
  };
  const save = async (): Promise<void> => {
    const isDone = await doing(`change ${service.name}`, async () => {
      await put(made, Version.Index);
      return {
        done: `${service.name} is changed`,
        undo: async () => put(Spec, (await get<ServiceObject>(`/services/${service.id}`)).Version.Index),
      };
    });
    setRefused(!isDone);
  };

  return (
    <Stack gap="sm">
      <SpecForm draft={draft} />
      {isChanged && !isWrong && (
        <Stack gap={4} role="status" aria-label="What would change">
          {plan.error && (
            <Failed
              title="It cannot be changed so"
              message={plan.error.message}
              again={() => void plan.refetch()}
            />
          )}
          {plan.data && <PlanText plan={plan.data} />}
          <Command
            text={
              updateCommand(Spec, made, names) ??
              `# docker service update has no options for this\ncurl --unix-socket /run/essaim/docker.sock …/services/${service.id}/update`
            }
          />
        </Stack>
      )}
      <Group gap="xs">
        <Button size="xs" disabled={!isChanged || isWrong || plan.isError} onClick={() => void save()}>
          Save
        </Button>
        {isChanged && (
          <Button size="xs" variant="default" onClick={() => draft.set(Spec)}>
            Put back
          </Button>
        )}
        {isRefused && (
          <Button size="xs" variant="default" onClick={again}>
            Read them again
          </Button>
        )}
      </Group>
    </Stack>
  );
}

function PlanText({ plan: { changes, restarts, rollout } }: { plan: ServicePlan }) {
  if (changes.length === 0)
    return <Text size="sm">That means what it is already: nothing would change.</Text>;
  return (
    <>
      {changes.map((change) => (
        <Text key={change.field} size="sm">
          {changeText(change)}
        </Text>
      ))}
      <Text size="sm" fw={600}>
        {restarts === 0 ? 'No task restarts.' : `${rolloutText({ ...rollout, running: restarts })}.`}
      </Text>
    </>
  );
}
