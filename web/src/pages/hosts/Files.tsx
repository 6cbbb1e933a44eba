/** What is in a volume: folders to go into, files to load down and up. */
import '@mantine/core/styles/Breadcrumbs.css';
import { Anchor, Breadcrumbs, Button, FileButton, Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useParams, useSearchParams } from 'wouter';
import type { FileRow } from '../../../../src/ui/protocol.ts';
import { get, put } from '../../api/http.ts';
import { useList } from '../../api/live.ts';
import { curl, word } from '../../format/command.ts';
import { partOf } from '../../format/paths.ts';
import { bytes } from '../../format/size.ts';
import { Age } from '../../parts/Age.tsx';
import { Answered } from '../../parts/Answered.tsx';
import { doing } from '../../parts/doing.tsx';
import { Link } from '../../parts/Link.tsx';
import { Page } from '../../parts/Page.tsx';
import { useRights } from '../../parts/who.ts';

export function Files() {
  const { node = '', name: param } = useParams();
  const name = partOf(param);
  const { operate } = useRights();
  const [params] = useSearchParams();
  const path = params.get('path') ?? '';
  const host = useList('nodes').rows.find(({ id }) => id === node)?.name ?? node;
  const volume = `/essaim/nodes/${node}/volumes/${encodeURIComponent(name)}`;
  const query = useQuery({
    queryKey: ['files', node, name, path],
    queryFn: () => get<FileRow[]>(`${volume}/files?path=${encodeURIComponent(path)}`),
  });
  const steps = path.split('/').filter(Boolean);
  const upload = async (files: File[]): Promise<void> => {
    for (const file of files) {
      const inside = `${volume}/file?path=${encodeURIComponent([...steps, file.name].join('/'))}`;
      await doing(`put ${file.name} into ${name}`, async () => {
        await put(inside, file);
        return {
          done: `${file.name} is in ${[name, ...steps].join('/')}`,
          command: `${curl(location.host, 'PUT', inside)} --data-binary @${word(file.name)}`,
        };
      });
    }
    await query.refetch();
  };
  const to = (inside: string): string =>
    `/volumes/${node}/${encodeURIComponent(name)}${inside && `?path=${encodeURIComponent(inside)}`}`;
  return (
    <Page
      title={`${name} on ${host}`}
      actions={
        operate && (
          <FileButton multiple onChange={(files) => void upload(files)}>
            {(props) => (
              <Button {...props} size="xs">
                Upload
              </Button>
            )}
          </FileButton>
        )
      }
    >
      <Breadcrumbs>
        <Link to="/volumes">Volumes</Link>
        <Link to={to('')}>{name}</Link>
        {steps.map((step, index) => (
          <Link key={steps.slice(0, index + 1).join('/')} to={to(steps.slice(0, index + 1).join('/'))}>
            {step}
          </Link>
        ))}
      </Breadcrumbs>
      <Answered what="the files" query={query}>
        {(data) =>
          data.length === 0 ? (
            <Text>Nothing is in here.</Text>
          ) : (
            <Table aria-label="Files">
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>Name</Table.Th>
                  <Table.Th>Size</Table.Th>
                  <Table.Th>Changed</Table.Th>
                  <Table.Th className="desk-only">Mode</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {data.map((file) => (
                  <Table.Tr key={file.name}>
                    <Table.Td>
                      <Name file={file} inside={[...steps, file.name].join('/')} to={to} volume={volume} />
                    </Table.Td>
                    <Table.Td>{file.type === 'file' ? bytes(file.size) : file.type}</Table.Td>
                    <Table.Td>
                      <Age of={file.changed} />
                    </Table.Td>
                    <Table.Td className="desk-only">{file.mode}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          )
        }
      </Answered>
    </Page>
  );
}

interface NameProps {
  file: FileRow;
  inside: string;
  to: (inside: string) => string;
  volume: string;
}

function Name({ file, inside, to, volume }: NameProps) {
  if (file.type === 'folder') return <Link to={to(inside)}>{file.name}/</Link>;
  if (file.type === 'link') return `${file.name} → ${file.target}`;
  if (file.type === 'other') return file.name;
  return (
    <Anchor href={`${volume}/file?path=${encodeURIComponent(inside)}`} download={file.name} size="sm">
      {file.name}
    </Anchor>
  );
}
