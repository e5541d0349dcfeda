/** One row of the outbox, with its data as the text that was written. */
export interface OutboxRow {
  readonly id: string;
  readonly subject: string;
  readonly type: string;
  readonly data: string;
  readonly traceparent: string | null;
  readonly created_at: Date;
}

/**
 * The envelope as text, around the data as it stands: parsing and printing it again would cost more than the rest of
 * publishing together.
 */
export const envelopeText = (row: OutboxRow, source: string): string => {
  const head = JSON.stringify({
    specversion: '1.0',
    id: row.id,
    source,
    type: row.type,
    time: row.created_at.toISOString(),
    datacontenttype: 'application/json',
    ...(row.traceparent ? { traceparent: row.traceparent } : {}),
  });
  return `${head.slice(0, -1)},"data":${row.data}}`;
};
