import { AUDIO_SECONDS_MAX } from '@switchboard/contracts';
import { openConnections, runService, targetPolicyFor } from '@switchboard/service-kit';
import { buildApp } from './app.ts';
import { type Config, readConfig } from './config.ts';
import { startJobWorker } from './consumers/analyse-job.ts';
import { startCancelConsumer } from './consumers/cancel-analysis.ts';
import { startHousekeeping } from './domain/analysis/housekeeping.ts';
import { chooseContentEngine } from './domain/content/choose-content-engine.ts';
import { removeForgottenRecordings } from './domain/runtime/recording-folder.ts';
import { createTranscriptionEngine } from './domain/transcription/index.ts';

await runService<Config>({
  name: 'ai-service',
  loadConfig: readConfig,
  async start(boot) {
    const { config, log, clock, ids, metrics, lifecycle } = boot;
    const app = await buildApp(boot);
    await lifecycle.listen(app, config.server);
    const { bus, ctx, watchConsumer } = await openConnections(boot, { service: 'ai-service', schema: 'ai' });

    const transcription = await createTranscriptionEngine({
      ...config.transcription,
      ...config.providers,
      concurrency: config.analysis.concurrency,
    });
    lifecycle.onClose('transcription', () => transcription.close());
    const content = await chooseContentEngine({
      llmBaseUrl: config.languageModel.baseUrl,
      llmApiKey: config.languageModel.apiKey,
      llmModel: config.languageModel.model,
      openaiApiKey: config.providers.openAiApiKey,
      llmDiscovery: config.languageModel.discovery,
      onFallback: (reason) =>
        log.warn({ reason }, 'the language model did not help; the local engine answered'),
    });
    log.info({ transcription: transcription.name, content: content.reason }, 'engines chosen');

    const countOutcome = metrics.counterBy('analyses_total', 'Analyses by outcome', 'outcome');
    const observeSeconds = metrics.histogram(
      'analysis_duration_seconds',
      'Time from taking a job to its end',
      [0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600],
    );
    const observeRealTimeFactor = metrics.histogram(
      'analysis_real_time_factor',
      'Time of an analysis over the length of its recording',
      [0.01, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 1, 2],
    );
    watchConsumer(
      startJobWorker({
        ctx,
        bus,
        ids,
        engines: { transcription, content: content.engine },
        settings: {
          decode: {
            secondsMax: AUDIO_SECONDS_MAX,
            ...(config.analysis.ffmpegPath ? { ffmpegPath: config.analysis.ffmpegPath } : {}),
          },
          redactPersonalData: config.analysis.redactPersonalData,
          simulatedSlowSeconds: config.analysis.simulatedSlowSeconds,
        },
        source: {
          policyFor: (environment) =>
            targetPolicyFor(environment, {
              allowPrivate: config.analysis.allowPrivateTargets,
              proxyUrl: config.analysis.proxyUrl,
            }),
        },
        concurrency: config.analysis.concurrency,
        onFinished(outcome, seconds, audioSeconds) {
          countOutcome(outcome);
          observeSeconds(seconds);
          if (audioSeconds > 0) observeRealTimeFactor(seconds / audioSeconds);
        },
      }),
    );
    watchConsumer(startCancelConsumer(ctx, bus));
    await removeForgottenRecordings(clock.now());
    const housekeeping = startHousekeeping(ctx);
    lifecycle.onStopWork('housekeeping', () => housekeeping.stop());
  },
});
