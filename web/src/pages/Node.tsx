/** One host: what it is, what runs on it, and whether it may take more. */
import { Button, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useLocation, useParams } from 'wouter';
import type { NodeRow } from '../../../src/ui/protocol.ts';
import { changeNode } from '../api/actions.ts';
import { remove } from '../api/http.ts';
import { useList } from '../api/live.ts';
import { labelCommand } from '../format/command.ts';
import { labelsOf, labelsText } from '../format/labels.ts';
import { bytes, cpus } from '../format/size.ts';
import { nodeTone } from '../format/state.ts';
import { Ask } from '../parts/Ask.tsx';
import { doing } from '../parts/doing.tsx';
import { Fact, Facts } from '../parts/Facts.tsx';
import { Found } from '../parts/Found.tsx';
import { Leaving } from '../parts/Leaving.tsx';
import { Page } from '../parts/Page.tsx';
import { PageTabs } from '../parts/PageTabs.tsx';
import { Sign } from '../parts/Sign.tsx';
import { Use } from '../parts/Use.tsx';
import { useRights } from '../parts/who.ts';
import { ContainerTable } from './hosts/Containers.tsx';
import { TaskTable } from './Tasks.tsx';

export function Node() {
  const { id = '' } = useParams();
  const is = (row: NodeRow): boolean => row.id === id || row.name === id;
  return (
    <Found kind="node" name={id} list={useList('nodes')} is={is} all="/nodes">
      {(node) => <NodePage node={node} />}
    </Found>
  );
}

function NodePage({ node }: { node: NodeRow }) {
  const { operate } = useRights();
  const word = node.availability === 'active' ? node.state : `${node.state}, ${node.availability}`;
  return (
    <Page
      title={node.name}
      mark={<Sign tone={nodeTone(node)} word={word} />}
      actions={operate && <Actions node={node} />}
    >
      <Facts>
        <Fact name="Role">{node.leader ? `${node.role}, leader` : node.role}</Fact>
        <Fact name="Address">{node.address}</Fact>
        <Fact name="Engine">{node.engine}</Fact>
        <Fact name="Platform">{node.platform}</Fact>
        <Fact name="Processors">
          {cpus(node.reservedCpus)} of {cpus(node.cpus)} reserved
        </Fact>
        <Fact name="Memory">
          {bytes(node.reservedMemory)} of {bytes(node.memory)} reserved
        </Fact>
        <Fact name="Labels">{labelsText(node.labels) || 'none'}</Fact>
        {node.message && <Fact name="Said">{node.message}</Fact>}
      </Facts>
      <PageTabs
        parts={[
          { name: 'tasks', title: 'Tasks', show: () => <TaskTable filter={{ node: node.id }} /> },
          { name: 'containers', title: 'Containers', show: () => <ContainerTable node={node.id} /> },
          { name: 'use', title: 'Use', show: () => <Use of={`node=${node.id}`} isHost /> },
        ]}
      />
    </Page>
  );
}

type Question = 'drain' | 'labels' | 'role' | 'remove';

function Actions({ node }: { node: NodeRow }) {
  const [question, setQuestion] = useState<Question>();
  const [labels, setLabels] = useState(labelsText(node.labels));
  const [, navigate] = useLocation();
  const { id, name, availability, role, state } = node;
  const close = (): void => setQuestion(undefined);
  const available = (to: string) => () => changeNode(id, (spec) => ({ ...spec, Availability: to }));
  const other = role === 'manager' ? 'worker' : 'manager';
  return (
    <>
      {availability === 'active' ? (
        <Button size="xs" variant="default" onClick={() => setQuestion('drain')}>
          Drain
        </Button>
      ) : (
        <Button
          size="xs"
          variant="default"
          onClick={() =>
            void doing(`activate ${name}`, async () => {
              await available('active')();
              const command = `docker node update --availability active ${name}`;
              return { done: `${name} takes tasks again`, command };
            })
          }
        >
          Activate
        </Button>
      )}
      <Button size="xs" variant="default" onClick={() => setQuestion('labels')}>
        Labels
      </Button>
      <Button size="xs" variant="default" onClick={() => setQuestion('role')}>
        {role === 'manager' ? 'Demote' : 'Promote'}
      </Button>
      <Button size="xs" variant="default" onClick={() => setQuestion('remove')}>
        Remove
      </Button>
      {question === 'drain' && (
        <Ask
          title={`Drain ${name}`}
          action="Drain"
          command={`docker node update --availability drain ${name}`}
          onClose={close}
          onDo={() =>
            doing(`drain ${name}`, async () => {
              await available('drain')();
              return { done: `${name} is being drained`, undo: available('active') };
            })
          }
        >
          <Text size="sm">Its tasks are stopped, and made up for on other nodes where those fit.</Text>
          <Leaving node={id} />
        </Ask>
      )}
      {question === 'labels' && (
        <Ask
          title={`Labels of ${name}`}
          action="Save"
          command={labelCommand(name, node.labels, labelsOf(labels))}
          onClose={close}
          onDo={() =>
            doing(`label ${name}`, async () => {
              await changeNode(id, (spec) => ({ ...spec, Labels: labelsOf(labels) }));
              return `${name} has the labels`;
            })
          }
        >
          <TextInput
            label="Labels"
            description="name=value, with commas between them"
            value={labels}
            onChange={(event) => setLabels(event.currentTarget.value)}
            data-autofocus
          />
          <Text size="sm">Tasks whose constraints are not met any more are stopped.</Text>
        </Ask>
      )}
      {question === 'role' && (
        <Ask
          title={role === 'manager' ? `Make ${name} a worker` : `Make ${name} a manager`}
          action={role === 'manager' ? 'Demote' : 'Promote'}
          command={`docker node ${role === 'manager' ? 'demote' : 'promote'} ${name}`}
          onClose={close}
          onDo={() =>
            doing(`make ${name} a ${other}`, async () => {
              await changeNode(id, (spec) => ({ ...spec, Role: other }));
              return `${name} becomes a ${other}`;
            })
          }
        />
      )}
      {question === 'remove' && (
        <Ask
          title={`Remove ${name}`}
          action="Remove"
          color="red.9"
          name={name}
          command={`docker node rm ${state === 'down' ? '' : '--force '}${name}`}
          onClose={close}
          onDo={async () => {
            const isDone = await doing(`remove ${name}`, async () => {
              await remove(`/nodes/${id}?force=${state === 'down' ? 'false' : 'true'}`);
              return `${name} is removed`;
            });
            if (isDone) navigate('/nodes');
            return isDone;
          }}
        >
          <Text size="sm">
            It is refused from then on; to come back it has to leave the swarm and join again.
          </Text>
          <Leaving node={id} />
        </Ask>
      )}
    </>
  );
}
