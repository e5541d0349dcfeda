import { stackEnvironment } from '../config.ts';
import { localPorts, portUses } from '../local/ports.ts';
import { localDir } from '../paths.ts';
import { type Check, checkArchitecture, checkDisk, checkNode, checkPorts, checkWritable } from './checks.ts';

/**
 * Looks at everything that must be right before a start. Changes nothing but making `.local`.
 *
 * @param options.isRunning this checkout's own stack runs: its ports are taken, as they should be
 */
export async function runPreflight(options: { isRunning?: boolean } = {}): Promise<Check[]> {
  const environment = stackEnvironment();
  const brings = { postgres: environment.databaseUrl !== undefined, nats: environment.natsUrl !== undefined };
  const writable = checkWritable(localDir);
  return [
    checkNode(process.versions.node),
    checkArchitecture(`${process.platform}-${process.arch}`, brings),
    writable,
    ...(writable.ok ? [checkDisk(localDir)] : []),
    ...(await checkPorts(
      portUses(localPorts(), { postgres: !brings.postgres, nats: !brings.nats }),
      options,
    )),
  ];
}

/** One line a check, and under a failed one what to do. */
export function renderChecks(checks: readonly Check[]): string {
  return checks
    .map((check) => {
      const line = `${check.ok ? 'ok  ' : 'FAIL'}  ${check.name.padEnd(13)} ${check.found}`;
      return check.remedy ? `${line}\n      remedy: ${check.remedy}` : line;
    })
    .join('\n');
}
