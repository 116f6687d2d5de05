// shows: 3
globalThis.Promise = class {};
export default async (input) => `${(await input.source("quick")).left}`
