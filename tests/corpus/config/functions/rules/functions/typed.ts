export default (a: string) => a
