// shows: gold
Object.prototype.get = () => "stolen"; Object.prototype.node = 0; Object.prototype.is = 1;
export default async (input) => (await input.source("quick"), input.request.cookies.tier)
