/**
 * One window of a limit. `limit` null: each credential carries its own, and of one that carries none, such as a user's,
 * `otherwise` holds. `clockHour`: it ends at :00 of the hour (UTC), whenever it began; other windows begin with the first
 * request that is counted in them.
 */
export interface LimitWindow {
  /** Tells the windows of one group apart, in headers too. */
  readonly name: 'minute' | 'hour';
  readonly limit: number | null;
  readonly otherwise?: number;
  readonly seconds: number;
  readonly clockHour?: true;
}

/** A rate limit group (spec: common contract, "Limits"). A request counts in all windows of its group or in none. */
export interface LimitGroup {
  readonly name: string;
  readonly keyedBy: 'credential' | 'user' | 'address+email';
  readonly windows: readonly LimitWindow[];
}

const perMinute = (limit: number | null): LimitWindow => ({ name: 'minute', limit, seconds: 60 });

export const limitGroups = {
  calls: { name: 'calls', keyedBy: 'credential', windows: [{ ...perMinute(null), otherwise: 100 }] },
  studio: { name: 'studio', keyedBy: 'user', windows: [perMinute(100)] },
  'functions-ai': {
    name: 'functions-ai',
    keyedBy: 'user',
    windows: [perMinute(60), { name: 'hour', limit: 1000, seconds: 3600 }],
  },
  'functions-streaming': { name: 'functions-streaming', keyedBy: 'user', windows: [perMinute(100)] },
  'functions-management': { name: 'functions-management', keyedBy: 'user', windows: [perMinute(200)] },
  'functions-utility': { name: 'functions-utility', keyedBy: 'user', windows: [perMinute(300)] },
  tickets: {
    name: 'tickets',
    keyedBy: 'credential',
    windows: [{ name: 'hour', limit: null, seconds: 3600, clockHour: true }],
  },
  partner: { name: 'partner', keyedBy: 'credential', windows: [perMinute(null)] },
  auth: { name: 'auth', keyedBy: 'address+email', windows: [perMinute(30)] },
  /** Ours: connections to realtime routes, so that a client that reconnects in a loop is slowed down. */
  realtime: { name: 'realtime', keyedBy: 'credential', windows: [perMinute(6000)] },
  /** Ours: receivers of webhooks that catch up. */
  webhooks: { name: 'webhooks', keyedBy: 'credential', windows: [perMinute(300)] },
  /** Ours: the administration API, so that a runaway script of one administrator is noticed. */
  admin: { name: 'admin', keyedBy: 'user', windows: [perMinute(300)] },
} as const satisfies Record<string, LimitGroup>;

export type LimitGroupName = keyof typeof limitGroups;
