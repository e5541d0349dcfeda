import pg from 'pg';

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Actual Rows'?: number;
  readonly 'Actual Loops'?: number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly Plans?: readonly PlanNode[];
}

interface Query {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

interface QueryCost {
  /** Tables that were read from end to end. */
  readonly wholeTables: readonly string[];
  readonly rowsTouched: number;
}

export interface QueryMeter {
  /** For the dialect of the executor whose queries are looked at. */
  readonly pool: pg.Pool;
  /** For its `log`. */
  note(event: { readonly query: Query }): void;
  /** Runs something, and explains every query it made. */
  costOf(work: () => Promise<unknown>): Promise<QueryCost>;
  close(): Promise<void>;
}

const allNodes = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(allNodes)];

/** A bitmap of an index names no table, and may hold far more rows than are then read from it. */
const isScan = (node: PlanNode): boolean =>
  node['Relation Name'] !== undefined || node['Node Type'] === 'Bitmap Index Scan';

const touchedBy = (node: PlanNode): number =>
  (node['Actual Loops'] ?? 1) *
  ((node['Actual Rows'] ?? 0) +
    (node['Rows Removed by Filter'] ?? 0) +
    (node['Rows Removed by Index Recheck'] ?? 0));

/** Tells what queries cost by what they look at, which is the same on every machine; time is not. */
export const openQueryMeter = (options: pg.PoolConfig): QueryMeter => {
  const pool = new pg.Pool({ max: 2, ...options });
  // A pool says that it ended before its connections have: dropping the database then kills one, which nobody minds.
  pool.on('error', () => undefined);
  let noted: Query[] = [];
  return {
    pool,
    note: ({ query }) => void noted.push(query),
    async costOf(work) {
      noted = [];
      await work();
      if (noted.length === 0) throw new Error('No query was noted: is the executor another one?');
      const scans: PlanNode[] = [];
      for (const { sql, parameters } of [...noted]) {
        const plan = await pool.query(`EXPLAIN (ANALYZE, FORMAT JSON) ${sql}`, [...parameters]);
        const nodes = allNodes(plan.rows[0]['QUERY PLAN'][0].Plan);
        scans.push(...nodes.filter(isScan));
      }
      return {
        wholeTables: scans
          .filter((node) => node['Node Type'] === 'Seq Scan')
          .map((node) => node['Relation Name'] ?? ''),
        rowsTouched: scans.reduce((sum, node) => sum + touchedBy(node), 0),
      };
    },
    close: () => pool.end(),
  };
};
