// threw: Error: a call may ask sources 50 times
export default async (input) => { for (let i = 0; i < 100; i++) await input.source("quick", { i }) }
