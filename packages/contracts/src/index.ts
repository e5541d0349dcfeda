export * from './ai/events.ts';
export * from './audio.ts';
export * from './audit.ts';
export * from './calls/admin-routes.ts';
export * from './calls/events.ts';
export * from './calls/realtime.ts';
export * from './calls/routes.ts';
export * from './calls/rpcs.ts';
export {
  type ActionInput,
  type actionAnswer,
  actionBody,
  type CallAction,
  type CallReason,
  type CallStatus,
  type CallType,
  callActions,
  type callDetailAnswer,
  type callLogSchema,
  callReasonSchema,
  type callStatsAnswer,
  type callStatsQuery,
  callStatuses,
  callTypes,
  createCallAnswer,
  type createCallBody,
  type createCallTicketAnswer,
  type endCallAnswer,
  endReasons,
  failureReasons,
  type iceServerSchema,
  importCallsAnswer,
  type importCallsBody,
  importedCallSchema,
  type listCallLogsQuery,
  type performedActionSchema,
  phoneSchema,
} from './calls/schemas.ts';
export * from './credentials/keys.ts';
export * from './credentials/principal.ts';
export * from './credentials/tickets.ts';
export * from './errors/app-error.ts';
export * from './errors/catalogue.ts';
export * from './errors/render.ts';
export * from './event.ts';
export * from './fields.ts';
export * from './gateway/admin-routes.ts';
export * from './gateway/events.ts';
export * from './gateway/health.ts';
export * from './identity/admin-routes.ts';
export * from './identity/admin-schemas.ts';
export * from './identity/auth-routes.ts';
export { sessionAnswerSchema, userAnswerSchema } from './identity/auth-schemas.ts';
export * from './identity/device-routes.ts';
export { DEVICE_GRANT_TYPE, type SignInProvider, signInProviders } from './identity/device-schemas.ts';
export * from './identity/events.ts';
export * from './identity/rpcs.ts';
export * from './limits.ts';
export * from './partner/admin-routes.ts';
export * from './partner/analysis-results.ts';
export * from './partner/events.ts';
export * from './partner/routes.ts';
export * from './partner/rpcs.ts';
export * from './partner/schemas.ts';
export * from './partner/webhook-secret.ts';
export * from './realtime.ts';
export * from './registry.ts';
export * from './route.ts';
export * from './rpc.ts';
export * from './runtime/clock.ts';
export * from './runtime/ids.ts';
export * from './runtime/trace.ts';
export * from './services.ts';
export * from './surfaces.ts';
export * from './tickets/admin-routes.ts';
export * from './tickets/admin-schemas.ts';
export * from './tickets/endpoints.ts';
export * from './tickets/events.ts';
export * from './tickets/routes.ts';
export * from './tickets/rpcs.ts';
export * from './tickets/schemas.ts';
export * from './tickets/staff-routes.ts';
export {
  type StaffTicketView,
  staffTicketSchema,
  ticketHistoryTypes,
} from './tickets/staff-schemas.ts';
export * from './webhooks/admin-routes.ts';
export type { DeliverySummary, EndpointAnswer, FeedAnswer, ReplayAnswer } from './webhooks/admin-schemas.ts';
export { replayFilterSchema } from './webhooks/admin-schemas.ts';
export * from './webhooks/events.ts';
export * from './webhooks/routes.ts';
export * from './webhooks/rpcs.ts';
export * from './webhooks/schemas.ts';
export { TOKEN_WEBHOOKS_MAX } from './webhooks/token-schemas.ts';
