// cpu:
export default async () => { for (;;) { try { await Promise.reject(1) } catch {} } }
