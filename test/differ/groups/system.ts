/** What an engine says of itself in a swarm: info, version, disk use, events. */
import { type Group, runs } from '../step.ts';

const SINCE = 'docker events --since $BEGAN --until $(date +%s)';
const SHORT = "--format '{{.Type}} {{.Action}} {{.Scope}}'";

export const system: Group = {
  name: 'system',
  begins: 'swarm',
  steps: [
    'docker version',
    'docker version --format {{json .Server.Components}}',
    // In an order of chance.
    'docker info | grep -v Runtimes:',
    { two: 'docker info | grep -v Runtimes:' },
    'docker info --format {{json .Swarm}}',
    { two: 'docker info --format {{json .Swarm}}' },
    'docker info --format {{json .Plugins}}',
    'docker info --format {{json .Warnings}}',
    'docker info --format {{.Nonsense}}',
    { quietly: 'sleep 1; date +%s', as: 'BEGAN' },
    { quietly: 'docker network create -d overlay net' },
    { quietly: 'printf a | docker secret create secret -; printf a | docker config create config -' },
    {
      quietly:
        'docker service create -d --no-resolve-image --name web --network net --secret secret --constraint node.hostname==one whoami',
    },
    runs('web', '1/1'),
    {
      quietly:
        'docker node update --label-add a=1 two; docker service update -d --no-resolve-image --label-add a=1 web',
    },
    { quietly: 'docker swarm update --task-history-limit 4' },
    'docker system df',
    'docker system df --format {{json .}}',
    "docker system df -v --format '{{len .Images}} {{len .Containers}} {{len .Volumes}}'",
    'docker ps --size --format {{.Size}}',
    { quietly: 'docker service rm web; docker secret rm secret; docker config rm config' },
    { until: 'docker ps -aq | wc -l', shows: '0' },
    { quietly: 'docker network rm net; sleep 1' },
    `${SINCE} --filter scope=swarm --format '{{.Type}} {{.Action}} {{json .Actor.Attributes}}' | grep -v 'node update ."name":"one".$'`,
    `${SINCE} --filter type=service ${SHORT}`,
    `${SINCE} --filter type=node --filter node=two ${SHORT}`,
    `${SINCE} --filter type=secret ${SHORT}`,
    `${SINCE} --filter type=config ${SHORT}`,
    `${SINCE} --filter type=network --filter scope=swarm ${SHORT}`,
    `${SINCE} --filter type=network --filter scope=local --format '{{.Action}} {{json .Actor.Attributes}}' | sed 's/"container":"[^"]*"//'`,
    `${SINCE} --filter type=container --format '{{.Action}}'`,
    `${SINCE} --filter service=web ${SHORT} | sort`,
    `${SINCE} --filter node=two ${SHORT}`,
    `${SINCE} --filter event=create --filter scope=swarm ${SHORT}`,
    `${SINCE} --filter secret=secret ${SHORT}`,
    `${SINCE} --filter nonsense=a --filter type=config`,
    `${SINCE} --filter scope=nonsense`,
    'docker events --since nonsense --until 1',
    `${SINCE} --filter type=node --filter node=two`,
    `${SINCE} --filter type=service --format '{{json .}}' | head -1`,
    'docker network ls --filter label=x --quiet',
    'docker plugin ls',
    'docker service create -d --mode global --generic-resource nonsense busybox',
    'docker checkpoint ls web',
  ],
};
