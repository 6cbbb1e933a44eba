/** The dashboard of docs/, as far as it can be judged without a Grafana; a Prometheus judges its expressions (test/e2e). */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

const FILE = new URL('../../docs/grafana-dashboard.json', import.meta.url);
const COLUMNS = 24;

interface Panel {
  id: number;
  title: string;
  datasource: { uid: string };
  gridPos: { x: number; y: number; w: number; h: number };
  targets: Array<{ refId: string }>;
}

test('panels of the dashboard stand beside each other, and ask the data source that is chosen', async () => {
  const { panels, templating } = JSON.parse(await readFile(FILE, 'utf8')) as {
    panels: Panel[];
    templating: { list: Array<{ name: string; type: string }> };
  };
  const sources = templating.list
    .filter(({ type }) => type === 'datasource')
    .map(({ name }) => `\${${name}}`);
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  const taken = new Map<string, string>();
  for (const { title, datasource, gridPos, targets } of panels) {
    assert.ok(sources.includes(datasource.uid), title);
    assert.equal(new Set(targets.map(({ refId }) => refId)).size, targets.length, title);
    assert.ok(gridPos.x + gridPos.w <= COLUMNS, title);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        assert.equal(taken.get(`${x} ${y}`), undefined, `${title} covers ${taken.get(`${x} ${y}`)}`);
        taken.set(`${x} ${y}`, title);
      }
    }
  }
});
