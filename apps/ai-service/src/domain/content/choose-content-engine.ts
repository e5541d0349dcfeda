import { discoverLlm, listModels, loopbackPrograms } from './discover-llm.ts';
import { createLlmContentEngine } from './llm-engine.ts';
import { createLocalContentEngine } from './local-engine.ts';
import type { ContentEngine } from './types.ts';

export interface ContentEngineConfig {
  /** LLM_BASE_URL */
  readonly llmBaseUrl?: string | undefined;
  /** LLM_API_KEY */
  readonly llmApiKey?: string | undefined;
  /** LLM_MODEL */
  readonly llmModel?: string | undefined;
  /** OPENAI_API_KEY */
  readonly openaiApiKey?: string | undefined;
  /** LLM_DISCOVERY; false looks for nothing on the loopback address. */
  readonly llmDiscovery: boolean;
  readonly llmTimeoutMs?: number | undefined;
  readonly onFallback?: (reason: string) => void;
  /** Where to look; the known programs unless told. */
  readonly llmPrograms?: readonly { readonly program: string; readonly port: number }[];
}

export interface ChosenContentEngine {
  readonly engine: ContentEngine;
  /** For the log at boot: which engine, and why. */
  readonly reason: string;
}

const openaiModel = 'gpt-4.1-mini';

/**
 * Chooses once, at boot: LLM_BASE_URL, else OpenAI with a key, else a model found on the loopback address, else the
 * local engine. Throws when LLM_BASE_URL is set and neither LLM_MODEL nor the server names a model.
 */
export async function chooseContentEngine(config: ContentEngineConfig): Promise<ChosenContentEngine> {
  const local = createLocalContentEngine();
  const shared = {
    fallback: local,
    ...(config.llmTimeoutMs === undefined ? {} : { timeoutMs: config.llmTimeoutMs }),
    ...(config.onFallback === undefined ? {} : { onFallback: config.onFallback }),
  };
  const apiKey = config.llmApiKey ?? config.openaiApiKey;
  if (config.llmBaseUrl !== undefined) {
    // A server of the operator's own gets only the key meant for it.
    const key = config.llmApiKey ?? 'none';
    const model = config.llmModel ?? (await listModels(config.llmBaseUrl, config.llmApiKey, 5_000))[0];
    if (model === undefined)
      throw new Error(
        'LLM_BASE_URL is set, but its server names no model at /models. Set LLM_MODEL, or check the address (it ends in /v1) and LLM_API_KEY.',
      );
    const engine = createLlmContentEngine({ ...shared, baseUrl: config.llmBaseUrl, apiKey: key, model });
    return { engine, reason: `language model ${model} at LLM_BASE_URL` };
  }
  if (apiKey !== undefined) {
    const model = config.llmModel ?? openaiModel;
    return {
      engine: createLlmContentEngine({ ...shared, baseUrl: null, apiKey, model }),
      reason: `language model ${model} at OpenAI`,
    };
  }
  if (config.llmDiscovery) {
    const found = await discoverLlm(config.llmPrograms ?? loopbackPrograms);
    if (found !== null) {
      const model = config.llmModel ?? found.model;
      return {
        engine: createLlmContentEngine({ ...shared, baseUrl: found.baseUrl, apiKey: 'none', model }),
        reason: `language model ${model} of ${found.program} at ${found.baseUrl} (LLM_DISCOVERY=false turns this off)`,
      };
    }
  }
  return { engine: local, reason: 'local engine: no language model is configured or running' };
}
