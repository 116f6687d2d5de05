const start = Date.now() + Math.random();
export const euro = (n) => `€ ${n}`;
