// shows: function
export default async () => typeof (await import('./f.js')).default
