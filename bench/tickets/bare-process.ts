import Fastify from 'fastify';
import pg from 'pg';

/** What a ticket costs where nothing is promised: Fastify, `pg`, one INSERT or one SELECT; no credential, no history. */
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL ?? '', max: 20 });
await pool.query(
  'CREATE TABLE IF NOT EXISTS public.bare_tickets (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), title text NOT NULL, description text, priority text, category text, metadata json, created_at timestamptz NOT NULL DEFAULT now())',
);
const app = Fastify();
app.get('/', () => ({ status: 'ok' }));
app.post<{ Body: Record<string, unknown> }>('/tickets', async (request, reply) => {
  const { title, description, priority, category, metadata } = request.body;
  const { rows } = await pool.query(
    'INSERT INTO public.bare_tickets (title, description, priority, category, metadata) VALUES ($1, $2, $3, $4, $5) RETURNING *',
    [title, description, priority, category, JSON.stringify(metadata)],
  );
  return reply.status(201).send({ ticket: rows[0] });
});
app.get<{ Params: { id: string } }>('/tickets/:id', async (request) => {
  const { rows } = await pool.query('SELECT * FROM public.bare_tickets WHERE id = $1', [request.params.id]);
  return { ticket: rows[0] };
});
await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) });
