import { authRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';

export const getSettings = (app: FastifyInstance, { config }: Deps): void =>
  implement(app, authRoutes.settings, () => {
    const { identity, providers } = config;
    return {
      status: 200,
      body: {
        external: {
          email: true,
          phone: false,
          anonymous_users: false,
          google: providers.googleClientId !== undefined && providers.googleClientSecret !== undefined,
          twitter: providers.twitterClientId !== undefined && providers.twitterClientSecret !== undefined,
        },
        disable_signup: !identity.signupEnabled,
        mailer_autoconfirm: !identity.requireEmailConfirmation,
        phone_autoconfirm: false,
        sms_provider: '',
        saml_enabled: false,
      },
    };
  });
