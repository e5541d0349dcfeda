import { type ServiceName, serviceNames, services } from '@switchboard/contracts';
import { stackEnvironment } from '../config.ts';

export type AppName = 'gateway' | ServiceName;

/** The ports of the local stack, all on 127.0.0.1. */
export interface LocalPorts {
  apps: Record<AppName, number>;
  sink: number;
  postgres: number;
  nats: number;
}

export interface PortUse {
  name: string;
  port: number;
  /** The variable that moves it. */
  variable: string;
}

/** The apps the stack starts, the gateway last: it is ready when there is something behind it. */
export const appNames: readonly AppName[] = [...serviceNames, 'gateway'];

/** The defaults, moved by `<NAME>_PORT` (the gateway by `PORT`). */
export function localPorts(): LocalPorts {
  const { portOf } = stackEnvironment();
  const apps: Partial<Record<AppName, number>> = { gateway: portOf('PORT', 3000) };
  for (const name of serviceNames) apps[name] = portOf(variableOf(name), services[name].port);
  return {
    apps: completeApps(apps),
    sink: portOf('WEBHOOK_SINK_PORT', 3090),
    postgres: portOf('POSTGRES_PORT', 54_320),
    nats: portOf('NATS_PORT', 42_220),
  };
}

/** Every port the stack is going to listen on. Those of servers the operator brings are not among them. */
export function portUses(ports: LocalPorts, own: { postgres: boolean; nats: boolean }): PortUse[] {
  return [
    ...appNames.map((name) => ({ name, port: ports.apps[name], variable: variableOf(name) })),
    { name: 'webhook sink', port: ports.sink, variable: 'WEBHOOK_SINK_PORT' },
    ...(own.postgres ? [{ name: 'Postgres', port: ports.postgres, variable: 'POSTGRES_PORT' }] : []),
    ...(own.nats ? [{ name: 'NATS', port: ports.nats, variable: 'NATS_PORT' }] : []),
  ];
}

function variableOf(name: AppName): string {
  return name === 'gateway' ? 'PORT' : `${name.toUpperCase().replaceAll('-', '_')}_PORT`;
}

function completeApps(apps: Partial<Record<AppName, number>>): Record<AppName, number> {
  const missing = appNames.filter((name) => apps[name] === undefined);
  if (!isComplete(apps)) throw new Error(`no port for ${missing.join(', ')}`);
  return apps;
}

function isComplete(apps: Partial<Record<AppName, number>>): apps is Record<AppName, number> {
  return appNames.every((name) => apps[name] !== undefined);
}
