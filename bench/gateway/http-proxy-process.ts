import httpProxy from '@fastify/http-proxy';
import { fastify } from 'fastify';

/** `@fastify/http-proxy` with nothing around it: what the gateway is measured against. */
const app = fastify();
await app.register(httpProxy, { upstream: String(process.env.UPSTREAM_URL) });
await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) });
