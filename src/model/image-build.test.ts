import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { buildOf, type ImageContent } from './image-build.ts';

const layers = ['sha256:5fddf7ea', 'sha256:48733bb8'];
const about = { Architecture: 'amd64', Os: 'linux', RootFS: { Layers: layers } };
const Created = '2026-11-29T08:13:22.296837555Z';
const set = {
  ...{
    Entrypoint: ['sh'],
    Cmd: ['-c', 'sleep 99'],
    Env: ['PATH=/bin', 'X=1'],
    User: '5:6',
    WorkingDir: '/w',
  },
  ...{ Shell: ['/bin/sh', '-ec'], StopSignal: 'SIGUSR1', OnBuild: ['RUN echo hi'] },
};

/** One build as engine 20.10 says it, and as 28 does from a store that calls it by its manifest. */
const OLD: ImageContent & Record<string, unknown> = {
  Id: 'sha256:2a94d50b10752',
  ...{ RepoDigests: [], Created, ...about },
  Config: {
    ...{ Hostname: '', AttachStdin: false, Tty: false, Image: 'sha256:cb0c400dc1f7' },
    ...set,
    ExposedPorts: { '80/tcp': {}, '81/udp': {} },
    Healthcheck: { Test: ['CMD-SHELL', 'test -e /f'], Interval: 5e9, Retries: 2 },
    Labels: { a: 'b', c: 'd e' },
    Volumes: { '/vol': {} },
  },
};
const NEW: ImageContent & Record<string, unknown> = {
  Id: 'sha256:2ff0c05687f02',
  ...{ RepoDigests: ['app@sha256:2ff0c05687f02'], Created, ...about },
  Config: {
    Labels: { c: 'd e', a: 'b' },
    Healthcheck: { Interval: 5e9, Retries: 2, Test: ['CMD-SHELL', 'test -e /f'] },
    ExposedPorts: { '81/udp': {}, '80/tcp': {} },
    Volumes: { '/vol': {} },
    ...set,
    ArgsEscaped: true,
  },
};

test('one build is the same in every store, as every engine says it', () => {
  assert.match(buildOf(OLD)!, /^sha256:[0-9a-f]{64}$/);
  assert.equal(buildOf(NEW), buildOf(OLD));
});

test('what is not set is said in many ways', () => {
  const plain = { ...about, Created: '' };
  const empty = { Env: null, Labels: {}, OnBuild: [], User: '', Volumes: null, Entrypoint: null };
  const one = buildOf({ ...plain, Config: {} });
  assert.equal(buildOf({ ...plain, Config: empty }), one);
  assert.equal(buildOf({ ...about, Config: empty }), one);
  assert.equal(buildOf({ ...about, Created: '0001-01-01T00:00:00Z', Config: {} }), one);
});

test('another time, layer, setting or platform is another build', () => {
  const changes: Array<Partial<ImageContent>> = [
    { Created: '2026-11-29T08:13:22.296837556Z' },
    { RootFS: { Layers: [...layers].reverse() } },
    { Architecture: 'arm64' },
    ...Object.entries({
      ...{
        Cmd: ['-c', 'sleep', '99'],
        Env: ['X=1', 'PATH=/bin'],
        User: '6:5',
        Labels: { a: 'b' },
        Shell: null,
      },
      ...{ Entrypoint: null, ExposedPorts: { '80/tcp': {} }, Healthcheck: { Test: ['NONE'] }, OnBuild: [] },
      ...{ StopSignal: 'SIGTERM', Volumes: {}, WorkingDir: '/' },
    }).map(([name, value]) => ({ Config: { ...OLD.Config, [name]: value } })),
  ];
  const builds = changes.map((change) => buildOf({ ...OLD, ...change }));
  assert.equal(new Set([buildOf(OLD), ...builds]).size, builds.length + 1);
});

test('the order in which labels are told says nothing', () => {
  const labels = fc.dictionary(fc.string(), fc.string());
  fc.assert(
    fc.property(labels, (Labels) => {
      const reversed = Object.fromEntries(Object.entries(Labels).reverse());
      const build = (Config: object) => buildOf({ ...about, Created, Config: { ...Config } });
      assert.equal(build({ Labels: reversed }), build({ Labels }));
    }),
  );
});

test('an image whose content is not here is no build', () => {
  assert.equal(buildOf({ Created: '', RootFS: {}, Config: null }), undefined);
  assert.equal(buildOf({ Created, RootFS: { Layers: null }, Config: {} }), undefined);
});
