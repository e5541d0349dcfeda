import { checkUrl, stackEnvironment } from '../config.ts';
import { startNats } from '../nats/nats.ts';
import { checkJetStream } from '../nats/wire.ts';
import { fromHere } from '../paths.ts';
import type { StackConsole } from '../supervisor/console.ts';
import { localFiles } from './files.ts';
import { keepAlive } from './keep-alive.ts';

export interface LocalBroker {
  url: string;
  where: string;
  stop(): Promise<void>;
}

/** The operator's NATS when NATS_URL is set, else one of our own. */
export async function startBroker(port: number, out: StackConsole): Promise<LocalBroker> {
  const { natsUrl } = stackEnvironment();
  if (natsUrl) {
    for (const url of natsUrl.split(',')) {
      checkUrl('NATS_URL', url.trim(), ['nats:', 'tls:'], 'nats://host:4222');
    }
    await checkExternal(natsUrl);
    return { url: natsUrl, where: hostOf(natsUrl), stop: async () => undefined };
  }
  const server = await startNats({
    dir: localFiles.nats,
    port,
    onNote: (note) => out.say(note),
    onLine: (line) => out.quietLine('nats', line, /\[(ERR|FTL|WRN)\]/.test(line)),
  });
  const keeper = keepAlive('nats', server, out);
  return {
    url: server.url,
    where: `127.0.0.1:${port}, files in ${fromHere(localFiles.nats)}`,
    stop: keeper.stop,
  };
}

async function checkExternal(natsUrl: string): Promise<void> {
  const faults: string[] = [];
  for (const url of natsUrl.split(',')) {
    try {
      await checkJetStream(url.trim());
      return;
    } catch (error) {
      faults.push(`${hostOf(url)}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new Error(
    `The NATS in NATS_URL cannot be used: ${faults.join('; ')}.\nStart it with JetStream (nats-server -js), correct the URL, or unset NATS_URL to use one of our own.`,
  );
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url;
}
