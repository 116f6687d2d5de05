// unsettled:
export default async (input) => { await Promise.race([]) }
