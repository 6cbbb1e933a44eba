/** The swarm itself: beginning, joining, leaving, its settings, tokens and certificates. */
import type { Group } from '../step.ts';

const SWARM = "docker info --format '{{json .Swarm.Cluster.Spec}} {{json .Swarm.Cluster.DefaultAddrPool}}'";

/** After a command that was to be refused: with Docker's there may be one nevertheless. */
const LEFT = { quietly: 'docker swarm leave --force || true' };

export const cluster: Group = {
  name: 'cluster',
  begins: 'alone',
  steps: [
    // Outside of any swarm.
    'docker swarm leave',
    'docker swarm leave --force',
    'docker swarm update --task-history-limit 1',
    'docker swarm join-token worker',
    'docker swarm ca',
    'docker swarm unlock-key',
    'echo SWMKEY-1-nonsense | docker swarm unlock',
    'docker node ls',
    'docker node inspect self',
    'docker service ls',
    'docker service create busybox',
    'docker stack ls',
    'docker secret ls',
    'printf x | docker config create a -',
    'docker network create -d overlay a',
    "docker info --format '{{json .Swarm}}'",

    // Beginning one: what is wrong, and then all options at once.
    'docker swarm init --advertise-addr nonsense',
    'docker swarm init --advertise-addr 999.1.1.1',
    'docker swarm init --advertise-addr 0.0.0.0',
    'docker swarm init --advertise-addr $ONE --listen-addr nonsense',
    'docker swarm init --advertise-addr $ONE --listen-addr 1.2.3.4:2377',
    'docker swarm init --advertise-addr $ONE --data-path-addr nonsense',
    'docker swarm init --advertise-addr $ONE --data-path-port 80',
    'docker swarm init --advertise-addr $ONE --data-path-port 70000',
    'docker swarm init --advertise-addr $ONE --availability nonsense',
    'docker swarm init --advertise-addr $ONE --cert-expiry 1s',
    'docker swarm init --advertise-addr $ONE --cert-expiry nonsense',
    LEFT,
    'docker swarm init --advertise-addr $ONE --dispatcher-heartbeat -1s',
    LEFT,
    'docker swarm init --advertise-addr $ONE --default-addr-pool nonsense',
    'docker swarm init --advertise-addr $ONE --default-addr-pool 10.20.0.0/16 --default-addr-pool 10.20.0.0/17',
    LEFT,
    'docker swarm init --advertise-addr $ONE --default-addr-pool 10.20.0.0/24 --default-addr-pool-mask-length 16',
    'docker swarm init --advertise-addr $ONE --default-addr-pool-mask-length 31',
    'docker swarm init --advertise-addr $ONE --external-ca nonsense',
    'docker swarm init surplus',
    "docker info --format '{{.Swarm.LocalNodeState}}'",
    'docker swarm init --advertise-addr $ONE --listen-addr $ONE --data-path-addr $ONE --data-path-port 4791 --availability active --cert-expiry 720h --dispatcher-heartbeat 3s --task-history-limit 3 --snapshot-interval 500 --max-snapshots 2 --default-addr-pool 10.20.0.0/16 --default-addr-pool-mask-length 25',
    SWARM,
    "docker info --format '{{.Swarm.Cluster.DataPathPort}} {{.Swarm.Cluster.SubnetSize}} {{.Swarm.Nodes}} {{.Swarm.Managers}} {{.Swarm.ControlAvailable}}'",
    'docker swarm init --advertise-addr $ONE',
    'docker swarm join --token x $ONE',

    // Tokens.
    'docker swarm join-token worker',
    'docker swarm join-token manager',
    'docker swarm join-token -q worker',
    'docker swarm join-token nonsense',
    'docker swarm join-token',
    'docker swarm join-token --rotate worker',
    'docker swarm join-token --rotate -q manager',

    // Joining.
    { two: 'docker swarm join' },
    { two: 'docker swarm join $ONE' },
    { two: 'docker swarm join --token nonsense $ONE:2377' },
    {
      two: 'docker swarm join --token SWMTKN-1-3pu6hszjas19xyp7ghgosyx9k8atbfcr8p2is99znpy26u2lkl-7p73s1dx5in4tatdymyhg9hu2 $ONE:2377',
    },
    {
      two: 'docker swarm join --token SWMTKN-1-3pu6hszjas19xyp7ghgosyx9k8atbfcr8p2is99znpy26u2lkl-7p73s1dx5in4tatdymyhg9hu2 $TWO:1',
    },
    {
      two: 'docker swarm join --token SWMTKN-1-3pu6hszjas19xyp7ghgosyx9k8atbfcr8p2is99znpy26u2lkl-7p73s1dx5in4tatdymyhg9hu2 nonsense:nonsense',
    },
    { two: 'docker swarm join --availability nonsense --token x $ONE:2377' },
    { quietly: 'docker swarm join-token -q worker', as: 'TOKEN' },
    {
      two: 'docker swarm join --token $TOKEN --listen-addr $TWO:2377 --advertise-addr $TWO --data-path-addr $TWO --availability drain $ONE:2377',
    },
    { two: 'docker swarm join --token $TOKEN $ONE:2377' },
    { two: 'docker swarm init' },
    { two: 'docker swarm init --force-new-cluster' },
    {
      two: "docker info --format '{{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}} {{.Swarm.Nodes}} {{.Swarm.Error}} {{json .Swarm.Cluster}}'",
    },
    {
      until: 'docker node ls --format {{.Hostname}}:{{.Status}}:{{.Availability}} | sort',
      shows: 'one:Ready:Active\ntwo:Ready:Drain',
    },
    'docker node ls',
    { two: 'docker node ls' },
    { two: 'docker swarm update --task-history-limit 1' },
    { two: 'docker swarm join-token worker' },
    { two: 'docker swarm ca' },
    { two: 'docker swarm unlock-key' },
    { two: 'docker service ls' },
    { two: 'docker service create busybox' },
    { two: 'docker stack ls' },
    { two: 'docker stack deploy -c stack.yml a' },
    { two: 'docker secret ls' },
    { two: 'printf x | docker config create a -' },

    // Settings.
    'docker swarm update',
    'docker swarm update --task-history-limit 7',
    'docker swarm update --task-history-limit nonsense',
    'docker swarm update --cert-expiry 48h --dispatcher-heartbeat 4s --max-snapshots 1 --snapshot-interval 600',
    SWARM,
    'docker swarm update --cert-expiry 30m',
    'docker swarm update --dispatcher-heartbeat -1s',
    'docker swarm update --task-history-limit -1',
    'docker swarm update --autolock=false',
    'docker swarm update --external-ca nonsense',
    'docker swarm update surplus',
    SWARM,
    'docker swarm unlock-key',
    'docker swarm unlock-key -q',
    'echo SWMKEY-1-nonsense | docker swarm unlock',

    // Certificates.
    'docker swarm ca',
    'docker swarm ca --detach',
    'docker swarm ca --quiet',
    'docker swarm ca --ca-cert stack.yml',
    'docker swarm ca --rotate --ca-cert nosuch',
    'docker swarm ca --rotate --ca-cert stack.yml',
    'docker swarm ca --rotate --cert-expiry 1m',
    'docker swarm ca --rotate --detach --cert-expiry 72h',
    SWARM,

    { until: 'docker node ls --format {{.TLSStatus}} | sort -u', shows: 'Ready' },
    'docker swarm ca --rotate',
    'docker swarm ca --rotate --quiet',

    // Leaving.
    { two: 'docker swarm leave' },
    { until: 'docker node ls --filter name=two --format {{.Status}}', shows: 'Down' },
    'docker node ls',
    { two: 'docker swarm leave' },
    { quietly: 'docker swarm join-token -q worker', as: 'TOKEN' },
    { two: 'docker swarm join --token $TOKEN $ONE:2377' },
    {
      until: 'docker node ls --format {{.Hostname}}:{{.Status}} | sort',
      shows: 'one:Ready\ntwo:Down\ntwo:Ready',
    },
    'docker node rm two',
    'docker swarm leave',
    'docker swarm leave --force',
    'docker swarm leave --force',
    "docker info --format '{{json .Swarm}}'",
    // Whose manager is gone.
    { two: "docker info --format '{{.Swarm.LocalNodeState}}'" },
    { two: 'docker node ls' },
    { two: 'docker swarm leave' },
  ],
};
