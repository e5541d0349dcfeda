import type { DataContext, Emit, Schemas } from '@switchboard/db';
import type { Kysely, Selectable } from 'kysely';

/** What repositories take first: the pool, or the transaction they shall be part of. */
export type Executor = Kysely<Schemas['calls']>;

/** What operations take first: it begins transactions and makes times and ids. */
export type Data = DataContext<'calls'>;

export type { Emit };

/** A call as the database has it. */
export type Call = Selectable<Schemas['calls']['calls']>;
