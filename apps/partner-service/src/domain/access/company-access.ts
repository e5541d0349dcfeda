import { AppError, type PartnerPrincipal } from '@switchboard/contracts';

/** A key bound to a company reaches that company alone. Said before it is known whether the other one exists. */
export const requireCompanyAccess = (principal: PartnerPrincipal, companyId: string): void => {
  if (principal.company_id !== null && principal.company_id !== companyId.toLowerCase()) {
    throw new AppError('COMPANY_ACCESS_DENIED');
  }
};

/** For what is done to companies as a whole, such as making one. */
export const requireUnboundKey = (principal: PartnerPrincipal): void => {
  if (principal.company_id !== null) {
    throw new AppError('COMPANY_ACCESS_DENIED', {
      message: 'This API key belongs to one company and cannot create others',
    });
  }
};

/** What of jobs and calls a principal sees: its partner's, in its environment, of its company if it is bound to one. */
export interface Visibility {
  readonly partnerId: string;
  readonly environment: PartnerPrincipal['environment'];
  readonly companyId: string | null;
}

export const visibilityOf = (principal: PartnerPrincipal): Visibility => ({
  partnerId: principal.partner_id,
  environment: principal.environment,
  companyId: principal.company_id,
});
