// shows: 50
export default async (input) => { let n = 0; for (let i = 0; i < 100; i++) try { await input.source("quick", { i }); n++ } catch {} return `${n}` }
