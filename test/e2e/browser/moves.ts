/** Tasks that move, in a browser: the voting application with variables, a host that is drained, one that is lost. */
import { test } from 'node:test';
import { exampleFile } from '../../support/examples.ts';
import { eventually } from '../../support/lab.ts';
import { rowOf, type Visit } from './visit.ts';

export function moves(at: () => Visit): void {
  test('the voting application with variables is deployed, and voted at; one of its hosts is drained, and taken back', async () => {
    const { swarm, browser, page, origin } = at();
    const compose = await exampleFile('voting/docker-stack.yml');
    await page.goto(`${origin}/ui/stacks/new`);
    await page.getByLabel('Name', { exact: true }).fill('voting');
    await page.locator('input[type=file]').setInputFiles([
      { name: 'compose.yaml', mimeType: 'text/yaml', buffer: compose },
      { name: '.env', mimeType: 'text/plain', buffer: Buffer.from('POSTGRES_PASSWORD=hush\n') },
    ]);
    await page.getByText('POSTGRES_PASSWORD ✓').waitFor();
    await page.getByText('service voting_worker').waitFor();
    await page.getByRole('button', { name: 'Deploy' }).click();
    await page.getByText('Revision 1 of voting runs.').waitFor({ timeout: 120_000 });

    const visitor = await browser.visitor();
    const [here, there] = [await swarm.lab.address('ua'), await swarm.lab.address('ub')];
    const vote = async (choice: string): Promise<void> => {
      // Without Redis, which may be on its way to another host, votes are not taken.
      await eventually('the vote is taken', 60_000, async () => {
        await visitor.page.goto(`http://${there}:5000/`);
        await visitor.page.getByRole('button', { name: choice }).click();
        return visitor.page.getByText(`Thank you for your vote for ${choice}.`).isVisible();
      });
      await visitor.page.goto(`http://${here}:5001/`);
      await visitor.page.getByText(`${choice}: 1`).waitFor();
      await visitor.page.getByText('1 vote', { exact: true }).waitFor();
    };
    await vote('Cats');
    await vote('Dogs');

    const node = await swarm.docker('node', 'inspect', '--format', '{{.ID}}', 'ub');
    await page.goto(`${origin}/ui/nodes/${node}`);
    await rowOf(page, 'voting_vote').first().waitFor();
    await page.getByRole('button', { name: 'Drain' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Drain' }).click();
    await page.getByText('No tasks.').waitFor({ timeout: 60_000 });
    await page.goto(`${origin}/ui/map?q=voting_vote`);
    await page
      .locator('[data-node=ua]')
      .getByText('voting_vote.1', { exact: true })
      .waitFor({ timeout: 60_000 });
    await page.locator('[data-node=ua]').getByText('voting_vote.2', { exact: true }).waitFor();
    // All of it is on one host now, and the vote that was counted is there.
    await vote('Cats');
    await visitor.context.close();
    await page.goto(`${origin}/ui/nodes/${node}`);
    await page.getByRole('button', { name: 'Activate' }).click();
    await page.locator('[data-tone=good]').getByText('ready').waitFor();
  });

  test('a host is lost: it is said, why and where its tasks went; it comes back', async () => {
    const { swarm, page, origin } = at();
    await swarm.create(
      '--name',
      'lives',
      '--replicas',
      '2',
      '--placement-pref',
      'spread=node.id',
      'whoami:1',
    );
    await swarm.converge('lives', 2);
    await page.goto(`${origin}/ui/map?q=lives`);
    await page.locator('[data-node=ub]').getByText(/lives/).waitFor();
    await swarm.lab.must('kill', 'ub');
    await page.locator('[data-node=ub] [data-lost=true]').waitFor({ timeout: 60_000 });
    for (const name of ['lives.1', 'lives.2'])
      await page.locator('[data-node=ua]').getByText(name, { exact: true }).waitFor();
    await page.goto(`${origin}/ui/`);
    await page.getByRole('link', { name: 'ub is down' }).click();
    await page.getByText('heartbeat failure').waitFor();
    await page.goto(`${origin}/ui/services`);
    await rowOf(page, 'lives').getByText('2/2').waitFor();
    await page.goto(`${origin}/ui/containers?q=lives`);
    await rowOf(page, 'lives').getByText('unknown').first().waitFor();
    await swarm.lab.must('start', 'ub');
    await page.goto(`${origin}/ui/nodes`);
    await rowOf(page, 'ub').locator('.sign[data-tone=good]').waitFor({ timeout: 60_000 });
    await swarm.remove('lives');
    await swarm.docker('stack', 'rm', 'voting');
  });
}
