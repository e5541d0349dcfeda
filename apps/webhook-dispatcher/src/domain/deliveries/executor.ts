import type { QueryExecutorProvider } from 'kysely';

/** A database or a transaction on it: what repositories run their statements on. */
export type Executor = QueryExecutorProvider;
