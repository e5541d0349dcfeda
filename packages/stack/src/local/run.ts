import { rm } from 'node:fs/promises';
import { migrate } from '@switchboard/db';
import { stackEnvironment } from '../config.ts';
import { createPartnerClient } from '../demo/api-client.ts';
import { createCallsClient, provideDemoCalls } from '../demo/calls.ts';
import { finishDemoJob, postDemoJob } from '../demo/job.ts';
import { provideDemoKeys } from '../demo/keys.ts';
import { asAdministrator, type DemoPeople, provideDemoPeople } from '../demo/people.ts';
import { renderScreen } from '../demo/screen.ts';
import { provideDemoTenant } from '../demo/tenant.ts';
import { createTicketsClient, provideDemoTickets } from '../demo/tickets.ts';
import { startWebhookSink } from '../demo/webhook-sink.ts';
import { fromHere } from '../paths.ts';
import { renderChecks, runPreflight } from '../preflight/preflight.ts';
import { endInOrder, type Ward } from '../process/end-in-order.ts';
import { recordChildrenIn } from '../process/watchdog.ts';
import { createConsole, type StackConsole } from '../supervisor/console.ts';
import { type Supervised, supervise } from '../supervisor/supervise.ts';
import { startBroker } from './broker.ts';
import { provideServiceUrls, startDatabase } from './database.ts';
import { localFiles, readJson, writePrivateJson } from './files.ts';
import type { DemoCredentials, DemoFile, RunningStack } from './left-for-tools.ts';
import { localPorts } from './ports.ts';
import { resetLocal } from './reset.ts';
import { type DemoKey, provideSecrets, withOperatorsOwn } from './secrets.ts';
import { baseUrlOf, localPrograms } from './services.ts';
import { askedToEnd } from './shutdown.ts';

const READY_MS = 90_000;
const DEMO_JOB_MS = 300_000;
const SERVICE_GRACE_MS = 12_000;

/** What undoes the steps of a start, latest first. */
type Undo = () => Promise<void>;

/** Starts everything, shows the screen, and runs until asked to end. Gives the exit code. The lock must be held. */
export async function runLocalStack(options: { reset: boolean }): Promise<number> {
  const out = createConsole({ logsDir: localFiles.logs, colour: stackEnvironment().wantsColour });
  const undo: Undo[] = [];
  const ending = new AbortController();
  const asked = askedToEnd().then((reason) => {
    ending.abort();
    out.say(`Ending everything (${reason}) …`);
  });
  const startedAt = performance.now();
  const starting = startEverything(options, out, undo, ending.signal);
  let code = 0;
  try {
    // Asked to end in the middle of a start: what is under way is undone as soon as its step returns.
    await Promise.race([starting, asked]);
    if (!ending.signal.aborted) {
      out.say(`Started in ${Math.round((performance.now() - startedAt) / 100) / 10} s.`);
      await asked;
    }
  } catch (error) {
    out.say(`\n${messageOf(error)}\n`);
    code = 1;
  }
  const startOver = starting.catch(() => undefined);
  await undoAll(undo, out);
  await startOver;
  await undoAll(undo, out);
  out.say('Everything has ended.');
  out.close();
  return code;
}

