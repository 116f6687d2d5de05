// cpu:
export default () => { const a = []; for (;;) { try { a.push("x".repeat(1000) + a.length) } catch {} } }
