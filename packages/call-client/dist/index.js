export { createCallClient, followCall, } from './client.js';
export { CallClientError } from './errors.js';
export { openMicrophone } from './microphone.js';
export { closeCodes } from './socket.js';
