import { type Driver, type Machine, MachineError } from './driver.ts';
import { lab } from './lab/driver.ts';

const drivers: readonly Driver[] = [lab];

/** The driver of that name; throws when there is none. */
export function driverNamed(name: string): Driver {
  const driver = drivers.find((d) => d.name === name);
  if (driver) return driver;
  throw new MachineError(
    `Driver "${name}" does not exist. Drivers: ${drivers.map((d) => d.name).join(', ')}.`,
  );
}

/** The driver that made the machine. */
export function driverOf(machine: Machine): Driver {
  return driverNamed(machine.driver);
}
