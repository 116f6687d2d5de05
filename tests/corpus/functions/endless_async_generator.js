// cpu:
async function* all() { for (;;) yield 1; }
export default async () => { for await (const one of all()) one; }
