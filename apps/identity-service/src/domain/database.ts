import type { DataContext, Emit, Schemas } from '@switchboard/db';
import type { Kysely } from 'kysely';

/** What repositories take first: the pool, or the transaction they shall be part of. */
export type Executor = Kysely<Schemas['identity']>;

/** What operations take first: it begins transactions and makes times and ids. */
export type Data = DataContext<'identity'>;

export type { Emit };
