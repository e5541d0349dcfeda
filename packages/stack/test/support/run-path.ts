import { delimiter, dirname } from 'node:path';
import { bringTool } from '../../src/tools/bring-tool.ts';

const nats = await bringTool('nats-server');

/** A PATH with the nats-server this machine has already, so that a fresh `.local` need not fetch it again. */
export function runPath(): string {
  return [dirname(nats), dirname(process.execPath), '/usr/local/bin', '/usr/bin', '/bin'].join(delimiter);
}