async function startEverything(
  options: { reset: boolean },
  out: StackConsole,
  undo: Undo[],
  signal: AbortSignal,
): Promise<void> {
  await endLeftovers(out);
  for (const path of [localFiles.demo, localFiles.stack]) await rm(path, { force: true });
  if (options.reset) {
    await resetLocal();
    out.say('Beginning anew: the local database, streams, secrets and logs are gone.');
    if (stackEnvironment().databaseUrl) out.say('What is in DATABASE_URL is yours and was left as it is.');
  }
  const checks = await runPreflight();
  if (checks.some((check) => !check.ok)) {
    throw new Error(`This machine is not ready:\n${renderChecks(checks)}`);
  }
  recordChildrenIn(localFiles.children);
  const ports = localPorts();
  const secrets = await provideSecrets();
  const effective = withOperatorsOwn(secrets);

  signal.throwIfAborted();
  out.say('Starting Postgres …');
  const database = await startDatabase(secrets, ports.postgres, out);
  undo.push(database.stop);
  signal.throwIfAborted();
  out.say('Starting NATS …');
  const broker = await startBroker(ports.nats, out);
  undo.push(broker.stop);
  signal.throwIfAborted();
  out.say('Bringing the database up to date …');
  await migrate({ url: database.ownerUrl, log: (line) => out.say(line) });
  const databaseUrls = await provideServiceUrls(database, secrets, out);
  const keys = await provideDemoKeys(database, secrets, effective.webhookSecret);

  signal.throwIfAborted();
  const sink = await startWebhookSink({
    port: ports.sink,
    secrets: { sandbox: keys.sandbox.webhookSecret, production: keys.production.webhookSecret },
    onCallback: (callback) => {
      const verdict = callback.signedBy ? `signature verified (${callback.signedBy})` : 'SIGNATURE WRONG';
      const job = callback.headers['x-webhook-id'];
      const what =
        job === undefined ? `message ${callback.headers['webhook-id']}` : `callback for job ${job}`;
      out.line('webhook sink', `${what}: ${verdict}`);
      out.line('webhook sink', shorten(callback.body, 600));
    },
  });
  undo.push(sink.stop);

  signal.throwIfAborted();
  const baseUrl = baseUrlOf(ports);
  const services: Supervised[] = [];
  let isReady = false;
  let people: DemoPeople | undefined;
  let writing = Promise.resolve();
  const writeDemoFileNow = async () => {
    const running = services.map((service) => [service.name, { url: service.url, pid: service.pid() }]);
    const demo: DemoFile = {
      baseUrl,
      partner: withoutId(keys.sandbox),
      partnerProduction: withoutId(keys.production),
      anonKey: effective.anonKey,
      ...people,
      webhookSink: sink.url,
      services: Object.fromEntries(running),
    };
    await writePrivateJson(localFiles.demo, demo);
  };
  // One write after the other, and none before everything is ready: the file means that the stack can be used.
  const writeDemoFile = () => {
    if (!isReady || signal.aborted) return;
    writing = writing.then(writeDemoFileNow).catch((error: Error) => out.say(error.message));
  };
  undo.push(async () => {
    await writing;
    await Promise.all([localFiles.demo, localFiles.stack].map((path) => rm(path, { force: true })));
  });
  undo.push(async () => {
    await Promise.all(services.map((service) => service.stop(SERVICE_GRACE_MS)));
  });
  out.say('Starting the services …');
  for (const program of localPrograms({ ports, secrets: effective, databaseUrls, natsUrl: broker.url })) {
    services.push(
      await supervise(program, {
        onLine: (name, line) => out.line(name, line),
        onEvent: (name, event) => out.say(`${name} ${event}`),
        // Tools find the new process id after a crash, too.
        onStarted: writeDemoFile,
      }),
    );
  }
  await waitUntilAllReady(services);
  people = await provideDemoPeople(baseUrl, secrets, effective, {
    url: new URL('/webhooks', sink.url).href,
    owner: `partner_key:${keys.sandbox.keyId}`,
  }).catch((error: Error) => {
    // Somebody may have changed a password: the rest is of use without these.
    out.say(error.message);
    return undefined;
  });
  if (people) sink.trust('demo endpoint', people.webhookEndpoint.secret);
  isReady = true;
  writeDemoFile();
  await writing;
  const stack: RunningStack = {
    pid: process.pid,
    baseUrl,
    databaseUrl: database.ownerUrl,
    natsUrl: broker.url,
  };
  await writePrivateJson(localFiles.stack, stack);

  signal.throwIfAborted();
  out.say(`Ready at ${baseUrl}. Sending the bundled recording through the whole job …`);
  if (people) {
    // Nothing else needs them, so nothing else fails without them.
    const calls = createCallsClient(baseUrl, people.apiKey);
    const tickets = createTicketsClient(baseUrl, people.integrationToken);
    await provideDemoCalls(calls).catch((error: Error) => out.say(error.message));
    await asAdministrator(baseUrl, effective, (admin) => provideDemoTickets(tickets, { admin, calls })).catch(
      (error: Error) => out.say(error.message),
    );
  }
  const partner = createPartnerClient(baseUrl, keys.sandbox);
  const tenant = await provideDemoTenant(partner);
  const job = await postDemoJob(partner, tenant, sink.url);
  const outcome = await finishDemoJob(partner, sink, job, {
    timeoutMs: DEMO_JOB_MS,
    signal,
    onProgress: (progress) => out.say(`job ${job.jobId}: ${progress}`),
  }).catch((error: Error) => ({ fault: error.message }));
  signal.throwIfAborted();
  process.stdout.write(
    renderScreen({
      baseUrl,
      keys,
      people,
      anonKey: effective.anonKey,
      adminPassword: stackEnvironment().adminPassword ? undefined : effective.admin.password,
      tenant,
      sinkUrl: sink.url,
      jobId: job.jobId,
      recording: job.recording,
      databaseWhere: database.where,
      natsWhere: broker.where,
      demoFile: fromHere(localFiles.demo),
      logsDir: fromHere(localFiles.logs),
      localDirGiven: stackEnvironment().localDir,
      outcome,
    }),
  );
}

/** Throws when one cannot get ready. All are waited for, so that every wrong setting of every service is named at once. */
async function waitUntilAllReady(services: readonly Supervised[]): Promise<void> {
  const outcomes = await Promise.allSettled(services.map((service) => service.waitReady(READY_MS)));
  const faults = outcomes.flatMap((outcome) =>
    outcome.status === 'rejected' ? [messageOf(outcome.reason)] : [],
  );
  if (faults.length === 0) return;
  throw new Error(
    `${faults.join('\n\n')}\n\nSettings come from the environment and from .env (docs/configuration.md); logs are in ${fromHere(localFiles.logs)}.`,
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Ends what a start left behind that was ended together with its watchdog. */
async function endLeftovers(out: StackConsole): Promise<void> {
  const kept = await readJson(localFiles.children);
  if (!Array.isArray(kept)) return;
  const wards: Ward[] = kept.filter((ward) => typeof ward?.pid === 'number');
  const ended = await endInOrder(wards, 8_000);
  if (ended > 0) out.say(`Ended ${ended} processes that an earlier start left behind.`);
}

async function undoAll(undo: Undo[], out: StackConsole): Promise<void> {
  for (let step = undo.pop(); step; step = undo.pop()) {
    await step().catch((error: Error) => out.say(`while ending: ${error.message}`));
  }
}

function withoutId(key: DemoKey): DemoCredentials {
  return { key: key.key, secret: key.secret, webhookSecret: key.webhookSecret };
}

function shorten(text: string, charactersMax: number): string {
  return text.length > charactersMax ? `${text.slice(0, charactersMax)}… (${text.length} characters)` : text;
}
