import type { Config } from '../../config.ts';
import { publicPlaceOf, setCookie } from '../pages/cookies.ts';
import { sha256Hex } from '../tokens/secrets.ts';

type FlowConfig = Pick<Config, 'identity'>;

export const FLOW_SECONDS = 600;

/** One a flow, so that two tabs may sign in at once. */
export const flowCookieName = (state: string): string => `switchboard_flow_${sha256Hex(state).slice(0, 16)}`;

const cookieOf = (config: FlowConfig, state: string, value: string, maxAgeSeconds: number): string => {
  const { root, secure } = publicPlaceOf(config);
  return setCookie(flowCookieName(state), value, { path: `${root}/auth/v1/callback`, maxAgeSeconds, secure });
};

export const giveFlowCookie = (config: FlowConfig, state: string, browserId: string): string =>
  cookieOf(config, state, browserId, FLOW_SECONDS);

export const takeFlowCookie = (config: FlowConfig, state: string): string => cookieOf(config, state, '', 0);
