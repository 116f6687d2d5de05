// threw: Error: a call may ask sources 50 times
export default async (input) => { await Promise.all(Array.from({ length: 100 }, (_, i) => input.source("quick", { i }))) }
