export { buildGateway, type GatewayDeps } from './app.ts';
export { configSchema, type GatewayConfig, loadGatewayConfig } from './config.ts';
export { type Admission, type Credential, RefusedCredential } from './credentials/credential.ts';
export { type Credentials, createCredentials } from './credentials/index.ts';
export { createLimitStore } from './limits/index.ts';
export { createRealtimeEdge, type RealtimeEdge } from './realtime/index.ts';
export { createRequestLog, type RequestLog } from './request-log/publisher.ts';
