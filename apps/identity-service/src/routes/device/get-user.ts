import { AppError, deviceRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { profileOf } from '../../domain/users/profile.ts';
import { findUserById } from '../../domain/users/user-repository.ts';

export const getStudioUser = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, deviceRoutes.getStudioUser, async ({ principal }) => {
    const user = await findUserById(data.db, principal.user_id);
    if (!user) throw new AppError('USER_NOT_FOUND');
    const { name, avatarUrl } = profileOf(user);
    return {
      status: 200,
      body: {
        id: user.id,
        email: user.email,
        name,
        ...(avatarUrl === null ? {} : { avatar_url: avatarUrl }),
      },
    };
  });
