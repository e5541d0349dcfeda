export { foundation as migration } from '../../../migrate/foundation.ts';
