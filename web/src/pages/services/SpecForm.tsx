/** A service's spec to be typed: as a form and as YAML, each beginning with what was typed on the other side. */
import { SegmentedControl, Select, Skeleton, Stack, Text, Textarea, TextInput, Title } from '@mantine/core';
import { lazy, Suspense, useMemo, useState } from 'react';
import { useSearchParams } from 'wouter';
import { parse, stringify } from 'yaml';
import type { ServiceSpec } from '../../api/actions.ts';
import { useList } from '../../api/live.ts';
import { FIELDS } from '../../format/service/fields.ts';
import { applied, type Form, formOf } from '../../format/service/form.ts';
import type { Field } from '../../format/service/kinds.ts';
import type { Names } from '../../format/service/spec.ts';
import { Failed } from '../../parts/Failed.tsx';

const Editor = lazy(() => import('../../parts/Editor.tsx'));

/** What is typed, before it is sent. */
export interface Draft {
  /** The spec as it was typed. */
  made: ServiceSpec;
  isWrong: boolean;
  names: Names;
  /** Begins anew with that. */
  set: (spec: ServiceSpec) => void;
  /** What stands beside the form. */
  change: (changes: Partial<ServiceSpec>) => void;
  shown: {
    spec: ServiceSpec;
    form: Form | undefined;
    /** What is wrong, by the keys of fields. */
    problems: Readonly<Record<string, string>>;
    text: string | undefined;
    problem: string | undefined;
    type: (key: string, value: string) => void;
    write: (text: string) => void;
  };
}

export function useDraft(first: ServiceSpec): Draft {
  const names = useNames();
  const [spec, setSpec] = useState(first);
  const [form, setForm] = useState<Form>();
  const [text, setText] = useState<string>();
  const [problem, setProblem] = useState<string>();
  const typed = useMemo(() => form && applied(spec, form, names), [form, spec, names]);
  const problems = typed?.problems ?? {};
  const set = (next: ServiceSpec): void => {
    setSpec(next);
    setForm(undefined);
    setText(undefined);
    setProblem(undefined);
  };
  const change = (changes: Partial<ServiceSpec>): void => {
    setSpec((before) => ({ ...before, ...changes }));
    setText(undefined);
    setProblem(undefined);
  };
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
  return {
    ...{ made: typed?.spec ?? spec, names, set, change },
    isWrong: problem !== undefined || Object.keys(problems).length > 0,
    shown: {
      ...{ spec, form, problems, text, problem, write },
      type: (key, value) => setForm((before) => ({ ...before, [key]: value })),
    },
  };
}

export function SpecForm({ draft: { made, names, set, shown } }: { draft: Draft }) {
  const [params, setParams] = useSearchParams();
  const look = params.get('as') === 'yaml' ? 'yaml' : 'form';
  const turn = (to: string): void => {
    set(made);
    setParams((before) => {
      const after = new URLSearchParams(before);
      after.set('as', to);
      return after;
    });
  };
  return (
    <>
      <div>
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
      </div>
      {look === 'form' ? (
        <FormFields
          form={{ ...formOf(shown.spec, names), ...shown.form }}
          problems={shown.problems}
          onChange={shown.type}
        />
      ) : (
        <YamlEditor text={shown.text ?? stringify(shown.spec)} onChange={shown.write} />
      )}
      {shown.problem && <Failed title="This is no spec" message={shown.problem} />}
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

export function YamlEditor({ text, onChange }: { text: string; onChange?: (text: string) => void }) {
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
