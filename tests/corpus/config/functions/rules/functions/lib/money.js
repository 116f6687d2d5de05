export const euro = 1
