import { z } from 'zod';

export interface FoundLlm {
  readonly baseUrl: string;
  readonly model: string;
  readonly program: string;
}

/** Where people run language models on their own machine. */
export const loopbackPrograms = [
  { program: 'Ollama', port: 11_434 },
  { program: 'llama.cpp', port: 8_080 },
  { program: 'vLLM', port: 8_000 },
  { program: 'LM Studio', port: 1_234 },
  { program: 'Jan', port: 1_337 },
] as const;

const discoveryMs = 400;
const answerBytesMax = 262_144;
const modelsSchema = z.object({ data: z.array(z.object({ id: z.string().min(1) })).min(1) });
/** Listed beside chat models by the same servers. */
const notChat = /embed|bge-|whisper|rerank|tts|clip/i;

/**
 * Looks for a language model on the loopback address: whoever answers `GET /v1/models` within 400 ms with `data[].id`
 * is one, anything else on these ports is not. All ports are asked at once; the first of the list wins.
 */
export async function discoverLlm(
  programs: readonly { readonly program: string; readonly port: number }[] = loopbackPrograms,
): Promise<FoundLlm | null> {
  const found = await Promise.all(
    programs.map(async ({ program, port }) => {
      const baseUrl = `http://127.0.0.1:${port}/v1`;
      const models = await listModels(baseUrl);
      const model = models.find((id) => !notChat.test(id));
      return model === undefined ? null : { baseUrl, model, program };
    }),
  );
  return found.find((entry) => entry !== null) ?? null;
}

/** Names of the models an OpenAI-compatible server has; none when it is no such server. */
export async function listModels(
  baseUrl: string,
  apiKey?: string,
  timeoutMs = discoveryMs,
): Promise<string[]> {
  try {
    const response = await fetch(`${baseUrl.replace(/\/+$/, '')}/models`, {
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
      headers: apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` },
    });
    if (!response.ok || Number(response.headers.get('content-length') ?? 0) > answerBytesMax) {
      await response.body?.cancel();
      return [];
    }
    return modelsSchema.parse(await response.json()).data.map((model) => model.id);
  } catch {
    return [];
  }
}
