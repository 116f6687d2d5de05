// shows: ok
Object.prototype.then = undefined;
export default async (input) => ((await input.source("quick")), "ok")
