import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linkOf } from '../names.ts';
import { testOverlay } from '../testing/overlay.ts';
import { goneFrom, presentState, standIns, withoutGone } from './gone.ts';
import { overlayTable } from './rules.ts';

test('gone is who is of this host, takes part, and has no port here', () => {
  const overlay = testOverlay();
  assert.deepEqual(goneFrom(overlay, []), ['here']);
  assert.deepEqual(goneFrom(overlay, ['10.0.1.5', 'fd01:0::5']), []);
  assert.deepEqual(goneFrom(overlay, ['fd01:0:0::5']), []);
  const [web] = overlay.services;
  assert.deepEqual(goneFrom({ ...overlay, services: [{ ...web!, ready: ['there'] }] }, []), []);
});

test('nothing is left of who is gone but that it is refused; where nobody is, all is as the manager says', () => {
  const overlay = testOverlay();
  assert.equal(withoutGone(overlay, []), overlay);
  const present = withoutGone(overlay, ['here']);
  assert.deepEqual(present.services[0]!.ready, ['there']);
  const alone = standIns(overlay, ['here']);
  assert.deepEqual(alone, [
    ['10.0.1.5', '10.0.1.5'],
    ['fd01::5', 'fd01::5'],
  ]);
  const { sets } = overlayTable(present, linkOf(0), undefined, alone);
  assert.deepEqual([...sets.get('gone4')!.elements.keys()], ['10.0.1.5']);
  assert.equal(sets.get('instead4')!.elements.size, 0);
  assert.deepEqual([...sets.get('gone6')!.elements.keys()], ['fd01::5']);
  assert.deepEqual([...sets.get('service_web_ip')!.elements.values()], ['10.0.1.6']);
});

test('another container of the service on the same host answers in place of one that is gone', () => {
  const sample = testOverlay();
  const [here] = sample.endpoints;
  const second = { ...here!, id: 'second', addresses: ['10.0.1.7', 'fd01::7'] };
  const services = [{ ...sample.services[0]!, ready: ['here', 'there', 'second'] }];
  const overlay = { ...sample, endpoints: [...sample.endpoints, second], services };
  const instead = standIns(overlay, ['here']);
  assert.deepEqual(instead, [
    ['10.0.1.5', '10.0.1.7'],
    ['fd01::5', 'fd01::7'],
  ]);
  const { sets } = overlayTable(withoutGone(overlay, ['here']), linkOf(0), undefined, instead);
  assert.deepEqual([...sets.get('instead6')!.elements], [['fd01::5', 'fd01::7']]);
  assert.equal(sets.get('gone6')!.elements.size, 0);
});

test('published ports lead to nobody who is gone', () => {
  const networks = [testOverlay({ ingress: true })];
  const targets = ['10.0.1.5', '10.0.1.6', 'fd01::5'];
  const published = [{ protocol: 'tcp' as const, port: 80, targetPort: 80, serviceId: 'web', targets }];
  const state = { revision: 1, dataPathPort: 4789, networks, published };
  assert.equal(presentState(state, new Map()), state);
  const present = presentState(state, new Map([[networks[0]!.id, ['here']]]));
  assert.deepEqual(present.published[0]!.targets, ['10.0.1.6']);
  assert.deepEqual(
    present.networks[0]!.endpoints.map(({ id }) => id),
    ['there'],
  );
});
