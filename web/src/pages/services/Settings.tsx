/** A service's settings, as a form and as YAML; what a change would do is said before it is done. */
import {
  Button,
  Group,
  SegmentedControl,
  Select,
  Skeleton,
  Stack,
  Text,
  Textarea,
  TextInput,
  Title,
} from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense, useMemo, useState } from 'react';
import { useSearchParams } from 'wouter';
import { parse, stringify } from 'yaml';
import type { ServicePlan, ServiceRow } from '../../../../src/ui/protocol.ts';
import type { ServiceObject, ServiceSpec } from '../../api/actions.ts';
import { get, post } from '../../api/http.ts';
import { useList } from '../../api/live.ts';
import { changeText } from '../../format/plan.ts';
import { FIELDS } from '../../format/service/fields.ts';
import { applied, type Form, formOf, updateCommand } from '../../format/service/form.ts';
import type { Field } from '../../format/service/kinds.ts';
import type { Names } from '../../format/service/spec.ts';
import { rolloutText } from '../../format/update.ts';
import { Command } from '../../parts/Ask.tsx';
import { doing } from '../../parts/doing.tsx';
import { Failed } from '../../parts/Failed.tsx';
import { useRights } from '../../parts/who.ts';

const Editor = lazy(() => import('../../parts/Editor.tsx'));

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
  const names = useNames();
  const [params, setParams] = useSearchParams();
  const look = params.get('as') === 'yaml' ? 'yaml' : 'form';
  const [spec, setSpec] = useState(Spec);
  const [form, setForm] = useState<Form>();
  const [text, setText] = useState<string>();
  const [problem, setProblem] = useState<string>();
  const typed = useMemo(() => form && applied(spec, form, names), [form, spec, names]);
  const made = typed?.spec ?? spec;
  const problems = typed?.problems ?? {};
  const isWrong = problem !== undefined || Object.keys(problems).length > 0;
  const isChanged = made !== Spec;
  const [asked] = useDebouncedValue(made, 300);
  const plan = useQuery({
    queryKey: ['service-plan', service.id, Version.Index, asked],
    queryFn: () => post<ServicePlan>(`/essaim/services/${service.id}/plan`, asked),
    enabled: asked !== Spec && !isWrong,
  });

  const write = (next: string): void => {
    setText(next);
    try {
      const read: unknown = parse(next);
      if (typeof read !== 'object' || read === null) throw new Error('a spec is a mapping');
      setSpec(read as ServiceSpec);
      setProblem(undefined);
    } catch (error) {
      setProblem((error as Error).message);
    }
  };
  const turn = (to: string): void => {
    // What was typed on the one side is what the other one begins with.
    setSpec(made);
    setForm(undefined);
    setText(undefined);
    setParams((before) => {
      const after = new URLSearchParams(before);
      after.set('as', to);
      return after;
    });
  };
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
      <Group>
        <SegmentedControl
          size="xs"
          aria-label="How the settings are shown"
          value={look}
          onChange={turn}
          data={[
            { value: 'form', label: 'Form' },
            { value: 'yaml', label: 'YAML' },
          ]}
        />
      </Group>
      {look === 'form' ? (
        <FormFields
          form={{ ...formOf(spec, names), ...form }}
          problems={problems}
          onChange={(key, value) => setForm((before) => ({ ...before, [key]: value }))}
        />
      ) : (
        <YamlEditor text={text ?? stringify(spec)} onChange={write} />
      )}
      {problem && <Failed title="This is no spec" message={problem} />}
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
          <Button
            size="xs"
            variant="default"
            onClick={() => {
              setSpec(Spec);
              setForm(undefined);
              setText(undefined);
              setProblem(undefined);
            }}
          >
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

interface FormProps {
  form: Form;
  problems: Readonly<Record<string, string>>;
  onChange: (key: string, value: string) => void;
}

function FormFields({ form, problems, onChange }: FormProps) {
  const [search, setSearch] = useState('');
  const words = search.toLowerCase();
  const shown = FIELDS.filter(({ section, label }) => `${section} ${label}`.toLowerCase().includes(words));
  const sections = [...new Set(shown.map(({ section }) => section))];
  return (
    <Stack gap="md">
      <TextInput
        size="xs"
        w={220}
        placeholder="Search in the settings"
        aria-label="Search in the settings"
        value={search}
        onChange={(event) => setSearch(event.currentTarget.value)}
      />
      {sections.map((section) => (
        <section key={section} aria-label={section}>
          <Title order={2} size="h5" mb={4}>
            {section}
          </Title>
          <div className="settings">
            {shown
              .filter((field) => field.section === section)
              .map((field) => (
                <Input
                  key={field.key}
                  field={field}
                  value={form[field.key]}
                  problem={problems[field.key]}
                  onChange={(value) => onChange(field.key, value)}
                />
              ))}
          </div>
        </section>
      ))}
    </Stack>
  );
}

interface InputProps {
  field: Field;
  /** Undefined: a form cannot show it. */
  value: string | undefined;
  problem: string | undefined;
  onChange: (value: string) => void;
}

function Input({ field: { key, label, help, kind, choices }, value, problem, onChange }: InputProps) {
  if (value === undefined)
    return key === 'replicas' ? null : <Text size="sm">{label}: change them as YAML.</Text>;
  const common = { size: 'xs', label, description: help, error: problem } as const;
  if (kind === 'choice')
    return (
      <Select
        {...common}
        data={[...choices!]}
        value={value}
        allowDeselect={false}
        onChange={(next) => next && onChange(next)}
      />
    );
  if (kind === 'lines')
    return (
      <Textarea
        {...common}
        autosize
        minRows={2}
        maxRows={12}
        value={value}
        spellCheck={false}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
    );
  return <TextInput {...common} value={value} onChange={(event) => onChange(event.currentTarget.value)} />;
}

function YamlEditor({ text, onChange }: { text: string; onChange?: (text: string) => void }) {
  return (
    <Suspense fallback={<Skeleton height={300} aria-label="The editor is being loaded" />}>
      <Editor
        label="The service’s spec"
        name="spec.yaml"
        value={text}
        marks={[]}
        onChange={onChange}
        onSave={() => undefined}
        onDeploy={() => undefined}
      />
    </Suspense>
  );
}

/** Names of what specs name by id. */
function useNames(): Names {
  const networks = useList('networks').rows;
  const configs = useList('configs').rows;
  const secrets = useList('secrets').rows;
  return useMemo(() => {
    const map = (rows: ReadonlyArray<{ id: string; name: string }>) =>
      new Map(rows.map(({ id, name }) => [id, name]));
    return { networks: map(networks), configs: map(configs), secrets: map(secrets) };
  }, [networks, configs, secrets]);
}
