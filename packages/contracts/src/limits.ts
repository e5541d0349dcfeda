/** A rate limit group (spec: common contract, "Limits"). `limit` null: each credential carries its own. */
export interface LimitGroup {
  readonly name: string;
  readonly keyedBy: 'credential' | 'user' | 'address+email';
  readonly windows: readonly { readonly limit: number | null; readonly seconds: number }[];
}

export const limitGroups = {
  partner: { name: 'partner', keyedBy: 'credential', windows: [{ limit: null, seconds: 60 }] },
} as const satisfies Record<string, LimitGroup>;

export type LimitGroupName = keyof typeof limitGroups;
