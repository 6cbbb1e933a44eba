/** One container, on whichever host it is. */
import { Button, Code, Menu, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation, useParams } from 'wouter';
import type { ContainerRow } from '../../../../src/ui/protocol.ts';
import { get, post, remove } from '../../api/http.ts';
import { useList } from '../../api/live.ts';
import { actionsOf, containerTone, containerWord } from '../../format/container.ts';
import { exitText } from '../../format/state.ts';
import { Age } from '../../parts/Age.tsx';
import { Answered } from '../../parts/Answered.tsx';
import { Ask, Command } from '../../parts/Ask.tsx';
import { doing } from '../../parts/doing.tsx';
import { Fact, Facts } from '../../parts/Facts.tsx';
import { Found } from '../../parts/Found.tsx';
import { Link } from '../../parts/Link.tsx';
import { LogView } from '../../parts/LogView.tsx';
import { Page } from '../../parts/Page.tsx';
import { PageTabs } from '../../parts/PageTabs.tsx';
import { Sign } from '../../parts/Sign.tsx';
import { Use } from '../../parts/Use.tsx';
import { useRights } from '../../parts/who.ts';

export function Container() {
  const { node = '', id = '' } = useParams();
  const is = (row: ContainerRow): boolean =>
    (row.node === node || row.nodeName === node) && (row.container.startsWith(id) || row.name === id);
  return (
    <Found
      kind="container"
      name={`${id.slice(0, 12)} on this host`}
      list={useList('containers')}
      is={is}
      all="/containers"
    >
      {(found) => <ContainerPage of={found} />}
    </Found>
  );
}

function ContainerPage({ of }: { of: ContainerRow }) {
  const rights = useRights();
  const { node, container, name, task, state } = of;
  return (
    <Page
      title={name}
      mark={<Sign tone={containerTone(of)} word={containerWord(of)} />}
      actions={rights.change(of.stack) && <Actions of={of} />}
    >
      <Facts>
        <Fact name="Node">
          <Link to={`/nodes/${node}`}>{of.nodeName}</Link>
        </Fact>
        <Fact name="Image">{of.image}</Fact>
        {task && (
          <Fact name="Task">
            <Link to={`/tasks/${task}`}>{of.service ?? task.slice(0, 12)}</Link>
          </Fact>
        )}
        <Fact name={state === 'running' ? 'Runs since' : 'Since'}>
          <Age of={of.at || of.created} />
        </Fact>
        {of.ports.length > 0 && <Fact name="Ports">{of.ports.join(', ')}</Fact>}
        {of.networks.length > 0 && <Fact name="Networks">{of.networks.join(', ')}</Fact>}
        {of.volumes.length > 0 && <Fact name="Volumes">{of.volumes.join(', ')}</Fact>}
        {of.exitCode !== undefined && <Fact name="Exit code">{exitText(of.exitCode)}</Fact>}
      </Facts>
      <PageTabs
        parts={[
          {
            name: 'log',
            title: 'Log',
            show: () => <LogView channel={`logs?node=${node}&container=${container}`} of={name} />,
          },
          { name: 'use', title: 'Use', show: () => <Use of={`node=${node}&container=${container}`} /> },
          { name: 'inspect', title: 'Inspect', show: () => <Inspect of={of} /> },
        ]}
      />
    </Page>
  );
}

function Actions({ of }: { of: ContainerRow }) {
  const { operate } = useRights();
  const [isRemoved, setRemoved] = useState(false);
  const [, navigate] = useLocation();
  const { node, container, name, state } = of;
  const path = `/essaim/nodes/${node}/containers/${container}`;
  const act = (action: string): void =>
    void doing(`${action} ${name}`, async () => {
      await post(`${path}/${action}`);
      return {
        done: `${name}: ${action} is done`,
        command: `docker ${action} ${name}   # on ${of.nodeName}`,
      };
    });
  const [first, ...more] = actionsOf(of);
  return (
    <>
      {state === 'running' && (
        <Button
          size="xs"
          variant="default"
          component="a"
          href={`/ui/console/${container}?node=${node}&name=${encodeURIComponent(name)}`}
        >
          Console
        </Button>
      )}
      {first && (
        <Button size="xs" variant="default" tt="capitalize" onClick={() => act(first)}>
          {first}
        </Button>
      )}
      <Menu position="bottom-end">
        <Menu.Target>
          <Button size="xs" variant="default">
            More
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {more.map((action) => (
            <Menu.Item key={action} tt="capitalize" onClick={() => act(action)}>
              {action}
            </Menu.Item>
          ))}
          {operate && <Menu.Item onClick={() => setRemoved(true)}>Remove</Menu.Item>}
        </Menu.Dropdown>
      </Menu>
      {isRemoved && (
        <Ask
          title={`Remove ${name}`}
          action="Remove"
          color="red.9"
          name={of.task ? undefined : name}
          command={`docker rm --force ${name}   # on ${of.nodeName}`}
          onClose={() => setRemoved(false)}
          onDo={async () => {
            const isDone = await doing(`remove ${name}`, async () => {
              await remove(`${path}?force=1`);
              return `${name} is removed`;
            });
            if (isDone) navigate('/containers');
            return isDone;
          }}
        >
          <Text size="sm">
            {of.task
              ? 'It is a task’s: the service starts another one, if it is to have one.'
              : 'What was written into it is lost. Volumes stay.'}
          </Text>
        </Ask>
      )}
    </>
  );
}

function Inspect({ of: { node, container, at, state } }: { of: ContainerRow }) {
  const query = useQuery({
    queryKey: ['container', node, container, at, state],
    queryFn: () => get<object>(`/essaim/nodes/${node}/containers/${container}/json`),
    placeholderData: (before) => before,
  });
  return (
    <Answered what="the facts" query={query} height={200}>
      {(data) => (
        <>
          <Command text={`docker inspect ${container.slice(0, 12)}`} />
          <Code block mt="sm" aria-label="What the engine says of it" tabIndex={0}>
            {JSON.stringify(data, null, 2)}
          </Code>
        </>
      )}
    </Answered>
  );
}
