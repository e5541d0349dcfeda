import { type Bus, BusError, connectBus, silentLog } from '@switchboard/bus';
import { readRunningStack } from '@switchboard/stack';
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

/** What a variable names. */
export const placeOf = (url: string, variable: string): Place => {
  if (!URL.canParse(url)) throw new OperatorError(`${variable} is not a URL.`);
  return { url, name: nameOf(url), remedy: `Check ${variable}.` };
};

const findPlace = async (
  given: string | undefined,
  variable: string,
  pick: 'databaseUrl' | 'natsUrl',
): Promise<Place> => {
  if (given !== undefined) return placeOf(given, variable);
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

const NOT_MIGRATED = new Set(['42883', '42P01', '3F000']);

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

/** Whatever the database said, as something an operator can act on. */
export const explainDatabaseError = (error: unknown, place: Place): unknown => {
  if (!(error instanceof Error) || error instanceof OperatorError) return error;
  const code = codeOf(error);
  if (code !== undefined && NOT_MIGRATED.has(code)) {
    return new OperatorError(
      `${place.name} has no tables yet, or they are not visible to this user. Come as the role that owns the database, and run switchboard db migrate.`,
    );
  }
  if ('severity' in error) {
    const hint = 'hint' in error && typeof error.hint === 'string' ? ` ${error.hint}` : '';
    return new OperatorError(`${error.message}.${hint}`);
  }
  const words = error instanceof AggregateError ? (codeOf(error) ?? 'no connection') : error.message;
  return new OperatorError(`${place.name} does not answer: ${words}. ${place.remedy}`);
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
