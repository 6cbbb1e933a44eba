import type { ServiceSpec } from '../../src/model/spec.ts';

/** A service as people run them. */
export function serviceSpec(number: number, replicas: number): ServiceSpec {
  return {
    Name: `bench-${number}`,
    Labels: { 'com.example.team': 'web' },
    TaskTemplate: {
      ContainerSpec: {
        Image: `registry.example.com/team/service-${number}:1.27.3`,
        Args: ['serve', '--listen', ':8080'],
        Env: Array.from(
          { length: 10 },
          (_, index) => `SETTING_${index}=the value of setting number ${index}`,
        ),
      },
      Resources: { Reservations: { NanoCPUs: 100_000_000, MemoryBytes: 134_217_728 } },
    },
    Mode: { Replicated: { Replicas: replicas } },
  };
}
