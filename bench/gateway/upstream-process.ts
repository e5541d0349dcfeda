import { createServer } from 'node:http';

/** What stands behind every gateway that is measured: a fixed answer of the size of a job's status. */
const body = JSON.stringify({
  job_id: '0192f0c1-2b3c-7d4e-8f50-617283940a1b',
  job_type: 'call_analysis',
  status: 'processing',
  progress: 30,
  created_at: '2024-12-15T10:30:00.000Z',
  updated_at: '2024-12-15T10:30:00.000Z',
  completed_at: null,
});
const headers = {
  'content-type': 'application/json; charset=utf-8',
  'content-length': Buffer.byteLength(body),
};

const server = createServer((_req, res) => res.writeHead(200, headers).end(body));
server.keepAliveTimeout = 60_000;
server.listen(Number(process.env.PORT), '127.0.0.1');
