/** The fields of a service's form: where each stands in the spec, how it is written, and which option of the docker command sets it. */
import {
  CONTAINER,
  choiceField,
  type Field,
  NANO,
  numberField,
  type Place,
  pairsField,
  sizeField,
  textField,
  wordsField,
} from './kinds.ts';
import { CONSTRAINTS, filesField, MOUNTS, NETWORKS, PORTS } from './lists.ts';

/** Global services have one task on each node, and jobs run as often as they run. */
const REPLICAS: Field = {
  ...numberField(
    { key: 'replicas', section: 'Container', label: 'Replicas' },
    'Mode.Replicated.Replicas',
    'replicas',
  ),
  read: (spec) => (spec.Mode?.Replicated ? String(spec.Mode.Replicated.Replicas ?? 1) : undefined),
};

const at = (section: string, key: string, label: string, help?: string): Place => ({
  ...{ section, key, label },
  ...(help && { help }),
});
const resources = 'TaskTemplate.Resources';
const restart = 'TaskTemplate.RestartPolicy';

export const FIELDS: readonly Field[] = [
  textField(at('Container', 'image', 'Image'), `${CONTAINER}.Image`, 'image'),
  REPLICAS,
  wordsField(
    at('Container', 'command', 'Entrypoint', 'a word in each line'),
    `${CONTAINER}.Command`,
    'entrypoint',
  ),
  wordsField(at('Container', 'args', 'Arguments', 'a word in each line'), `${CONTAINER}.Args`, 'args'),
  textField(at('Container', 'user', 'User'), `${CONTAINER}.User`, 'user'),
  textField(at('Container', 'dir', 'Working directory'), `${CONTAINER}.Dir`, 'workdir'),
  textField(at('Container', 'hostname', 'Hostname'), `${CONTAINER}.Hostname`, 'hostname'),
  pairsField(at('Environment', 'env', 'Variables', 'NAME=value in each line'), `${CONTAINER}.Env`, 'env'),
  PORTS,
  NETWORKS,
  MOUNTS,
  filesField('Config'),
  filesField('Secret'),
  numberField(
    at('Resources', 'limitCpu', 'Processors, at most'),
    `${resources}.Limits.NanoCPUs`,
    'limit-cpu',
    NANO,
  ),
  sizeField(
    at('Resources', 'limitMemory', 'Memory, at most', '512M'),
    `${resources}.Limits.MemoryBytes`,
    'limit-memory',
  ),
  numberField(
    at('Resources', 'reserveCpu', 'Processors, reserved'),
    `${resources}.Reservations.NanoCPUs`,
    'reserve-cpu',
    NANO,
  ),
  sizeField(
    at('Resources', 'reserveMemory', 'Memory, reserved', '256M'),
    `${resources}.Reservations.MemoryBytes`,
    'reserve-memory',
  ),
  CONSTRAINTS,
  choiceField(
    at('Restarts', 'restartCondition', 'Started again'),
    `${restart}.Condition`,
    'restart-condition',
    ['any', 'on-failure', 'none'],
  ),
  numberField(
    at('Restarts', 'restartDelay', 'After, seconds'),
    `${restart}.Delay`,
    'restart-delay',
    NANO,
    's',
  ),
  numberField(
    at('Restarts', 'restartAttempts', 'At most so often'),
    `${restart}.MaxAttempts`,
    'restart-max-attempts',
  ),
  numberField(
    at('Restarts', 'grace', 'Time to stop, seconds'),
    `${CONTAINER}.StopGracePeriod`,
    'stop-grace-period',
    NANO,
    's',
  ),
  numberField(
    at('Updates', 'parallelism', 'So many at a time', '0: all at once'),
    'UpdateConfig.Parallelism',
    'update-parallelism',
  ),
  numberField(
    at('Updates', 'updateDelay', 'Pause between them, seconds'),
    'UpdateConfig.Delay',
    'update-delay',
    NANO,
    's',
  ),
  choiceField(at('Updates', 'order', 'Order'), 'UpdateConfig.Order', 'update-order', [
    'stop-first',
    'start-first',
  ]),
  choiceField(
    at('Updates', 'failureAction', 'When one fails'),
    'UpdateConfig.FailureAction',
    'update-failure-action',
    ['pause', 'continue', 'rollback'],
  ),
  pairsField(at('Labels', 'labels', 'Of the service', 'NAME=value in each line'), 'Labels', 'label'),
  pairsField(
    at('Labels', 'containerLabels', 'Of its containers', 'NAME=value in each line'),
    `${CONTAINER}.Labels`,
    'container-label',
  ),
];
