// shows: TypeError TypeError TypeError TypeError
export default async () => { const said = []; for (const name of ['setTimeout', 'setInterval', 'setImmediate', 'fetch']) { try { await globalThis[name](() => {}, 0); } catch (error) { said.push(error.name); } } return said.join(' '); }
