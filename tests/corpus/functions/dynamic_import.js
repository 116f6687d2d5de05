// shows: refused refused refused
export default async () => { const all = []; for (const name of ['node:fs', './none.js', '../../etc/passwd']) { try { await import(name); } catch { all.push('refused'); } } return all.join(' '); }
