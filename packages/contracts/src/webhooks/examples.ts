import type { RouteExample } from '../specs/examples.ts';

/** Requests and answers of webhooks as the API document shows them, by route id. */
export const webhookExamples: Readonly<Record<string, RouteExample>> = {};
