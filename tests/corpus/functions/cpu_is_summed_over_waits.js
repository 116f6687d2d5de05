// cpu:
export default async (input) => { for (let i = 0; i < 40; i++) { await input.source("quick", { i }); const a = []; for (let j = 0; j < 300000; j++) a[j & 7] = j } return "done" }
