// unsettled:
export default async (input) => { await input.source("quick"); await new Promise(() => {}) }
