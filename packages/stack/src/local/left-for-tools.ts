import type { DemoPeople } from '../demo/people.ts';
import { localFiles, readJson } from './files.ts';
import type { DemoKey } from './secrets.ts';

/*
 * What a running stack leaves for tools. Apart from what runs it, so that a command reads these files without loading a
 * supervisor and a database's programs.
 */

/** What tools of this checkout need to reach the running stack; `.local/stack.json`, for its owner only. */
export interface RunningStack {
  pid: number;
  baseUrl: string;
  /** As the owner of the tables. */
  databaseUrl: string;
  natsUrl: string;
}

/** What people and tools need to use the running stack; `.local/demo.json`, for its owner only. */
export interface DemoFile extends Partial<DemoPeople> {
  baseUrl: string;
  partner: DemoCredentials;
  partnerProduction: DemoCredentials;
  anonKey: string;
  webhookSink: string;
  services: Record<string, { url: string; pid: number | undefined }>;
}

export type DemoCredentials = Omit<DemoKey, 'keyId'>;

/** What `runLocalStack` left for tools, if it runs. */
export async function readRunningStack(): Promise<RunningStack | undefined> {
  const kept = await readJson(localFiles.stack);
  return isRunningStack(kept) ? kept : undefined;
}

/** What `runLocalStack` left for whoever wants to try it, if it runs. */
export async function readDemoFile(): Promise<DemoFile | undefined> {
  const kept = await readJson(localFiles.demo);
  return isDemoFile(kept) ? kept : undefined;
}

function isDemoFile(value: unknown): value is DemoFile {
  return typeof value === 'object' && value !== null && 'services' in value && 'partner' in value;
}

function isRunningStack(value: unknown): value is RunningStack {
  return typeof value === 'object' && value !== null && 'databaseUrl' in value && 'baseUrl' in value;
}
