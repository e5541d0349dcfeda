import { type Bus, BusError, connectBus, silentLog } from '@switchboard/bus';
import { createDatabase, type Schemas } from '@switchboard/db';
import { readRunningStack } from '@switchboard/stack';
import type { Kysely } from 'kysely';
import { OperatorError } from './command.ts';
import type { Environment } from './config.ts';

export interface Place {
  readonly url: string;
  /** What messages call it; never with a password. */
  readonly name: string;
  /** What to do when it does not answer. */
  readonly remedy: string;
}

const nameOf = (url: string): string => {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
};

const findPlace = async (
  given: string | undefined,
  variable: string,
  pick: 'databaseUrl' | 'natsUrl',
): Promise<Place> => {
  if (given !== undefined) {
    if (!URL.canParse(given)) throw new OperatorError(`${variable} is not a URL.`);
    return { url: given, name: nameOf(given), remedy: `Check ${variable}.` };
  }
  const stack = await readRunningStack();
  if (!stack) {
    throw new OperatorError(
      `Set ${variable}, or start the local stack with npm start: none was found running here.`,
    );
  }
  return {
    url: stack[pick],
    name: `The local stack (${nameOf(stack[pick])})`,
    remedy: 'Start it with npm start.',
  };
};

/** DATABASE_URL, else the database of the local stack. */
export const findDatabase = ({ databaseUrl }: Environment): Promise<Place> =>
  findPlace(databaseUrl, 'DATABASE_URL', 'databaseUrl');

/** WEBHOOK_SECRET; that of the local stack only for the local stack's own database. */
export const findWebhookSecret = async (environment: Environment): Promise<string | undefined> => {
  if (environment.webhookSecret !== undefined) return environment.webhookSecret;
  return environment.databaseUrl === undefined ? (await readRunningStack())?.webhookSecret : undefined;
};

const NOT_MIGRATED = new Set(['42883', '42P01', '3F000']);

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

/** Whatever the database said, as something an operator can act on. */
const explainDatabaseError = (error: unknown, place: Place): unknown => {
  if (!(error instanceof Error) || error instanceof OperatorError) return error;
  const code = codeOf(error);
  if (code !== undefined && NOT_MIGRATED.has(code)) {
    return new OperatorError(
      `${place.name} has no partner tables yet, or they are not visible to this user. Run switchboard db migrate.`,
    );
  }
  if ('severity' in error) {
    const hint = 'hint' in error && typeof error.hint === 'string' ? ` ${error.hint}` : '';
    return new OperatorError(`${error.message}.${hint}`);
  }
  const words = error instanceof AggregateError ? (codeOf(error) ?? 'no connection') : error.message;
  return new OperatorError(`${place.name} does not answer: ${words}. ${place.remedy}`);
};

/** Runs something on the partner schema in one transaction, and says what is wrong in words. */
export const withPartnerDatabase = async <Result>(
  environment: Environment,
  work: (db: Kysely<Schemas['partner']>) => Promise<Result>,
): Promise<Result> => {
  const place = await findDatabase(environment);
  const database = createDatabase({
    url: place.url,
    schema: 'partner',
    applicationName: 'switchboard-cli',
    poolMax: 1,
    log: silentLog,
  });
  try {
    return await database.db.transaction().execute(work);
  } catch (error) {
    throw explainDatabaseError(error, place);
  } finally {
    await database.close();
  }
};

/** Runs something with the bus: NATS_URL, else the local stack's NATS. */
export const withBus = async <Result>(
  environment: Environment,
  work: (bus: Bus) => Promise<Result>,
): Promise<Result> => {
  const place = await findPlace(environment.natsUrl, 'NATS_URL', 'natsUrl');
  const bus = await connectBus({
    url: place.url,
    name: 'switchboard-cli',
    log: silentLog,
    waitForConnection: false,
  });
  try {
    return await work(bus);
  } catch (error) {
    if (error instanceof BusError)
      throw new OperatorError(`${place.name} does not answer: ${error.message}. ${place.remedy}`);
    throw error;
  } finally {
    await bus.close();
  }
};
