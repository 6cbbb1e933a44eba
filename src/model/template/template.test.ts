/** What real engines make of templates (test/oracle/templates.jsonl) is what we make of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Answer,
  ENV,
  FIXED_CONFIG,
  IDS,
  LABELS,
  type Question,
  readTable,
  SERVICE,
} from '../../../test/oracle/ask.ts';
import { expand, expandPayload, type TemplateContext, TemplateError } from './template.ts';

const context: TemplateContext = {
  Service: { ID: IDS.service, Name: SERVICE, Labels: LABELS },
  Node: { ID: IDS.node, Hostname: IDS.host, Platform: { Architecture: 'x86_64', OS: 'linux' } },
  Task: { ID: IDS.task, Name: `${SERVICE}.1.${IDS.task}`, Slot: '1' },
};
/** Docker tries a service's placeholders before it has the service. */
const nobody: TemplateContext = {
  Service: { ID: 'serviceid', Name: 'servicename', Labels: {} },
  Node: { ID: 'nodeid', Hostname: 'nodeHostname', Platform: { Architecture: 'architecture', OS: 'os' } },
  Task: { ID: '', Name: 'taskname', Slot: '1' },
};
/** In secrets and configs Docker knows nothing of the node but its id; we do. */
const inPayload: TemplateContext = {
  ...context,
  Node: { ID: IDS.node, Hostname: '', Platform: { Architecture: '', OS: '' } },
};
const functions = {
  env: (name: string) => ENV.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1) ?? '',
  config: (target: string) => {
    if (target !== FIXED_CONFIG.target) throw new Error(`config target ${target} not found`);
    return FIXED_CONFIG.data;
  },
  secret: (target: string) => {
    throw new Error(`secret target ${target} not found`);
  },
};

function ours({ template, payload }: Question): Answer {
  try {
    if (payload) return { gives: expandPayload(Buffer.from(template), inPayload, functions).toString() };
    expand(template, nobody);
    return { gives: expand(template, context) };
  } catch (error) {
    assert.ok(error instanceof TemplateError, String((error as Error).stack));
    return { fails: error.message };
  }
}

for (const { template, payload, ...answer } of await readTable())
  test(`${payload ? 'content' : 'placeholder'} ${JSON.stringify(template)}`, () =>
    assert.deepEqual(ours({ template, payload }), answer));
