export const a = {

