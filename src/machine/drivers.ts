import { type Driver, type Machine, MachineError } from './driver.ts';
import { lab } from './lab/driver.ts';
import { ssh } from './ssh/driver.ts';

const drivers: readonly Driver[] = [lab, ssh];

/** The driver of that name, also as docker-machine called it; throws when there is none. */
export function driverNamed(name: string): Driver {
  const driver = drivers.find((d) => d.name === (name === 'generic' ? 'ssh' : name));
  if (driver) return driver;
  throw new MachineError(
    `Driver "${name}" does not exist here. lab: hosts made on this machine ("create -d lab NAME").\n` +
      `ssh: servers that you have ("create -d ssh --ssh-host USER@HOST NAME").`,
  );
}

/** The driver that made the machine. */
export function driverOf(machine: Machine): Driver {
  return driverNamed(machine.driver);
}
