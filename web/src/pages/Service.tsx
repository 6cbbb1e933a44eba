/** One service: its tasks, its log, its settings, and what can be done with it. */
import { Anchor, Button, Menu, Skeleton, Stack, Text, TextInput } from '@mantine/core';
import { lazy, type ReactNode, Suspense, useState } from 'react';
import { useLocation, useParams } from 'wouter';
import type { ServiceRow } from '../../../src/ui/protocol.ts';
import { removeService, restart, rollBack, setImage } from '../api/actions.ts';
import { useList } from '../api/live.ts';
import { stackPage } from '../format/paths.ts';
import { portText } from '../format/ports.ts';
import { counted } from '../format/size.ts';
import { serviceTone, serviceWord } from '../format/state.ts';
import { Age } from '../parts/Age.tsx';
import { Ask } from '../parts/Ask.tsx';
import { doing } from '../parts/doing.tsx';
import { Fact, Facts } from '../parts/Facts.tsx';
import { Found } from '../parts/Found.tsx';
import { Link } from '../parts/Link.tsx';
import { LogView } from '../parts/LogView.tsx';
import { Page } from '../parts/Page.tsx';
import { PageTabs } from '../parts/PageTabs.tsx';
import { Scale } from '../parts/Scale.tsx';
import { Sign } from '../parts/Sign.tsx';
import { Use } from '../parts/Use.tsx';
import { useRights } from '../parts/who.ts';
import { Timeline } from './services/Timeline.tsx';
import { TaskTable } from './Tasks.tsx';

const Settings = lazy(() => import('./services/Settings.tsx').then((m) => ({ default: m.Settings })));

export function Service() {
  const { id = '' } = useParams();
  const is = (row: ServiceRow): boolean => row.id === id || row.name === id;
  return (
    <Found kind="service" name={id} list={useList('services')} is={is} all="/services">
      {(service) => <ServicePage service={service} />}
    </Found>
  );
}

function ServicePage({ service }: { service: ServiceRow }) {
  const rights = useRights();
  const { id, name, stack, update, problems } = service;
  return (
    <Page
      title={name}
      mark={<Sign tone={serviceTone(service)} word={serviceWord(service)} />}
      actions={rights.change(stack) && <Actions service={service} />}
    >
      <Facts>
        <Fact name="Running">
          <span data-replicas>
            {service.running}/{service.wanted}
          </span>
        </Fact>
        <Fact name="Mode">{service.mode}</Fact>
        <Fact name="Image">{service.image}</Fact>
        {stack && (
          <Fact name="Stack">
            <Link to={stackPage(stack)}>{stack}</Link>
          </Fact>
        )}
        {service.ports.length > 0 && (
          <Fact name="Ports">
            {service.ports.map((port) => (
              <Port
                key={portText(port)}
                text={portText(port)}
                published={port.published}
                protocol={port.protocol}
              />
            ))}
          </Fact>
        )}
        <Fact name="Changed">
          <Age of={service.updated} ago />
        </Fact>
        {update && (
          <Fact name="Last update">
            <Link to={`/services/${id}?tab=update`}>{update.state.replaceAll('_', ' ')}</Link>:{' '}
            {update.message}
          </Fact>
        )}
      </Facts>
      {problems.length > 0 && (
        <Stack gap={4} role="status">
          {problems.map((problem) => (
            <Text key={problem} size="sm" c="red.9" className="problem">
              ▲ {problem}
            </Text>
          ))}
        </Stack>
      )}
      <PageTabs
        parts={[
          { name: 'tasks', title: 'Tasks', show: () => <TaskTable filter={{ service: id }} /> },
          {
            name: 'logs',
            title: 'Logs',
            show: () => <LogView channel={`logs?service=${id}`} of={name} />,
          },
          { name: 'update', title: 'Update', show: () => <Timeline service={service} /> },
          { name: 'use', title: 'Use', show: () => <Use of={`service=${id}`} /> },
          {
            name: 'settings',
            title: 'Settings',
            show: () => (
              <Suspense fallback={<Skeleton height={200} aria-label="The settings are being loaded" />}>
                <Settings service={service} />
              </Suspense>
            ),
          },
        ]}
      />
    </Page>
  );
}

function Port({ text, published, protocol }: { text: string; published?: number; protocol: string }) {
  if (published === undefined || protocol !== 'tcp') return <span>{text} </span>;
  return (
    <Anchor href={`http://${location.hostname}:${published}/`} target="_blank" rel="noreferrer" size="sm">
      {text}{' '}
    </Anchor>
  );
}

type Question = 'image' | 'restart' | 'rollback' | 'remove';

function Actions({ service }: { service: ServiceRow }) {
  const [question, setQuestion] = useState<Question>();
  const [image, setNewImage] = useState(service.image);
  const [, navigate] = useLocation();
  const { id, name, running } = service;
  const close = (): void => setQuestion(undefined);
  const tasks = counted(running, 'task');
  const ask: Record<Question, () => ReactNode> = {
    image: () => (
      <Ask
        title={`Another image for ${name}`}
        action="Update"
        command={`docker service update --image ${image} ${name}`}
        onClose={close}
        onDo={() =>
          doing(`update ${name}`, async () => {
            await setImage(id, image);
            return { done: `${name} is being updated to ${image}`, undo: () => rollBack(id) };
          })
        }
      >
        <TextInput
          label="Image"
          value={image}
          onChange={(event) => setNewImage(event.currentTarget.value)}
          data-autofocus
        />
        <Text size="sm">{tasks} will be replaced, as the service’s update settings say.</Text>
      </Ask>
    ),
    restart: () => (
      <Ask
        title={`Restart ${name}`}
        action="Restart"
        command={`docker service update --force ${name}`}
        onClose={close}
        onDo={() =>
          doing(`restart ${name}`, async () => {
            await restart(id);
            return `${name}: its tasks are being replaced`;
          })
        }
      >
        <Text size="sm">{tasks} will be replaced, as the service’s update settings say.</Text>
      </Ask>
    ),
    rollback: () => (
      <Ask
        title={`Roll ${name} back`}
        action="Roll back"
        command={`docker service rollback ${name}`}
        onClose={close}
        onDo={() =>
          doing(`roll ${name} back`, async () => {
            await rollBack(id);
            return `${name} is being rolled back`;
          })
        }
      >
        <Text size="sm">The service gets the settings that it had before its last change.</Text>
      </Ask>
    ),
    remove: () => (
      <Ask
        title={`Remove ${name}`}
        action="Remove"
        color="red.9"
        command={`docker service rm ${name}`}
        onClose={close}
        onDo={async () => {
          const isDone = await doing(`remove ${name}`, async () => {
            await removeService(id);
            return `${name} is removed`;
          });
          if (isDone) navigate('/services');
          return isDone;
        }}
      >
        <Text size="sm">Its {tasks} will be stopped. Volumes stay.</Text>
      </Ask>
    ),
  };
  return (
    <>
      {service.mode === 'replicated' && <Scale service={service} />}
      <Button size="xs" variant="default" onClick={() => setQuestion('image')}>
        Update
      </Button>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button size="xs" variant="default">
            More
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => setQuestion('restart')}>Restart</Menu.Item>
          <Menu.Item onClick={() => setQuestion('rollback')}>Roll back</Menu.Item>
          <Menu.Item onClick={() => setQuestion('remove')}>Remove</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {question && ask[question]()}
    </>
  );
}
